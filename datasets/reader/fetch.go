package reader

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// fetch reads what the feeder asks for.
func (p *pipeline) fetch() {
	for rd := range p.reads {
		if p.pool != nil {
			p.fetchRows(rd)
		} else {
			p.fetchRange(rd)
		}
	}
}

// fetchRange reads the records of a range. Where the range as a whole cannot be
// read, the records are tried one by one, so that each has its own error.
func (p *pipeline) fetchRange(rd *read) {
	o, err := p.objs.take(p.ctx, rd.shard)
	if err == nil {
		defer p.objs.give(o)
		err = readFull(o.Object, rd.buf, rd.offset)
	}
	for _, s := range rd.samples {
		part := rd.buf[s.offset-rd.offset:][:s.bytes]
		serr := err
		if o != nil && err != nil {
			serr = readFull(o.Object, part, s.offset)
		}
		p.fetched(s, part, serr)
	}
}

func readFull(o blob.Object, buf []byte, off int64) error {
	n, err := o.ReadAt(buf, off)
	switch {
	case n == len(buf):
		return nil
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return fault.At(fault.New(fault.Corrupt, "the shard ends within the record, of %d bytes %d are there", len(buf), n), fault.Place{Offset: off, HasOffset: true})
	}
	return err
}

// fetchRows reads rows by their format's reader.
func (p *pipeline) fetchRows(rd *read) {
	path := p.r.index.shards[rd.shard].path
	for _, s := range rd.samples {
		if p.ctx.Err() != nil {
			continue
		}
		ex, err := p.pool.Get(p.ctx, built.Place{Shard: path, Key: s.key, Offset: s.offset, Bytes: s.bytes})
		if err == nil {
			s.image = ex.Image
			if ex.Label != nil {
				s.label = int64(*ex.Label)
			}
		}
		p.fetched(s, nil, err)
	}
}

// fetched hands a record on.
func (p *pipeline) fetched(s *sample, data []byte, err error) {
	if err != nil && !fault.CodeOf(err).IsData() {
		if p.ctx.Err() == nil {
			p.fail(fault.At(err, p.placeOf(s)))
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		s.data = data
		p.todo = append(p.todo, s)
		p.work.Signal()
		return
	}
	p.settle(s, err)
}

// settle ends the making of a sample. The lock is held.
func (p *pipeline) settle(s *sample, err error) {
	s.done = true
	if err != nil {
		s.err = fault.At(err, p.placeOf(s))
	}
	p.release(s)
	p.advance()
}

func (p *pipeline) placeOf(s *sample) fault.Place {
	return fault.Place{Path: p.r.index.shards[s.shard].path, Key: s.key}
}

// objects keeps shards open.
type objects struct {
	r      *Reader
	mu     sync.Mutex
	opened map[int]*object
	clock  int64
}

type object struct {
	blob.Object
	users int
	used  int64
}

// maxOpen is how many shards are kept open that nobody reads.
const maxOpen = 128

func (x *objects) take(ctx context.Context, shard int) (*object, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o := x.opened[shard]; o != nil {
		o.users++
		return o, nil
	}
	x.mu.Unlock()
	b, err := blob.Open(ctx, blob.Join(x.r.set.Dir, x.r.index.shards[shard].path))
	x.mu.Lock()
	if err != nil {
		return nil, err
	}
	if o := x.opened[shard]; o != nil { // another was faster
		o.users++
		return o, b.Close()
	}
	if x.opened == nil {
		x.opened = map[int]*object{}
	}
	o := &object{Object: b, users: 1}
	x.opened[shard] = o
	return o, x.trim()
}

func (x *objects) give(o *object) {
	x.mu.Lock()
	o.users--
	x.clock++
	o.used = x.clock
	x.mu.Unlock()
}

// trim closes the object that was used longest ago. The lock is held.
func (x *objects) trim() error {
	if len(x.opened) <= maxOpen {
		return nil
	}
	oldest := -1
	for i, o := range x.opened {
		if o.users == 0 && (oldest < 0 || o.used < x.opened[oldest].used) {
			oldest = i
		}
	}
	if oldest < 0 {
		return nil
	}
	o := x.opened[oldest]
	delete(x.opened, oldest)
	return o.Close()
}

func (x *objects) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range x.opened {
		_ = o.Close() // nothing was written
	}
	x.opened = nil
}
