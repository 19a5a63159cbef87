package served

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// Generator asks a server for pictures. It is safe for concurrent use.
type Generator struct {
	opts    Options
	url     string
	header  http.Header
	info    protocol.Info
	batch   int
	client  *http.Client
	slots   chan struct{} // one a request under way
	breaker breaker
	closed  atomic.Bool

	mu       sync.Mutex
	decoders []*picture.Decoder // idle ones
}

var _ addsd.Generator = (*Generator)(nil)

// Open asks the server who it is, with the tries and waits of o. An address,
// header or option that cannot be right, and a server that is none of this
// protocol, is fault.Usage; one that does not answer is fault.Transient.
func Open(ctx context.Context, o Options) (*Generator, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Generator{opts: o, slots: make(chan struct{}, o.Concurrency)}
	if g.url, err = address(o.URL); err != nil {
		return nil, err
	}
	if g.header, err = headers(o.Header); err != nil {
		return nil, err
	}
	g.client = newClient(o)
	if g.info, err = g.askInfo(ctx, o.Retries); err != nil {
		g.client.CloseIdleConnections()
		return nil, err
	}
	g.batch = g.info.MaxBatch
	if o.Batch > 0 {
		g.batch = min(g.batch, o.Batch)
	}
	if m := g.info.Sizes.MultipleOf; o.Geometry != NoGeometry && sizeStep%m != 0 {
		return nil, fault.New(fault.Usage, "served: %s takes sides that are multiples of %d, geometry %s makes multiples of %d", g.url, m, o.Geometry, sizeStep)
	}
	return g, nil
}

// Info is what the server said of itself.
func (g *Generator) Info() protocol.Info { return g.info }

// Identity names the server's model.
func (g *Generator) Identity() datasets.GeneratorIdentity {
	return datasets.GeneratorIdentity{Name: g.info.Name, Version: g.info.Version, WeightsSHA256: g.info.WeightsSHA256}
}

// Deterministic repeats the server's promise.
func (g *Generator) Deterministic() bool { return g.info.Deterministic }

// Batch is how many items go with one HTTP request.
func (g *Generator) Batch() int { return g.batch }

// Generate answers every request, in order. More requests than Batch become
// several HTTP requests, as many at once as there are slots. The error is the
// context's, fault.Transient where the server is gone, and fault.Usage where it
// refuses the header or has other weights than at Open.
func (g *Generator) Generate(ctx context.Context, reqs []*addsd.Request) ([]addsd.Made, error) {
	if g.closed.Load() {
		return nil, fault.New(fault.Bug, "served: Generate after Close")
	}
	if err := g.revive(ctx); err != nil {
		return nil, err
	}
	made := make([]addsd.Made, len(reqs))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(g.opts.Concurrency)
	at := 0
	for part := range slices.Chunk(reqs, g.batch) {
		out := made[at : at+len(part)]
		at += len(part)
		if within.Err() != nil {
			break
		}
		group.Go(func() error { return g.generate(within, part, out) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("served: %w", context.Cause(ctx))
	}
	return made, nil
}

// generate makes one batch.
func (g *Generator) generate(ctx context.Context, reqs []*addsd.Request, made []addsd.Made) error {
	var pending []*item
	for i, r := range reqs {
		it, err := g.prepare(r)
		if addsd.RejectionOf(err) != nil {
			made[i].Err = err
			continue
		}
		if err != nil {
			return err
		}
		it.made = &made[i]
		pending = append(pending, it)
	}
	name(pending)
	return g.ask(ctx, pending)
}

// Close lets go of idle connections and decoders. Calls under way go on.
func (g *Generator) Close() error {
	g.closed.Store(true)
	g.client.CloseIdleConnections()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.decoders {
		d.Close()
	}
	g.decoders = nil
	return nil
}

// decoder lends an idle decoder; back returns it.
func (g *Generator) decoder() *picture.Decoder {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.decoders); n > 0 {
		d := g.decoders[n-1]
		g.decoders = g.decoders[:n-1]
		return d
	}
	return picture.NewDecoder(picture.Limits{})
}

func (g *Generator) back(d *picture.Decoder) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		d.Close()
		return
	}
	g.decoders = append(g.decoders, d)
}
