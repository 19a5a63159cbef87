package served

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// always goes wrong with every call in the same way.
func always(f fake.Fault) func(Call) fake.Fault { return func(Call) fake.Fault { return f } }

// first goes wrong with the first n calls.
func first(n int, f fake.Fault) func(Call) fake.Fault {
	return func(c Call) fake.Fault {
		if c.N < n {
			return f
		}
		return fake.Fault{}
	}
}

func spoiled(s fake.Spoil) fake.Fault { return fake.Fault{Items: map[int]fake.Spoil{0: s}} }

// TestEachFaultIsARejectionWithItsReason has one item and a server that never
// does better; asked says how often an item is asked for with two further tries.
func TestEachFaultIsARejectionWithItsReason(t *testing.T) {
	t.Parallel()
	const again, once = 3, 1
	for _, c := range []struct {
		name   string
		fault  fake.Fault
		reason addsd.Reason
		asked  int
		says   string
	}{
		{"refusal", spoiled(fake.Refuse), addsd.Refused, once, "safety checker"},
		{"status 422", fake.Fault{Status: 422, Text: "bad words"}, addsd.Refused, once, "status 422: bad words"},
		{"status 413", fake.Fault{Status: 413}, addsd.Refused, once, "413"},
		{"status 500", fake.Fault{Status: 500}, addsd.Unreachable, again, "500"},
		{"status 404", fake.Fault{Status: 404}, addsd.Unreachable, again, "404"},
		{"status 503", fake.Fault{Status: 503}, addsd.Unreachable, again, "503"},
		{"status 429", fake.Fault{Status: 429, RetryAfter: "1"}, addsd.Unreachable, again, "429"},
		{"redirect", fake.Fault{Status: 307, Redirect: "http://elsewhere.invalid/v1/edit"}, addsd.Unreachable, again, "redirects are not followed"},
		{"HTML error page", fake.Fault{Status: 502, Text: "<html>no gateway</html>"}, addsd.Unreachable, again, "status 502"},
		{"text that is not printable", fake.Fault{Status: 500, Text: "a\x1b[31m\nb\xff"}, addsd.Unreachable, again, "status 500: a[31m b"},
		{"HTML page with status 200", fake.Fault{Break: fake.HTML}, addsd.Unreachable, again, "HTML page"},
		{"reset before the response", fake.Fault{Break: fake.Reset}, addsd.Unreachable, again, "reset"},
		{"reset in the body", fake.Fault{Break: fake.ResetBody}, addsd.BadImage, again, "breaks off"},
		{"truncated JSON", fake.Fault{Break: fake.Truncate}, addsd.BadImage, again, "breaks off"},
		{"NaN", fake.Fault{Break: fake.NaN}, addsd.BadImage, again, "breaks off"},
		{"garbage", fake.Fault{Break: fake.Garbage}, addsd.BadImage, again, "breaks off"},
		{"gzip bomb", fake.Fault{Break: fake.GzipBomb}, addsd.BadImage, again, "packed"},
		{"absurd Content-Length", fake.Fault{Break: fake.AbsurdLength}, addsd.BadImage, again, "the limit is"},
		{"endless answer", fake.Fault{Break: fake.Endless}, addsd.BadImage, again, "longer than the limit"},
		{"out of memory", spoiled(fake.OutOfMemory), addsd.BadImage, again, "out of memory"},
		{"error for good", spoiled(fake.Fail), addsd.BadImage, once, "not supported"},
		{"black image", spoiled(fake.Black), addsd.BadImage, once, "one colour, R 0 G 0 B 0"},
		{"uniform image", spoiled(fake.Uniform), addsd.BadImage, once, "one colour"},
		{"wrong size", spoiled(fake.WrongSize), addsd.WrongSize, once, "12 x 16 pixels, asked for 24 x 16"},
		{"truncated image", spoiled(fake.CutImage), addsd.BadImage, again, "the image"},
		{"no image", spoiled(fake.NotAnImage), addsd.BadImage, again, "neither PNG nor JPEG but html"},
		{"not base64", spoiled(fake.NotBase64), addsd.BadImage, again, "base64"},
		{"image in gzip", spoiled(fake.GzipImage), addsd.BadImage, again, "gzip"},
		{"pixel bomb", spoiled(fake.HugeHeader), addsd.BadImage, again, "60000"},
		{"empty result", spoiled(fake.Empty), addsd.BadImage, again, "0 of image"},
		{"image and refusal", spoiled(fake.Both), addsd.BadImage, again, "2 of image"},
		{"missing id", spoiled(fake.Missing), addsd.Unreachable, again, "leaves it out"},
		{"id of another type", spoiled(fake.NullID), addsd.Unreachable, again, "leaves it out"},
		{"two different answers", spoiled(fake.Unlike), addsd.BadImage, again, "twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &fake.Server{Faults: always(c.fault)}
			g, w := start(t, s, Options{Retries: 2, MaxResponseBytes: 1 << 16})
			made := generate(t, g, requests(1))[0]
			r := addsd.RejectionOf(made.Err)
			if r == nil || r.Reason != c.reason || !strings.Contains(r.Message, c.says) {
				t.Errorf("%v, want %s with %q", made.Err, c.reason, c.says)
			}
			if made.Image != nil || strings.Contains(made.Err.Error(), "127.0.0.1") {
				t.Errorf("image %v, message %v", made.Image != nil, made.Err)
			}
			if n := s.Stats().Edits; n != c.asked || len(w.all) != c.asked-1 {
				t.Errorf("asked %d times with %d waits, want %d", n, len(w.all), c.asked)
			}
		})
	}
}

