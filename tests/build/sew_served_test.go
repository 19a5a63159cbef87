package build

import (
	"hash/fnv"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// everyFault spoils a third of the items, each in some way, and breaks one
// request in three, each kind in turn.
func everyFault(c fake.Call) fake.Fault {
	f := fake.Fault{Items: map[int]fake.Spoil{}}
	for i, it := range c.Items {
		h := fnv.New32a()
		_, _ = h.Write([]byte(it.ID))
		if n := h.Sum32() % (3 * uint32(fake.NullID)); n < uint32(fake.NullID) {
			f.Items[i] = fake.Spoil(n + 1)
		}
	}
	if c.N%3 != 1 {
		return f
	}
	switch kind := c.N / 3 % int(fake.Endless+2); {
	case kind == 0:
		f.Status, f.Text = 500, "worker restarts"
	case kind == int(fake.Endless+1):
		f.Status, f.RetryAfter = 429, "0"
	default:
		f.Break, f.After = fake.Break(kind), 1
	}
	return f
}

// Whatever a server sends is a sample with a reason, and the run succeeds.
func TestSewFaultsOfAServerAreRejectedSamples(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for time-outs")
	}
	r := newRaw(t)
	r.built()
	server := &fake.Server{Faults: everyFault}
	body := strings.NewReplacer("images_per_class: 1", "images_per_class: 3", "timeout: 20s", "timeout: 1s").Replace(asked(serve(t, server)))
	res := sewing.run(t, r.section("served", "sew", body), r.path("out"))
	verifyClean(t, r.path("out"))
	checkAcceptance(t, &res)
	reasons := map[addsd.Reason]int64{}
	for _, c := range res.Acceptance {
		for reason, n := range c.Rejected {
			reasons[reason] += n
		}
	}
	for _, want := range []addsd.Reason{addsd.Refused, addsd.BadImage, addsd.WrongSize, addsd.Unreachable} {
		if reasons[want] == 0 {
			t.Errorf("nothing was rejected as %s: %v", want, reasons)
		}
	}
	if edits := server.Stats().Edits; res.Synthetic < 30 || edits < 3*int(fake.Endless+2) {
		t.Errorf("%d synthetic examples, %d requests: %v", res.Synthetic, edits, reasons)
	}
}

// A server that stops to answer is no reason to reject samples: the run ends with
// 1, says which server, and the same command goes on when it is back.
func TestSewServerGoesAway(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	good := &fake.Server{}
	url := serve(t, good)
	recipe := r.section("served", "sew", strings.Replace(asked(url), "retries: 1", "retries: 0", 1))
	clean := sewing.run(t, recipe, r.path("clean"))
	out := r.path("out")
	dying := &fake.Server{}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if dying.Stats().Edits >= 4 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		dying.ServeHTTP(w, q)
	}))
	gone.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(gone.Close)
	e := sewing.refused(t, 1, strings.TrimPrefix(gone.URL, "http://"), recipe, out, "--set", "sew.generator.url="+gone.URL)
	if hasManifest(out) {
		t.Fatalf("there is a manifest\n%s", e.stderr)
	}
	kept, before := durable(t, out), items(good)
	res := sewing.run(t, recipe, out)
	if got := items(good) - before; kept == 0 || got != clean.generated()-kept {
		t.Errorf("%d pictures were asked for, %d of %d were durable", got, kept, clean.generated())
	}
	checkAcceptance(t, &res)
	verifyClean(t, out)
	noLeavings(t, out)
}

// Where nothing listens the run ends before it has begun.
func TestSewNoServer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits between tries")
	}
	r := newRaw(t)
	r.built()
	url, stop, err := new(fake.Server).Start()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	sewing.refused(t, 1, "does not answer", r.section("served", "sew", asked(url)), r.path("out"))
	if left := tree(t, r.dir); left["out"] != "" {
		t.Errorf("left behind: %v", left)
	}
}
