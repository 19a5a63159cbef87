package safetensors

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Sharded is a set of files, each of which holds a part of the tensors. It reads
// as a File does.
type Sharded struct {
	// Metadata is the free text of the index.
	Metadata map[string]any

	files  map[string]*File // by name in the index
	shards map[string]*File // of each tensor
	names  []string
}

// OpenIndex opens an index, as model.safetensors.index.json is one, and the mapped
// shards beside it. A shard named by a path, a tensor that its shard does not hold,
// and a tensor of a shard that the index leaves out are fault.Corrupt.
func OpenIndex(path string) (*Sharded, error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		Metadata  map[string]any    `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fault.At(fault.New(fault.Corrupt, "safetensors: index: %w", err), fault.Place{Path: path})
	}
	s := &Sharded{Metadata: index.Metadata, files: map[string]*File{}, shards: map[string]*File{}}
	if err := s.open(filepath.Dir(path), index.WeightMap); err != nil {
		s.Close()
		return nil, fault.At(err, fault.Place{Path: path})
	}
	return s, nil
}

func readBounded(path string) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxHeader+1))
	if err == nil && len(text) > maxHeader {
		err = fault.At(fault.New(fault.TooLarge, "safetensors: index of more than %d bytes", maxHeader), fault.Place{Path: path})
	}
	return text, err
}

func (s *Sharded) open(dir string, weights map[string]string) error {
	if len(weights) == 0 {
		return fault.New(fault.Corrupt, "safetensors: index without a weight_map")
	}
	s.names = slices.Sorted(maps.Keys(weights))
	for _, name := range s.names {
		shard := weights[name]
		if shard != filepath.Base(shard) || !filepath.IsLocal(shard) {
			return fault.New(fault.Corrupt, "safetensors: tensor %q lies in %q, which is no file beside the index", name, shard)
		}
		if s.files[shard] == nil {
			f, err := OpenMapped(filepath.Join(dir, shard))
			if errors.Is(err, os.ErrNotExist) {
				err = fault.Wrap(fault.NotFound, err)
			}
			if err != nil {
				return err
			}
			s.files[shard] = f
		}
		if _, ok := s.files[shard].Info(name); !ok {
			return fault.New(fault.Corrupt, "safetensors: shard %s holds no tensor %q", shard, name)
		}
		s.shards[name] = s.files[shard]
	}
	for shard, f := range s.files {
		for _, name := range f.Names() {
			if s.shards[name] != f {
				return fault.New(fault.Corrupt, "safetensors: tensor %q of shard %s is not in the index, or is in another shard there", name, shard)
			}
		}
	}
	return nil
}

// Close closes all shards.
func (s *Sharded) Close() error {
	var err error
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// Names returns the names in sorted order. The caller leaves the slice as it is.
func (s *Sharded) Names() []string { return s.names }

// Info describes the named tensor; Offset counts in its shard.
func (s *Sharded) Info(name string) (info Info, ok bool) {
	if f := s.shards[name]; f != nil {
		return f.Info(name)
	}
	return Info{}, false
}

// ReadFloat32 is that of the tensor's shard.
func (s *Sharded) ReadFloat32(name string, dst []float32) error {
	f, err := s.shard(name)
	if err != nil {
		return err
	}
	return f.ReadFloat32(name, dst)
}

// ReadInt64 is that of the tensor's shard.
func (s *Sharded) ReadInt64(name string, dst []int64) error {
	f, err := s.shard(name)
	if err != nil {
		return err
	}
	return f.ReadInt64(name, dst)
}

func (s *Sharded) shard(name string) (*File, error) {
	if f := s.shards[name]; f != nil {
		return f, nil
	}
	return nil, fault.New(fault.NotFound, "safetensors: no tensor %q", name)
}
