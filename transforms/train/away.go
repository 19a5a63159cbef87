package train

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training"
)

// away is a run whose output lies on an object store. Objects cannot grow and are
// not renamed, so the run works in a folder of its machine and every checkpoint is
// carried out: first the weights, then one object with all that is small, under a
// name of its own. An attempt that comes after takes the newest of those objects
// and the checkpoints that it speaks of.
type away struct {
	job  *Job
	name string // of the run
	root string // local; the run's folder is root/name
}

// snapshotPrefix starts the names of the objects with all that is small.
const snapshotPrefix = "state-"

// maxSmall bounds what is not a checkpoint: logs, mostly.
const maxSmall = 1 << 30

// leavingTime is how long an interrupted run may take to carry out its last
// checkpoint.
const leavingTime = time.Minute

// bring makes the local folder of a run and fetches what earlier attempts left.
func bring(ctx context.Context, job *Job, name string) (*away, error) {
	root, err := os.MkdirTemp("", "tailorbird-train-")
	if err != nil {
		return nil, err
	}
	a := &away{job, name, root}
	if err := a.fetch(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *away) close() error { return os.RemoveAll(a.root) }

func (a *away) at(elem ...string) string {
	return filepath.Join(append([]string{a.root, a.name}, elem...)...)
}

func (a *away) addr(elem ...string) string {
	return blob.Join(a.job.Out, append([]string{a.name}, elem...)...)
}

// names lists the objects of the run.
func (a *away) names(ctx context.Context) (map[string]int64, error) {
	there := map[string]int64{}
	for info, err := range blob.List(ctx, a.addr()) {
		if fault.CodeOf(err) == fault.NotFound {
			return there, nil
		}
		if err != nil {
			return nil, err
		}
		there[info.Name] = info.Size
	}
	return there, nil
}

// fetch brings the folder to where the newest attempt left it: to the end, where
// the run has ended.
func (a *away) fetch(ctx context.Context) error {
	there, err := a.names(ctx)
	if err != nil {
		return err
	}
	if _, ended := there[training.ResultFile]; ended {
		for name := range there {
			if !strings.Contains(name, "/") {
				if err := a.fetchFile(ctx, name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	newest := ""
	for name := range there {
		if strings.HasPrefix(name, snapshotPrefix) {
			newest = max(newest, name)
		}
	}
	if newest == "" {
		return nil
	}
	if err := a.unpack(ctx, newest); err != nil {
		return err
	}
	list, err := training.Checkpoints(a.at())
	if err != nil {
		return err
	}
	for _, c := range list {
		// One that is gone or damaged is passed over when the run goes on.
		if err := a.fetchFile(ctx, training.CheckpointDir+"/"+c.File); err != nil && fault.CodeOf(err) != fault.NotFound {
			return err
		}
	}
	return nil
}

func (a *away) fetchFile(ctx context.Context, name string) error {
	o, err := blob.Open(ctx, a.addr(name))
	if err != nil {
		return err
	}
	defer o.Close()
	return a.write(name, io.NewSectionReader(o, 0, o.Size()))
}

// write makes a file of the local folder.
func (a *away) write(name string, r io.Reader) error {
	at := a.at(filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	f, err := os.Create(at)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// keep carries out what the run's folder holds after a checkpoint. The weights go
// first: a snapshot speaks of checkpoints that are there.
func (a *away) keep(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), leavingTime)
	defer stop()
	list, err := training.Checkpoints(a.at())
	if err != nil || len(list) == 0 {
		return err
	}
	there, err := a.names(ctx)
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, c := range list {
		name := training.CheckpointDir + "/" + c.File
		kept[name] = true
		if size, ok := there[name]; ok && size == c.Bytes {
			continue
		}
		if err := a.put(ctx, name); err != nil {
			return err
		}
	}
	failpoint.Hit("train.away.weights")
	last := list[len(list)-1]
	snapshot := fmt.Sprintf("%s%010d-%05d-%t-%s.tar", snapshotPrefix, last.Step, last.Epoch, !last.Unseen, a.attempt())
	if err := a.pack(ctx, snapshot); err != nil {
		return err
	}
	failpoint.Hit("train.away.snapshot")
	newest := training.CheckpointDir + "/" + last.File
	for name := range there {
		old := strings.HasPrefix(name, snapshotPrefix) && name < snapshot ||
			strings.HasPrefix(name, training.CheckpointDir+"/") && name < newest && !kept[name]
		if old {
			if err := blob.Remove(ctx, a.addr(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// attempt tells snapshots of attempts at one time apart.
func (a *away) attempt() string {
	return strings.TrimPrefix(filepath.Base(a.root), "tailorbird-train-")
}

// put carries out one file; what is there under its name is of another attempt at
// the same run, and gives way.
func (a *away) put(ctx context.Context, name string) error {
	copied := func() error {
		f, err := os.Open(a.at(filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		defer f.Close()
		w, err := blob.Create(ctx, a.addr(name))
		if err != nil {
			return err
		}
		defer w.Close()
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		_, err = w.Publish(ctx)
		return err
	}
	err := copied()
	if fault.CodeOf(err) == fault.Conflict {
		if err := blob.Remove(ctx, a.addr(name)); err != nil {
			return err
		}
		err = copied()
	}
	return err
}

// small lists the files of the folder that are no checkpoints' weights.
func (a *away) small() ([]string, error) {
	var names []string
	for _, dir := range []string{"", training.CheckpointDir} {
		entries, err := os.ReadDir(a.at(dir))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && !(dir != "" && strings.HasSuffix(e.Name(), ".safetensors")) {
				names = append(names, path.Join(dir, e.Name()))
			}
		}
	}
	return names, nil
}

// pack publishes all that is small as one object.
func (a *away) pack(ctx context.Context, snapshot string) error {
	names, err := a.small()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		text, err := os.ReadFile(a.at(filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return blob.Replace(ctx, a.addr(snapshot), b.Bytes())
}

// unpack fills the local folder from a snapshot.
func (a *away) unpack(ctx context.Context, snapshot string) error {
	b, err := blob.ReadFile(ctx, a.addr(snapshot), maxSmall)
	if err != nil {
		return err
	}
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil && !filepath.IsLocal(h.Name) {
			err = fmt.Errorf("a file named %q", h.Name)
		}
		if err != nil {
			return fault.At(fault.Wrap(fault.Corrupt, err), fault.Place{Path: a.addr(snapshot)})
		}
		if err := a.write(h.Name, r); err != nil {
			return err
		}
	}
}

// leave carries out what an ended run holds, result.json last, and removes the
// snapshots.
func (a *away) leave(ctx context.Context) error {
	there, err := a.names(ctx)
	if err != nil {
		return err
	}
	if _, done := there[training.ResultFile]; done {
		return nil
	}
	names, err := a.small()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != training.ResultFile {
			if err := a.put(ctx, name); err != nil {
				return err
			}
		}
	}
	failpoint.Hit("train.away.files")
	if err := a.put(ctx, training.ResultFile); err != nil {
		return err
	}
	for name := range there {
		if strings.HasPrefix(name, snapshotPrefix) {
			if err := blob.Remove(ctx, a.addr(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// local brings a file of weights to this machine where it lies elsewhere; done
// removes it again.
func local(ctx context.Context, addr string) (file string, done func(), err error) {
	if blob.Scheme(addr) == "" {
		return addr, func() {}, nil
	}
	root, err := os.MkdirTemp("", "tailorbird-weights-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(root) }
	a := &away{&Job{Out: strings.TrimSuffix(addr, "/"+blob.Base(addr))}, "", root}
	if err := a.fetchFile(ctx, blob.Base(addr)); err != nil {
		done()
		return "", nil, err
	}
	return filepath.Join(root, blob.Base(addr)), done, nil
}
