package localise

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/blend"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// texture draws waves of several lengths around a colour.
func texture(rng *rand.Rand, w, h int) *raster.RGB {
	m := raster.NewRGB(w, h)
	type wave struct{ x, y, phase, size float64 }
	var waves []wave
	for range 6 {
		waves = append(waves, wave{rng.NormFloat64() / 6, rng.NormFloat64() / 6, rng.Float64() * 6, rng.Float64() * 12})
	}
	ground := [3]float64{40 + rng.Float64()*170, 40 + rng.Float64()*170, 40 + rng.Float64()*170}
	for y := range h {
		for x := range w {
			v := rng.NormFloat64() * 2
			for _, a := range waves {
				v += a.size * math.Sin(a.x*float64(x)+a.y*float64(y)+a.phase)
			}
			for c := range 3 {
				m.Pix[3*(y*w+x)+c] = byte(min(max(ground[c]+v, 0), 255))
			}
		}
	}
	return m
}

// blob draws a textured object of w x h pixels with a wavy outline.
func blob(rng *rand.Rand, w, h int) *blend.Cutout {
	c := &blend.Cutout{Image: *texture(rng, w, h), Mask: *morph.New(w, h)}
	phase := rng.Float64() * 6
	for y := range h {
		for x := range w {
			u, v := 2*(float64(x)+.5)/float64(w)-1, 2*(float64(y)+.5)/float64(h)-1
			if math.Hypot(u, v) < 0.85+0.15*math.Sin(5*math.Atan2(v, u)+phase) {
				c.Mask.Pix[y*w+x] = 255
			}
		}
	}
	return c
}

func drawn(t testing.TB, seed uint64, mode string) *pasted {
	rng := rand.New(rand.NewPCG(seed, 7))
	base := texture(rng, 320, 240)
	w, h := 20+rng.IntN(100), 20+rng.IntN(80)
	return compose(t, base, blob(rng, w, h), rng.IntN(320-w), rng.IntN(240-h), mode)
}

// Poisson blending keeps gradients, of which these drawings have few, so that little
// of an object would be left to find: real objects are for that.
func TestDrawnObjectsAreFoundWhereTheyWerePasted(t *testing.T) {
	d, c := NewDifference(Options{}), newCodec(t)
	for _, mode := range []string{"hard", "feather"} {
		for _, q := range [][2]int{{95, 95}, {75, 75}, {95, 85}} {
			var scores []score
			for seed := range uint64(8) {
				scores = append(scores, measure(t, d, &c, drawn(t, seed, mode), q[0], q[1]))
			}
			box, mask, text := summary(scores)
			t.Logf("%s q%d/%d %s", mode, q[0], q[1], text)
			if box < 0.85 || mask < 0.75 {
				t.Errorf("%s q%d/%d: %s", mode, q[0], q[1], text)
			}
		}
	}
}

// What is the codec's alone is no object, and is measured.
func TestTheCodecAloneIsNoise(t *testing.T) {
	d, c := NewDifference(Options{}), newCodec(t)
	base := texture(rand.New(rand.NewPCG(1, 8)), 320, 240)
	for _, q := range [][2]int{{95, 95}, {95, 85}, {95, 60}} {
		found, err := d.Localise(c.through(t, base, q[0]), c.through(t, base, q[1]), nil)
		if r := addsd.RejectionOf(err); r == nil || r.Reason != addsd.NothingFound {
			t.Errorf("q%d against q%d: %v, %v", q[0], q[1], found.Box, err)
		}
		if same := q[0] == q[1]; (found.Noise == 0) != same || (found.Drift == 0) != same {
			t.Errorf("q%d against q%d: noise %v, drift %v", q[0], q[1], found.Noise, found.Drift)
		}
	}
}

