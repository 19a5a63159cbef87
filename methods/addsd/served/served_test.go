package served

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// waits records how long a generator would have waited.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
	return ctx.Err()
}

// start serves s, opens a generator on it that does not wait, and checks in the
// end that no slot was kept.
func start(t *testing.T, s *fake.Server, o Options) (*Generator, *waits) {
	t.Helper()
	url, stop, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &waits{}
	o.URL, o.sleep = url, w.sleep
	if o.Geometry == "" {
		o.Geometry = NoGeometry
	}
	g, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if n := len(g.slots); n != 0 {
			t.Errorf("%d slots are still taken", n)
		}
	})
	return g, w
}

// picture is a w x h picture with something on it.
func scenery(w, h int, seed uint64) *raster.RGB {
	rng := rand.New(rand.NewPCG(seed, 5))
	m := raster.NewRGB(w, h)
	for y := range h {
		for x := range w {
			p := m.Pix[3*(y*w+x):][:3]
			p[0], p[1], p[2] = byte(60+x*120/w), byte(80+y*100/h), byte(100+rng.IntN(8))
		}
	}
	return m
}

func request(i int) *addsd.Request {
	return sized(i, 24, 16)
}

func sized(i, w, h int) *addsd.Request {
	return &addsd.Request{
		Key:         fmt.Sprintf("sample-%03d", i),
		Base:        &addsd.Scene{Key: fmt.Sprintf("base-%03d", i), Image: scenery(w, h, uint64(i))},
		Category:    datasets.Class{ID: 7, Name: "traffic_light"},
		Instruction: "add a traffic light",
		Seed:        uint64(i) + 1<<60,
	}
}

func requests(n int) []*addsd.Request {
	out := make([]*addsd.Request, n)
	for i := range out {
		out[i] = request(i)
	}
	return out
}

func generate(t *testing.T, g *Generator, reqs []*addsd.Request) []addsd.Made {
	t.Helper()
	made, err := g.Generate(t.Context(), reqs)
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != len(reqs) {
		t.Fatalf("%d answers to %d requests", len(made), len(reqs))
	}
	return made
}

// wantPicture checks that made is what the fake server draws for r.
func wantPicture(t *testing.T, made addsd.Made, r *addsd.Request) {
	t.Helper()
	if made.Err != nil {
		t.Fatalf("%s: %v", r.Key, made.Err)
	}
	want := &raster.RGB{Width: r.Base.Image.Width, Height: r.Base.Image.Height, Pix: bytes.Clone(r.Base.Image.Pix)}
	fake.Draw(want, nil, "traffic light", r.Seed)
	if made.Image.Width != want.Width || made.Image.Height != want.Height || !bytes.Equal(made.Image.Pix, want.Pix) {
		t.Errorf("%s: not the picture that the server drew", r.Key)
	}
	if !made.Frame.IsWhole(want.Width, want.Height) {
		t.Errorf("%s: frame %+v", r.Key, made.Frame)
	}
}

func TestAPictureIsMadeForEachRequestInOrder(t *testing.T) {
	t.Parallel()
	s := &fake.Server{Info: protocol.Info{Name: "n", Version: "v", MaxBatch: 3, Deterministic: true}}
	g, _ := start(t, s, Options{})
	if id := g.Identity(); id != (datasets.GeneratorIdentity{Name: "n", Version: "v"}) || !g.Deterministic() || g.Batch() != 3 {
		t.Errorf("identity %+v, deterministic %v, batch %d", id, g.Deterministic(), g.Batch())
	}
	reqs := requests(8)
	for i, m := range generate(t, g, reqs) {
		wantPicture(t, m, reqs[i])
		if m.Truth != nil || m.Donor != nil {
			t.Error("truth or donor from a server that knows of neither")
		}
	}
	if got := s.Stats(); got.Edits != 3 || got.Rejected != 0 {
		t.Errorf("%d requests for 8 items in threes, %d rejected", got.Edits, got.Rejected)
	}
}

func TestBatchesAreBoundedByServerAndOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ server, options, want int }{{0, 0, 1}, {4, 0, 4}, {4, 2, 2}, {4, 9, 4}} {
		s := &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: c.server}}
		g, _ := start(t, s, Options{Batch: c.options, Concurrency: 1})
		if g.Batch() != c.want {
			t.Errorf("max_batch %d, option %d: batch %d", c.server, c.options, g.Batch())
		}
		generate(t, g, requests(9))
		for i, n := range s.Stats().Batches {
			if n > c.want || (i < 9/c.want && n != c.want) {
				t.Errorf("max_batch %d, option %d: batches %v", c.server, c.options, s.Stats().Batches)
			}
		}
	}
}