func TestAPassingFaultCostsNoSample(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fake.Fault{
		"status 503": {Status: 503}, "reset": {Break: fake.Reset}, "truncated": {Break: fake.Truncate}, "NaN": {Break: fake.NaN},
		"out of memory": spoiled(fake.OutOfMemory), "cut image": spoiled(fake.CutImage), "missing": spoiled(fake.Missing),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reqs := requests(4)
			g, _ := start(t, &fake.Server{Faults: first(2, f)}, Options{})
			for i, m := range generate(t, g, reqs) {
				wantPicture(t, m, reqs[i])
			}
		})
	}
}

func TestDuplicateAndUnknownIDsDoNoHarm(t *testing.T) {
	t.Parallel()
	reqs := requests(3)
	s := &fake.Server{Faults: always(fake.Fault{Reverse: true, Items: map[int]fake.Spoil{0: fake.Twice, 2: fake.Stranger}})}
	g, _ := start(t, s, Options{})
	for i, m := range generate(t, g, reqs) {
		wantPicture(t, m, reqs[i])
	}
	if s.Stats().Edits != 1 {
		t.Errorf("%d requests", s.Stats().Edits)
	}
}

func TestOnlyTheUnansweredAreAskedAgainAfterARestartMidBatch(t *testing.T) {
	t.Parallel()
	reqs := requests(4)
	s := &fake.Server{Faults: first(1, fake.Fault{Break: fake.ResetBody, After: 2})}
	g, _ := start(t, s, Options{})
	for i, m := range generate(t, g, reqs) {
		wantPicture(t, m, reqs[i])
	}
	times := map[int]int{}
	for _, n := range s.Stats().Items {
		times[n]++
	}
	if times[1] != 2 || times[2] != 2 {
		t.Errorf("two items once and two twice, but %v", s.Stats().Items)
	}
}

func TestAnItemThatUpsetsTheServerDoesNotTakeItsNeighboursWithIt(t *testing.T) {
	t.Parallel()
	reqs := requests(8)
	for name, f := range map[string]fake.Fault{"crash": {Break: fake.Reset}, "status 500": {Status: 500}, "status 400": {Status: 400}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: 8}}
			s.Faults = func(c Call) fake.Fault {
				for _, it := range c.Items {
					if it.Seed == reqs[5].Seed {
						return f
					}
				}
				return fake.Fault{}
			}
			g, _ := start(t, s, Options{})
			for i, m := range generate(t, g, reqs) {
				if i != 5 {
					wantPicture(t, m, reqs[i])
				} else if addsd.RejectionOf(m.Err) == nil {
					t.Errorf("the culprit: %v", m.Err)
				}
			}
		})
	}
}

func TestARequestThatTakesTooLongIsUnreachable(t *testing.T) {
	t.Parallel()
	s := &fake.Server{Faults: always(fake.Fault{Break: fake.Hang})}
	g, _ := start(t, s, Options{Retries: 1})
	g.opts.Timeout = 50 * time.Millisecond // not for Open
	m := generate(t, g, requests(1))[0]
	if r := addsd.RejectionOf(m.Err); r == nil || r.Reason != addsd.Unreachable || r.Message != "no answer in time" {
		t.Errorf("%v", m.Err)
	}
	if n := s.Stats().Edits; n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := &fake.Server{}
	url, stop, err := other.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	g, _ := start(t, &fake.Server{Faults: always(fake.Fault{Status: 307, Redirect: url + protocol.EditPath})}, Options{Retries: -1, Header: "X-Secret: s"})
	if m := generate(t, g, requests(1))[0]; addsd.RejectionOf(m.Err) == nil {
		t.Errorf("%v", m.Err)
	}
	if n := other.Stats().Edits; n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestAServerThatRefusesTheHeaderEndsTheRun(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		g, _ := start(t, &fake.Server{Faults: always(fake.Fault{Status: status})}, Options{Header: "X-Secret: swordfish"})
		_, err := g.Generate(t.Context(), requests(3))
		if fault.CodeOf(err) != fault.Usage || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

func TestOtherWeightsInTheMiddleOfARunEndIt(t *testing.T) {
	t.Parallel()
	s := &fake.Server{Info: protocol.Info{Name: "n", WeightsSHA256: strings.Repeat("a", 64), MaxBatch: 1}}
	s.Faults = func(c Call) fake.Fault {
		if c.N == 2 {
			return fake.Fault{Weights: strings.Repeat("b", 64)}
		}
		return fake.Fault{}
	}
	g, _ := start(t, s, Options{Concurrency: 1})
	if _, err := g.Generate(t.Context(), requests(5)); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "bbbb") {
		t.Errorf("%v", err)
	}
}

func TestCancellingStopsAtOnce(t *testing.T) {
	t.Parallel()
	why := errors.New("enough")
	for name, f := range map[string]fake.Fault{"in a request": {Break: fake.Hang}, "in a wait": {Status: 503, RetryAfter: "200"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			s := &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: 1}}
			s.Faults = func(Call) fake.Fault {
				if f.Break == fake.Hang {
					cancel(why)
				}
				return f
			}
			g, _ := start(t, s, Options{Concurrency: 2})
			g.opts.sleep = func(ctx context.Context, d time.Duration) error {
				cancel(why)
				return sleep(ctx, d)
			}
			made, err := g.Generate(ctx, requests(9))
			if !errors.Is(err, why) || made != nil {
				t.Errorf("%v, %d made", err, len(made))
			}
			if n := s.Stats().Edits; n > 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