func TestWhatCannotBeTakenIsRejectedByItsReason(t *testing.T) {
	d := NewDifference(Options{})
	base := texture(rand.New(rand.NewPCG(1, 9)), 160, 120)
	edit := func(f func(x, y int) int) *raster.RGB {
		m := &raster.RGB{Width: 160, Height: 120, Pix: slices.Clone(base.Pix)}
		for i := range m.Pix {
			m.Pix[i] += byte(f(i/3%160, i/480))
		}
		return m
	}
	for _, c := range []struct {
		name string
		made *raster.RGB
		want addsd.Reason
	}{
		{"the base itself", base, addsd.NothingFound},
		{"one pixel", edit(func(x, y int) int { return 100 * b2i(y == 60 && x == 80) }), addsd.NothingFound},
		{"another picture", edit(func(x, y int) int { return 128 }), addsd.TooMuch},
		{"two thirds of the picture", edit(func(x, y int) int { return 128 * b2i(x < 107) }), addsd.TooMuch},
		{"brighter all over", edit(func(x, y int) int { return 20 }), addsd.Drifted},
		{"an object, and brighter elsewhere", edit(func(x, y int) int {
			return 20 + 100*b2i(x > 60 && x < 90 && y > 40 && y < 70)
		}), addsd.Drifted},
		{"an object", edit(func(x, y int) int { return 128 * b2i(x > 60 && x < 90 && y > 40 && y < 70) }), ""},
	} {
		found, err := d.Localise(base, c.made, nil)
		var got addsd.Reason
		if r := addsd.RejectionOf(err); r != nil {
			got = r.Reason
		} else if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q; changed %.3f, drift %.3f, noise %.3f", c.name, got, c.want, found.Changed, found.Drift, found.Noise)
		}
	}
	for _, m := range []*raster.RGB{raster.NewRGB(160, 119), {Width: 160, Height: 120}} {
		if _, err := d.Localise(base, m, nil); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%d x %d with %d bytes: %v", m.Width, m.Height, len(m.Pix), err)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The parts of an object whose middle has the colour of the ground are one object;
// a change far away is another, and the ring around a hole has no hole.
func TestPartsThatAreNearAreOneObject(t *testing.T) {
	base := raster.NewRGB(200, 150)
	made := raster.NewRGB(200, 150)
	paint := func(x, y, w, h int) {
		for v := y; v < y+h; v++ {
			for u := 3 * (v*200 + x); u < 3*(v*200+x+w); u++ {
				made.Pix[u] ^= 200
			}
		}
	}
	paint(20, 30, 30, 30)  // a ring: outside,
	paint(28, 38, 14, 14)  // and the hole
	paint(56, 30, 10, 30)  // six pixels away
	paint(150, 90, 20, 20) // far away
	found, err := NewDifference(Options{}).Localise(base, made, nil)
	if err != nil {
		t.Fatal(err)
	}
	if iou := BoxIoU(found.Box, datasets.Box{20, 30, 46, 30}); iou < 0.85 {
		t.Errorf("box %v", found.Box)
	}
	middle, err := rle.FromBox([4]float64{30, 40, 10, 10}, 150, 200, nil)
	if err != nil {
		t.Fatal(err)
	}
	if share, err := rle.IoU(middle, found.Mask, true); err != nil || share != 1 {
		t.Errorf("%.2f of the hole is filled: %v", share, err)
	}
	b := found.Mask.Box()
	if tight := (datasets.Box{float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])}); tight != found.Box {
		t.Errorf("box %v is not the mask's, %v", found.Box, tight)
	}
}

// difference, smoothen and total are compared with what they stand for.
func TestChangeIsTheMeanOfTheLargestDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	for range 60 {
		w, h := 1+rng.IntN(40), 1+rng.IntN(30)
		a, b := raster.NewRGB(w, h), raster.NewRGB(w, h)
		for i := range a.Pix {
			a.Pix[i] = byte(rng.Uint32())
			b.Pix[i] = a.Pix[i]
			if i/3%w > w/3 {
				b.Pix[i] = byte(rng.Uint32())
			}
		}
		var c change
		c.of(a, b)
		raw := func(x, y int) int {
			i, most := 3*(min(max(y, 0), h-1)*w+min(max(x, 0), w-1)), 0
			for k := i; k < i+3; k++ {
				most = max(most, int(a.Pix[k])-int(b.Pix[k]), int(b.Pix[k])-int(a.Pix[k]))
			}
			return most
		}
		sum, outside := 0, 0
		for y := range h {
			for x := range w {
				nine := 0
				for k := range 9 {
					nine += raw(x+k%3-1, y+k/3-1)
				}
				if got, want := int(c.smooth[y*w+x]), (nine+4)/9; got != want {
					t.Fatalf("%d x %d at %d, %d: %d, want %d", w, h, x, y, got, want)
				}
				if x < w/2 {
					sum, outside = sum+raw(x, y), outside+1
				}
			}
		}
		want := 0.0
		if outside > 0 {
			want = float64(sum) / float64(outside) / 255
		}
		if got := c.meanOutside([4]int{w / 2, 0, w - w/2, h}); got != want {
			t.Fatalf("mean outside %v, want %v", got, want)
		}
	}
	long := make([]byte, 5003)
	want := 0
	for i := range long {
		long[i] = byte(255 - i%3)
		want += int(long[i])
	}
	if got := total(long); got != want {
		t.Errorf("total %d, want %d", got, want)
	}
}

