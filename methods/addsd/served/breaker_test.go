package served

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// door refuses connections while it is shut.
type door struct {
	shut  atomic.Bool
	knock atomic.Int64 // refused connections
	open  atomic.Int64 // opens by itself at so many, 0: never
}

func (d *door) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.shut.Load() {
		if n := d.knock.Add(1); n != d.open.Load() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		d.shut.Store(false)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// closing breaks call n of a server and shuts the door behind it.
func (d *door) closing(s *fake.Server, n int) {
	s.Faults = func(c Call) fake.Fault {
		if c.N == n {
			d.shut.Store(true)
			return fake.Fault{Break: fake.Truncate}
		}
		return fake.Fault{}
	}
}

func TestAServerThatIsGoneIsTransientAndRejectsNothing(t *testing.T) {
	t.Parallel()
	d, s := &door{}, &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: 1}}
	d.closing(s, 3)
	g, _ := start(t, s, Options{dial: d.dial, Breaker: 4, Concurrency: 1, Retries: 1})
	made, err := g.Generate(t.Context(), requests(9))
	if fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), "4 times in a row: connection refused") || made != nil {
		t.Fatalf("%v, %d made", err, len(made))
	}
	if n := d.knock.Load(); n != 4 {
		t.Errorf("%d connections were tried", n)
	}
	// Still gone: one question, no wait.
	if _, err := g.Generate(t.Context(), requests(1)); fault.CodeOf(err) != fault.Transient || d.knock.Load() != 5 {
		t.Errorf("%v after %d connections", err, d.knock.Load())
	}
	d.shut.Store(false)
	reqs := requests(9)
	for i, m := range generate(t, g, reqs) {
		wantPicture(t, m, reqs[i])
	}
}

func TestARestartLongerThanTheTriesOfAnItemCostsNoSample(t *testing.T) {
	t.Parallel()
	d, s := &door{}, &fake.Server{}
	d.closing(s, 0)
	d.open.Store(8)
	g, w := start(t, s, Options{dial: d.dial, Retries: 1})
	reqs := requests(2)
	for i, m := range generate(t, g, reqs) {
		wantPicture(t, m, reqs[i])
	}
	if d.knock.Load() != 8 || len(w.all) < 8 {
		t.Errorf("%d connections refused, %d waits", d.knock.Load(), len(w.all))
	}
}

func TestConnectionsRefusedWhileOthersAreAnsweredCountAsTries(t *testing.T) {
	t.Parallel()
	g, _ := start(t, &fake.Server{}, Options{Retries: 2, Breaker: 3})
	g.client.Transport = roundTripper(func() error {
		g.breaker.answered() // somebody else's request
		return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	})
	m := generate(t, g, requests(1))[0]
	if r := addsd.RejectionOf(m.Err); r == nil || r.Reason != addsd.Unreachable || r.Message != "connection refused" {
		t.Errorf("%v", m.Err)
	}
}

func TestAServerThatNeverAnswersIsNotAThousandRejections(t *testing.T) {
	t.Parallel()
	s := &fake.Server{Faults: always(fake.Fault{Status: 503})}
	g, _ := start(t, s, Options{Retries: -1, Breaker: 5, Concurrency: 1})
	made := generate(t, g, requests(4))
	for _, m := range made {
		if addsd.RejectionOf(m.Err) == nil {
			t.Errorf("%v", m.Err)
		}
	}
	if _, err := g.Generate(t.Context(), requests(1000)); fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), "samples in a row got no answer") {
		t.Errorf("%v", err)
	}
	if n := s.Stats().Edits; n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestRefusalsAndBadImagesDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	for _, spoil := range []fake.Spoil{fake.Refuse, fake.Black, fake.Fail} {
		s := &fake.Server{Info: protocol.Info{Name: "n"}, Faults: always(spoiled(spoil))}
		g, _ := start(t, s, Options{Breaker: 2})
		for _, m := range generate(t, g, requests(20)) {
			if addsd.RejectionOf(m.Err) == nil {
				t.Errorf("%v", m.Err)
			}
		}
	}
}

func TestARevivedServerWithOtherWeightsEndsTheRun(t *testing.T) {
	t.Parallel()
	s := &fake.Server{Info: protocol.Info{Name: "n", WeightsSHA256: strings.Repeat("a", 64)}, Faults: always(fake.Fault{Status: 503})}
	g, _ := start(t, s, Options{Retries: -1, Breaker: 1})
	if _, err := g.Generate(t.Context(), requests(9)); fault.CodeOf(err) != fault.Transient {
		t.Fatalf("%v", err)
	}
	g.info.WeightsSHA256 = strings.Repeat("b", 64)
	if _, err := g.Generate(t.Context(), requests(9)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("%v", err)
	}
}