func TestNoMoreRequestsThanSlotsOverAllGoroutines(t *testing.T) {
	t.Parallel()
	var gate sync.WaitGroup
	gate.Add(3)
	s := &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: 1}}
	s.Faults = func(c Call) fake.Fault {
		if c.N < 3 { // the first three wait for each other: three are under way at once
			gate.Done()
			gate.Wait()
		}
		return fake.Fault{}
	}
	g, _ := start(t, s, Options{Concurrency: 3})
	var all sync.WaitGroup
	for k := range 6 {
		all.Go(func() {
			for i := range 5 {
				if _, err := g.Generate(t.Context(), []*addsd.Request{request(10*k + i), request(10*k + i + 100)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := s.Stats(); got.AtOnce != 3 || got.Edits != 60 {
		t.Errorf("%d requests at once of %d, there are 3 slots", got.AtOnce, got.Edits)
	}
}

type Call = fake.Call

func TestTheSameBytesWhateverConcurrencyBatchesAndOrder(t *testing.T) {
	t.Parallel()
	reqs := requests(13)
	var first []addsd.Made
	for _, c := range []struct {
		batch, concurrency int
		reverse            bool
	}{{1, 1, false}, {4, 1, true}, {4, 4, false}, {13, 8, true}} {
		s := &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: c.batch}, Noise: 2, JPEG: true}
		s.Faults = func(Call) fake.Fault { return fake.Fault{Reverse: c.reverse} }
		g, _ := start(t, s, Options{Concurrency: c.concurrency})
		made := generate(t, g, reqs)
		if first == nil {
			first = made
		}
		for i := range made {
			if made[i].Err != nil || !bytes.Equal(made[i].Image.Pix, first[i].Image.Pix) {
				t.Errorf("%+v: sample %d differs: %v", c, i, made[i].Err)
			}
		}
	}
}

func TestFaultsAtRandomLeaveTheSameSamplesWhateverTheConcurrency(t *testing.T) {
	t.Parallel()
	reqs := requests(60)
	var first []string
	for _, concurrency := range []int{1, 5} {
		s := &fake.Server{Faults: fake.Some(3, fake.Shares{Busy: 0.1, Crash: 0.1, Refuse: 0.1, Black: 0.1, WrongSize: 0.1, Fail: 0.1})}
		g, _ := start(t, s, Options{Concurrency: concurrency, Retries: 20})
		var got []string
		for i, m := range generate(t, g, reqs) {
			if m.Err == nil {
				wantPicture(t, m, reqs[i])
				got = append(got, "made")
				continue
			}
			got = append(got, m.Err.Error())
		}
		if first == nil {
			first = got
		}
		kinds := map[string]int{}
		for i := range got {
			kinds[got[i]]++
			if got[i] != first[i] {
				t.Errorf("sample %d: %q and %q", i, got[i], first[i])
			}
		}
		if len(kinds) < 5 || kinds["made"] < 20 {
			t.Errorf("outcomes %v", kinds)
		}
	}
}

func TestTheHeaderComesFromTheEnvironmentAndIsSent(t *testing.T) {
	t.Setenv("SERVED_TEST_TOKEN", "open sesame")
	s := &fake.Server{}
	g, _ := start(t, s, Options{Header: "Authorization: Bearer ${SERVED_TEST_TOKEN}"})
	generate(t, g, requests(1))
	if got := s.Stats().Headers[0].Get("Authorization"); got != "Bearer open sesame" {
		t.Errorf("header %q", got)
	}
}

func TestWhatIsAskedForReachesTheServer(t *testing.T) {
	t.Parallel()
	var seen []protocol.Item
	s := &fake.Server{Faults: func(c Call) fake.Fault { seen = c.Items; return fake.Fault{} }}
	g, _ := start(t, s, Options{Steps: 30, Guidance: 6, ImageGuidance: 1.25})
	own := request(1)
	own.Seed, own.Steps, own.Guidance, own.ImageGuidance = 1<<64-1, 12, 3.5, 1.5
	generate(t, g, []*addsd.Request{request(0), own, request(0)})
	a, b, c := seen[0], seen[1], seen[2]
	if a.Steps != 30 || a.Guidance != 6 || a.ImageGuidance != 1.25 || a.Instruction != "add a traffic light" || a.Object != "traffic light" || a.Mask != nil {
		t.Errorf("defaults: %+v", a)
	}
	if b.Seed != 1<<64-1 || b.Steps != 12 || b.Guidance != 3.5 || b.ImageGuidance != 1.5 || b.Width != 24 || b.Height != 16 {
		t.Errorf("its own: %+v", b)
	}
	if a.ID == b.ID || c.ID != a.ID+"-1" {
		t.Errorf("ids %s %s %s", a.ID, b.ID, c.ID)
	}
}
