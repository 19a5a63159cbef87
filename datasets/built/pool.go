package built

import (
	"context"
	"errors"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// keptReaders is how many idle shards a Pool holds open.
const keptReaders = 16

// Pool reads single examples and keeps shards open in between.
type Pool struct {
	dir    string
	format formats.Format

	mu   sync.Mutex
	idle []*opened // the one used last at the end
}

// opened is a shard that one goroutine reads at a time.
type opened struct {
	path   string
	object blob.Object
	reader formats.Reader
}

// NewPool returns a Pool over d.
func (d *Dataset) NewPool() *Pool { return PoolOf(d.Dir, d.format) }

// PoolOf returns a Pool over shards of that format below dir, manifest or not.
func PoolOf(dir string, format formats.Format) *Pool { return &Pool{dir: dir, format: format} }

// Get reads the example at a place, picture included.
func (p *Pool) Get(ctx context.Context, at Place) (*datasets.Example, error) {
	o, err := p.take(ctx, at.Shard)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: at.Shard, Key: at.Key})
	}
	ex, err := o.reader.Get(formats.Entry{Key: at.Key, Offset: at.Offset, Bytes: at.Bytes})
	return ex, fault.At(errors.Join(err, p.giveBack(o)), fault.Place{Path: at.Shard, Key: at.Key})
}

func (p *Pool) take(ctx context.Context, path string) (*opened, error) {
	p.mu.Lock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if o := p.idle[i]; o.path == path {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			p.mu.Unlock()
			return o, nil
		}
	}
	p.mu.Unlock()
	object, err := blob.Open(ctx, blob.Join(p.dir, path))
	if err != nil {
		return nil, err
	}
	reader, err := p.format.NewReader(object, object.Size())
	if err != nil {
		return nil, errors.Join(err, object.Close())
	}
	return &opened{path, object, reader}, nil
}

func (p *Pool) giveBack(o *opened) error {
	p.mu.Lock()
	p.idle = append(p.idle, o)
	var old *opened
	if len(p.idle) > keptReaders {
		old, p.idle = p.idle[0], append([]*opened(nil), p.idle[1:]...)
	}
	p.mu.Unlock()
	if old != nil {
		return old.object.Close()
	}
	return nil
}

// Close closes what is idle; no Get may be under way.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, o := range p.idle {
		err = errors.Join(err, o.object.Close())
	}
	p.idle = nil
	return err
}
