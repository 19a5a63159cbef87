package served

import (
	"context"
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// breaker tells a server that is gone from samples that are bad.
type breaker struct {
	mu     sync.Mutex
	heard  uint64 // HTTP responses so far
	silent int    // samples in a row that got no answer
	open   error  // why it is open
}

// answered notes that the server said something.
func (b *breaker) answered() {
	b.mu.Lock()
	b.heard++
	b.mu.Unlock()
}

// count returns how many responses there were.
func (b *breaker) count() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heard
}

// settled notes whether a sample got an answer of any kind; limit such without
// one in a row open the breaker.
func (b *breaker) settled(ok bool, limit int, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.silent = 0
		return
	}
	if b.silent++; b.silent >= limit && b.open == nil {
		b.open = fault.New(fault.Transient, "served: %d samples in a row got no answer, the last: %w", b.silent, why)
	}
}

// trip opens the breaker.
func (b *breaker) trip(why error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = why
	}
	return b.open
}

// state returns why the breaker is open, nil where it is not.
func (b *breaker) state() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// revive asks a server whose breaker is open once who it is, and closes the
// breaker if it is there and the same as at Open.
func (g *Generator) revive(ctx context.Context) error {
	if g.breaker.state() == nil {
		return nil
	}
	info, err := g.askInfo(ctx, 0)
	if err != nil {
		return err
	}
	if err := g.same(info.WeightsSHA256); err != nil {
		return err
	}
	g.breaker.mu.Lock()
	defer g.breaker.mu.Unlock()
	g.breaker.open, g.breaker.silent = nil, 0
	return nil
}
