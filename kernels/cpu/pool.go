package cpu

import (
	"sync"
	"sync/atomic"
)

// task is one operation cut into parts. Parts write to disjoint memory, or to
// partial sums that the caller adds up in order after run.
type task interface {
	// part does part i. s is scratch memory of the worker that runs it.
	part(i int, s *scratch)
}

// pool runs the parts of one task at a time on a fixed set of workers, of which
// the caller is one.
type pool struct {
	workers int
	wake    []chan struct{} // one a worker beside the caller
	scratch []scratch       // one a worker, the caller's first

	task  task
	parts int64
	next  atomic.Int64
	done  sync.WaitGroup
	bug   atomic.Pointer[any] // a part's panic, raised again by run
}

func (p *pool) start(workers int) {
	p.workers = workers
	p.scratch = make([]scratch, workers)
	p.wake = make([]chan struct{}, workers-1)
	for i := range p.wake {
		p.wake[i] = make(chan struct{}, 1)
		go p.serve(p.wake[i], &p.scratch[i+1])
	}
}

func (p *pool) stop() {
	for _, w := range p.wake {
		close(w)
	}
	p.wake = nil
}

// Workers returns how many threads compute, the caller's included.
func (p *pool) Workers() int { return p.workers }

func (p *pool) serve(wake chan struct{}, s *scratch) {
	for range wake {
		p.work(s)
		p.done.Done()
	}
}

// run does all parts of t and returns when the last is done. Parts are handed
// out as workers become free; which worker does which part has no influence on
// the result. run is not called from within a part.
func (p *pool) run(parts int, t task) {
	if parts <= 1 || p.workers == 1 {
		for i := range parts {
			p.scratch[0].reset()
			t.part(i, &p.scratch[0])
		}
		return
	}
	p.task, p.parts = t, int64(parts)
	p.next.Store(0)
	helpers := min(len(p.wake), parts-1)
	p.done.Add(helpers)
	for i := range helpers {
		p.wake[i] <- struct{}{}
	}
	p.work(&p.scratch[0])
	p.done.Wait()
	p.task = nil
	if bug := p.bug.Swap(nil); bug != nil {
		panic(*bug)
	}
}

func (p *pool) work(s *scratch) {
	defer func() {
		if r := recover(); r != nil {
			p.fail(r)
		}
	}()
	for i := p.next.Add(1) - 1; i < p.parts; i = p.next.Add(1) - 1 {
		s.reset()
		p.task.part(int(i), s)
	}
}

// fail keeps a part's panic and hands out no more parts.
func (p *pool) fail(bug any) {
	p.next.Store(p.parts)
	p.bug.Store(&bug)
}

// scratch is memory that a part uses while it runs. It grows to what the largest
// part has asked for and is then reused.
type scratch struct {
	buf  []float32
	used int
	want int
}

func (s *scratch) reset() {
	if s.want > len(s.buf) {
		s.buf = alignedFloats(s.want + s.want/4)
	}
	s.used, s.want = 0, 0
}

// floats returns n values, undefined, 64-byte aligned, that are valid until the part ends.
func (s *scratch) floats(n int) []float32 {
	const line = 16 // floats in a cache line
	size := (n + line - 1) / line * line
	s.want += size
	if s.used+size > len(s.buf) {
		return alignedFloats(n) // the first time only: reset makes room
	}
	f := s.buf[s.used : s.used+n : s.used+n]
	s.used += size
	return f
}

// split returns the bounds of part i when n items are cut into parts of equal
// size, the first ones one longer where it does not divide.
func split(n, parts, i int) (from, to int) {
	q, r := n/parts, n%parts
	from = i*q + min(i, r)
	to = from + q
	if i < r {
		to++
	}
	return from, to
}

// partsOf returns into how many parts to cut work of n items that cost about
// cost float operations each: enough for any number of workers, none so small
// that handing it out costs more than doing it.
func partsOf(n, cost int) int {
	const worth = 1 << 16 // operations in a part
	parts := (n*cost + worth - 1) / worth
	return max(1, min(parts, n, 64))
}
