package cpu

import (
	"runtime"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Options of an engine.
type Options struct {
	Workers int // threads that compute, the caller's included; 0: GOMAXPROCS
}

// Engine computes on host memory. It runs one operation at a time; a program
// that trains two networks beside each other makes two.
type Engine struct {
	pool
	arena

	elementwiseState
	reduceState
	moveState
	linearState
	convState
	poolingState
	normState
	softmaxState
	attentionState
	sampleState
	stepState
}

var _ ops.Engine = (*Engine)(nil)

// New starts an engine. Close ends its workers.
func New(o Options) *Engine {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	e := &Engine{}
	e.pool.start(o.Workers)
	e.arena.owner = e
	return e
}

// Close ends the workers and forgets the memory. The engine is not used afterwards.
func (e *Engine) Close() {
	e.pool.stop()
	e.arena.forget()
}

// Sync returns at once: work is finished when a method returns.
func (e *Engine) Sync() error { return nil }
