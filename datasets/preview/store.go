package preview

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Bounds on what a store keeps; a shard in use stays in any case.
const (
	maxOpenShards = 32
	maxEntries    = 1 << 18 // about 64 bytes each
)

// store opens shards when they are needed and forgets the least recently used.
type store struct {
	root   string
	format formats.Format

	mu     sync.Mutex
	shards []*shard // least recently used first
}

// shard is one open shard. Its reader is used by one goroutine at a time.
type shard struct {
	path  string
	users int // held by store.mu

	mu     sync.Mutex
	object blob.Object
	reader formats.Reader
	index  []formats.Entry // nil before load
	err    error           // of load
}

func newStore(root string, f formats.Format) *store { return &store{root: root, format: f} }

// with calls f with the shard at path below the root, its index read. The shard
// stays open until f returns.
func (s *store) with(ctx context.Context, path string, f func(*shard) error) error {
	sh := s.take(path)
	defer s.release(sh)
	sh.mu.Lock()
	if sh.reader == nil && sh.err == nil {
		sh.err = sh.load(ctx, s.root, s.format)
	}
	err := sh.err
	sh.mu.Unlock()
	if err != nil {
		return err
	}
	return f(sh)
}

// load opens the shard and reads its index. The object outlives the request.
func (sh *shard) load(ctx context.Context, root string, f formats.Format) error {
	o, err := blob.Open(context.WithoutCancel(ctx), blob.Join(root, sh.path))
	if err != nil {
		return sh.told(err)
	}
	r, err := f.NewReader(o, o.Size())
	if err == nil {
		sh.index, err = r.Index()
	}
	if err != nil {
		return errors.Join(sh.told(err), o.Close())
	}
	sh.object, sh.reader = o, r
	return nil
}

// told names the shard in place of where it lies on this machine.
func (sh *shard) told(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "shard %s is not there", sh.path)
	}
	return fault.At(err, fault.Place{Path: sh.path})
}

func (s *store) take(path string) *shard {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.shards, func(sh *shard) bool { return sh.path == path })
	sh := &shard{path: path}
	if i >= 0 {
		sh = s.shards[i]
		s.shards = slices.Delete(s.shards, i, i+1)
	}
	sh.users++
	s.shards = append(s.shards, sh)
	return sh
}

// release gives a shard back and drops what exceeds the bounds. A shard that
// could not be opened is forgotten, so that it is tried again.
func (s *store) release(sh *shard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh.users--
	entries := 0
	for _, x := range s.shards {
		if x.users == 0 {
			entries += len(x.index)
		}
	}
	open := len(s.shards)
	s.shards = slices.DeleteFunc(s.shards, func(x *shard) bool {
		if x.users > 0 || x.err == nil && open <= maxOpenShards && entries <= maxEntries {
			return false
		}
		open--
		entries -= len(x.index)
		if x.object != nil {
			x.object.Close()
		}
		return true
	})
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, sh := range s.shards {
		if sh.object != nil {
			errs = append(errs, sh.object.Close())
		}
	}
	s.shards = nil
	return errors.Join(errs...)
}

// get reads example i of the index.
func (sh *shard) get(i int) (*datasets.Example, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	ex, err := sh.reader.Get(sh.index[i])
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: sh.path})
	}
	return ex, nil
}

// find returns the place of a key in the index, -1 where it is not there.
// Shards of ours are in the order of their keys; those of others need not be.
func (sh *shard) find(key string) int {
	i := sort.Search(len(sh.index), func(i int) bool { return sh.index[i].Key >= key })
	if i < len(sh.index) && sh.index[i].Key == key {
		return i
	}
	return slices.IndexFunc(sh.index, func(e formats.Entry) bool { return e.Key == key })
}
