package reader

import (
	"context"
	"sync"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// pipeline makes the batches of one pass through an epoch. The feeder takes
// places in order and has their records read; workers make pictures of records in
// any order; the line holds the samples in order, and only its head is given a
// row of a batch. A sample that failed is taken off the line, so the rows go to
// the samples behind it and the result does not depend on who was fast.
type pipeline struct {
	r      *Reader
	ord    *order
	from   State
	end    int64 // open places that count; see State.open
	objs   *objects
	pool   *built.Pool // of formats without byte ranges
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{} // something for next to look at
	reads  chan *read

	mu      sync.Mutex
	work    sync.Cond // there is something for workers
	room    sync.Cond // the feeder may go on
	started bool
	stopped bool
	fed     bool // no more places
	err     error

	line   []*sample // in order; a ring
	head   int
	length int
	todo   []*sample // read, not yet made
	fills  []fill
	stock      // what another pass can use again
	busy   int // groups that are in use

	open  *Batch   // the batch that rows are given to
	queue []*Batch // sealed or open, in order
	own   int64    // places gone through, as State.Taken
	tail  []Skip   // left out since the last batch was sealed
}

// sample is one sample on its way.
type sample struct {
	id     int64
	copy   int
	known  *Skip // it failed before
	shard  int
	key    string
	offset int64
	bytes  int64
	group  *group
	data   []byte // its record
	image  []byte // its encoded picture
	label  int64
	pix    [2]raster.RGB // a view each
	done   bool
	err    error
}

// fill is a sample that has got its row.
type fill struct {
	s   *sample
	b   *Batch
	row int
}

func newPipeline(r *Reader, ord *order, from State, left stock) *pipeline {
	p := &pipeline{r: r, ord: ord, from: from, own: from.Taken, end: from.open(ord.places), wake: make(chan struct{}, 1), stock: left}
	if share := int64(r.opt.World) * int64(r.opt.Batch); r.opt.DropLast {
		p.end -= p.end % share
	}
	p.work.L, p.room.L = &p.mu, &p.mu
	p.line = make([]*sample, r.plan.line)
	p.objs = &objects{r: r}
	if r.set.Format() == "parquet" {
		p.pool = r.set.NewPool()
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// start sets everything going.
func (p *pipeline) start() {
	p.started = true
	p.reads = make(chan *read, p.r.opt.Requests)
	p.wg.Go(p.feed)
	for range p.r.opt.Requests {
		p.wg.Go(p.fetch)
	}
	for range p.r.opt.Workers {
		p.wg.Go(p.serve)
	}
}

// stop ends everything, waits for it and returns what can be used again.
func (p *pipeline) stop() stock {
	p.cancel()
	p.mu.Lock()
	p.stopped = true
	p.work.Broadcast()
	p.room.Broadcast()
	p.mu.Unlock()
	p.wg.Wait()
	p.objs.close()
	if p.pool != nil {
		_ = p.pool.Close() // nothing was written
	}
	for _, b := range p.queue {
		p.r.free.put(b)
	}
	for i := range p.length {
		p.spare = append(p.spare, p.line[(p.head+i)%len(p.line)])
	}
	for _, f := range p.fills {
		p.spare = append(p.spare, f.s)
	}
	p.samples = len(p.spare) // those that a stop found elsewhere are gone
	return p.stock
}

// fail ends the pass with an error of the machinery.
func (p *pipeline) fail(err error) {
	p.mu.Lock()
	if p.err == nil {
		p.err = err
	}
	p.mu.Unlock()
	p.notify()
}

func (p *pipeline) notify() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// next waits for the next batch; nil without an error is the end.
func (p *pipeline) next(ctx context.Context) (*Batch, error) {
	if !p.started {
		p.start()
	}
	for {
		p.mu.Lock()
		switch {
		case p.err != nil:
			defer p.mu.Unlock()
			return nil, p.err
		case len(p.queue) > 0 && p.queue[0].sealed && p.queue[0].left == 0:
			b := p.queue[0]
			p.queue = append(p.queue[:0], p.queue[1:]...)
			p.advance() // there is room for another
			p.mu.Unlock()
			return b, nil
		case len(p.queue) == 0 && p.fed && p.length == 0:
			p.mu.Unlock()
			return nil, nil
		}
		p.mu.Unlock()
		select {
		case <-p.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nothing is the error of a pass in which every sample was left out, else nil.
func (p *pipeline) nothing() error {
	n := len(p.tail)
	if n == 0 || int64(n) != p.own-p.from.Taken {
		return nil
	}
	return fault.New(fault.Exhausted, "reader: none of %d samples could be read; the last: %w", n, p.tail[n-1].Err)
}

// advance gives rows to the samples at the head of the line. The lock is held.
func (p *pipeline) advance() {
	for p.length > 0 && p.line[p.head].done {
		s := p.line[p.head]
		if s.err != nil {
			p.leaveOut(s)
		} else if !p.assign(s) {
			return // no batch is free
		}
		p.line[p.head] = nil
		p.head = (p.head + 1) % len(p.line)
		p.length--
		p.own++
		if b := p.open; b != nil && len(b.Keys) == p.r.opt.Batch {
			p.seal(b)
		}
	}
	if p.fed && p.length == 0 {
		p.finish()
	}
	p.room.Signal()
}

// finish deals with a last batch that is not full.
func (p *pipeline) finish() {
	if b := p.open; b != nil && p.r.opt.DropLast {
		p.open = nil
		p.queue = p.queue[:len(p.queue)-1]
		// Workers may still write to it, so it does not serve again.
	} else if b != nil {
		p.seal(b)
	}
	p.notify()
}

func (p *pipeline) seal(b *Batch) {
	b.sealed, b.taken, p.open = true, p.own, nil
	b.Skipped, p.tail = append(b.Skipped[:0], p.tail...), p.tail[:0]
	b.cut()
	if b.left == 0 {
		p.notify()
	}
}

func (p *pipeline) leaveOut(s *sample) {
	if s.known != nil {
		p.tail = append(p.tail, *s.known)
	} else {
		skip := Skip{ID: s.id, Key: s.key, Shard: p.r.index.shards[s.shard].path, Reason: fault.CodeOf(s.err), Err: s.err}
		p.tail = append(p.tail, skip)
		p.r.bad[s.id] = skip
	}
	p.spare = append(p.spare, s)
}

// assign gives s a row; false where no batch can be begun yet.
func (p *pipeline) assign(s *sample) bool {
	if p.open == nil {
		if len(p.queue) >= p.r.opt.Prefetch {
			return false
		}
		p.open = p.r.batch(p.from.Epoch)
		p.queue = append(p.queue, p.open)
	}
	b := p.open
	p.fills = append(p.fills, fill{s, b, len(b.Keys)})
	p.work.Signal()
	b.Keys, b.IDs, b.Labels = append(b.Keys, s.key), append(b.IDs, s.id), append(b.Labels, s.label)
	b.left++
	return true
}
