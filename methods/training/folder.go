package training

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training/tfevents"
)

// folder is a run's folder and the two logs that grow in it.
type folder struct {
	path            string
	metrics, events *os.File
	writer          *tfevents.Writer
}

func (f folder) at(elem ...string) string { return filepath.Join(append([]string{f.path}, elem...)...) }

// leaves are what a run leaves, config.yaml last: as long as it is there the folder
// is known to be a run's.
var leaves = []string{resultFile, checkpoints, finalFile, cardFile, metricsFile, tfevents.Name, configFile}

// owner returns the identity of the run that the folder belongs to, "" for a folder
// without one. A folder that holds any of our names and no config.yaml of ours is
// somebody else's.
func (f folder) owner() (identity string, config []byte, err error) {
	config, err = os.ReadFile(f.at(configFile))
	if err == nil {
		var there struct {
			Identity string `yaml:"identity"`
		}
		if yaml.Unmarshal(config, &there) != nil || there.Identity == "" {
			return "", nil, f.occupied()
		}
		return there.Identity, config, nil
	}
	if !os.IsNotExist(err) {
		return "", nil, err
	}
	for _, name := range leaves {
		if _, err := os.Lstat(f.at(name)); !os.IsNotExist(err) {
			return "", nil, errors.Join(f.occupied(), err)
		}
	}
	return "", nil, nil
}

func (f folder) occupied() error {
	return fault.At(fault.New(fault.Occupied, "training: the folder holds something else than this run, or the run with other settings or data; nothing was changed"), fault.Place{Path: f.path})
}

// clear removes what a run leaves, and nothing else.
func (f folder) clear() error {
	if _, _, err := f.owner(); err != nil {
		return err
	}
	for _, name := range leaves {
		if err := os.RemoveAll(f.at(name)); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes what killed processes left half written beside the logs.
func (f folder) sweep() error {
	left, err := filepath.Glob(f.at(".tb-*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// sizes returns the lengths of the logs on disk, 0 where there are none.
func (f folder) sizes() (metrics, events int64) {
	if s, err := os.Stat(f.at(metricsFile)); err == nil {
		metrics = s.Size()
	}
	if s, err := os.Stat(f.at(tfevents.Name)); err == nil {
		events = s.Size()
	}
	return metrics, events
}

// openLogs opens both logs cut to the given lengths: what was written after the
// checkpoint that the run goes on from is written again.
func (f *folder) openLogs(metrics, events int64) (err error) {
	if f.metrics, err = openAt(f.at(metricsFile), metrics); err != nil {
		return err
	}
	if f.events, err = openAt(f.at(tfevents.Name), events); err != nil {
		return err
	}
	f.writer = tfevents.NewWriter(f.events)
	return nil
}

func openAt(path string, size int64) (*os.File, error) {
	w, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = w.Truncate(size)
	if err == nil {
		_, err = w.Seek(size, io.SeekStart)
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// sync makes the logs durable.
func (f *folder) sync() error { return errors.Join(f.metrics.Sync(), f.events.Sync()) }

func (f *folder) close() {
	for _, w := range []*os.File{f.metrics, f.events} {
		if w != nil {
			_ = w.Close() // what counts was synced
		}
	}
}

// digest is what is known of a file's bytes.
type digest struct {
	bytes  int64
	sha256 string
}

// publish writes a file under a temporary name, makes it durable and renames it, so
// that the name holds the old bytes or all of the new ones. point names the
// failpoints, none where it is empty.
func publish(path, point string, write func(w io.Writer) error) (d digest, err error) {
	hit := func(name string) {
		if point != "" {
			failpoint.Hit(point + "." + name)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tb-*-"+filepath.Base(path))
	if err != nil {
		return d, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	hit("begin")
	hash := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, hash, counter{&d.bytes}), 1<<16)
	for _, step := range []func() error{func() error { return write(w) }, w.Flush, func() error { return f.Chmod(0o644) }} {
		if err = step(); err != nil {
			return d, err
		}
	}
	hit("written")
	if err = f.Sync(); err != nil {
		return d, err
	}
	if err = f.Close(); err != nil {
		return d, err
	}
	hit("synced")
	if err = os.Rename(f.Name(), path); err != nil {
		return d, err
	}
	hit("renamed")
	d.sha256 = hex.EncodeToString(hash.Sum(nil))
	return d, syncDir(filepath.Dir(path))
}

func bytesOf(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

type counter struct{ n *int64 }

func (c counter) Write(b []byte) (int, error) {
	*c.n += int64(len(b))
	return len(b), nil
}

// syncDir makes a rename durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// digestOf reads a whole file.
func digestOf(path string) (d digest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	hash := sha256.New()
	d.bytes, err = io.Copy(hash, f)
	d.sha256 = hex.EncodeToString(hash.Sum(nil))
	return d, errors.Join(err, f.Close())
}