func TestASecondPictureAllocatesNothingButItsMask(t *testing.T) {
	p := drawn(t, 1, "hard")
	d := NewDifference(Options{})
	s := new(scratch)
	run := func() {
		if _, err := s.localise(p.base, p.made, d); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n > 12 {
		t.Errorf("%v allocations, more than the growth of a mask's runs", n)
	}
}

// fake is a detector that sees what it is told.
type fake struct {
	found addsd.Found
	err   error
}

func (f fake) Name() string { return "fake" }

func (f fake) Localise(_, _ *raster.RGB, _ *addsd.Request) (addsd.Found, error) {
	return f.found, f.err
}

func TestBothTakesTheDetectorsBoxAndTheMaskInsideIt(t *testing.T) {
	p := drawn(t, 2, "hard")
	alone, err := NewDifference(Options{}).Localise(p.base, p.made, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := alone.Box
	seen[2] -= 5
	l := Both(fake{addsd.Found{Box: seen, Score: 0.4}, nil}, NewDifference(Options{}), 0.5)
	got, err := l.Localise(p.base, p.made, nil)
	if err != nil || got.Box != seen || got.Score != 0.4 || got.Changed != alone.Changed || l.Name() != "fake+difference" {
		t.Fatalf("%s: %v %v, %v", l.Name(), got.Box, got.Score, err)
	}
	if b := got.Mask.Box(); float64(b[0]+b[2]) != seen[0]+seen[2] || got.Mask.Area() >= alone.Mask.Area() {
		t.Errorf("a mask of box %v, %d pixels, in a box %v", b, got.Mask.Area(), seen)
	}

	away := fake{addsd.Found{Box: datasets.Box{0, 0, 5, 5}}, nil}
	if _, err := Both(away, NewDifference(Options{}), 0.5).Localise(p.base, p.made, nil); addsd.RejectionOf(err) == nil || addsd.RejectionOf(err).Reason != addsd.Disagree {
		t.Errorf("a detector that sees it elsewhere: %v", err)
	}
	blind := fake{err: addsd.Reject(addsd.NothingFound, "no box")}
	if _, err := Both(blind, NewDifference(Options{}), 0.5).Localise(p.base, p.made, nil); addsd.RejectionOf(err) == nil {
		t.Errorf("a detector that sees nothing: %v", err)
	}
	broken := fake{err: context.DeadlineExceeded}
	if _, err := Both(broken, NewDifference(Options{}), 0.5).Localise(p.base, p.made, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a detector that breaks: %v", err)
	}
	if _, err := Both(away, NewDifference(Options{}), 0.5).Localise(p.base, p.base, nil); addsd.RejectionOf(err) == nil || addsd.RejectionOf(err).Reason != addsd.NothingFound {
		t.Errorf("no difference: %v", err)
	}
}

func TestAgreementIsAnIoUOfAtLeastTheLimit(t *testing.T) {
	a := addsd.Found{Box: datasets.Box{0, 0, 20, 10}}
	if err := Agree(a, addsd.Found{Box: datasets.Box{0, 0, 10, 10}}, 0.5); err != nil {
		t.Errorf("an IoU of one half: %v", err)
	}
	if err := Agree(a, addsd.Found{Box: datasets.Box{0, 0, 9.9, 10}}, 0.5); addsd.RejectionOf(err) == nil {
		t.Errorf("an IoU of less: %v", err)
	}
	if iou := BoxIoU(datasets.Box{}, datasets.Box{}); iou != 0 {
		t.Errorf("boxes without area have an IoU of %v", iou)
	}
	if _, _, ok, err := IoU(a, &datasets.Truth{BBox: a.Box}); ok || err != nil {
		t.Errorf("masks that are not there were compared: %v", err)
	}
}

func benchmark(b *testing.B, qBase, qMade int) {
	rng := rand.New(rand.NewPCG(4, 9))
	c := newCodec(b)
	p := compose(b, texture(rng, 640, 480), blob(rng, 200, 180), 220, 140, "hard")
	base, made := c.through(b, p.base, qBase), c.through(b, p.made, qMade)
	d := NewDifference(Options{})
	for b.Loop() {
		if _, err := d.Localise(base, made, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPasted(b *testing.B)         { benchmark(b, 95, 95) }
func BenchmarkChangedAllOver(b *testing.B) { benchmark(b, 95, 85) }
