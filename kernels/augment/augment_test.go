package augment

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// everything has every step that draws.
const everything = "random_resized_crop(24) | pad_crop(3) | flip | color_jitter | rand_augment(3, 20)"

func apply(t testing.TB, a *Augmenter, src *raster.RGB, s Seed) *raster.RGB {
	t.Helper()
	var dst raster.RGB
	if err := a.Apply(&dst, src, s); err != nil {
		t.Fatal(err)
	}
	return &dst
}

func parse(t testing.TB, text string) *Recipe {
	t.Helper()
	r, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheResultFollowsFromTheSeedAlone(t *testing.T) {
	t.Parallel()
	r := parse(t, everything)
	a, src := r.New(), noise(50, 40, 7)
	before := bytes.Clone(src.Pix)
	base := Seed{Run: 1, Epoch: 2, Key: "k", Copy: 0, View: 0}
	want := apply(t, a, src, base)
	other := noise(33, 47, 8)
	for range 3 {
		apply(t, a, other, Seed{Key: "other"})
		if got := apply(t, a, src, base); !bytes.Equal(got.Pix, want.Pix) {
			t.Error("the same seed gives another picture after others")
		}
		if got := apply(t, r.New(), src, base); !bytes.Equal(got.Pix, want.Pix) {
			t.Error("another Augmenter gives another picture")
		}
	}
	for name, s := range map[string]Seed{"run": {2, 2, "k", 0, 0}, "epoch": {1, 3, "k", 0, 0}, "key": {1, 2, "j", 0, 0}, "copy": {1, 2, "k", 1, 0}, "view": {1, 2, "k", 0, 1}} {
		if got := apply(t, a, src, s); bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("another %s gives the same picture", name)
		}
	}
	if !bytes.Equal(src.Pix, before) {
		t.Error("the source was changed")
	}
}

// A step behind another draws what it draws whatever stands after it.
func TestAStepBehindChangesNothingBeforeIt(t *testing.T) {
	t.Parallel()
	src := noise(50, 40, 7)
	for i := range int64(20) {
		s := Seed{Epoch: i, Key: "k"}
		short := apply(t, parse(t, "random_resized_crop(24) | flip").New(), src, s)
		long := apply(t, parse(t, "random_resized_crop(24) | flip | resize(width=24, height=24) | pad_crop(0) | rand_augment(0, 1)").New(), src, s)
		if !bytes.Equal(short.Pix, long.Pix) {
			t.Errorf("epoch %d: the first steps draw something else", i)
		}
	}
}

func TestPicturesOfEverySizeWork(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	a := parse(t, everything+" | resize(short=9) | center_crop(11)").New()
	for i := range 200 {
		src := noise(1+rng.IntN(40), 1+rng.IntN(40), uint64(i))
		if got := apply(t, a, src, Seed{Epoch: int64(i)}); got.Width != 11 || len(got.Pix) != 3*11*11 {
			t.Errorf("%d x %d became %d x %d", src.Width, src.Height, got.Width, got.Height)
		}
	}
	var dst raster.RGB
	if err := a.Apply(&dst, raster.NewRGB(0, 5), Seed{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no pixels: %v", err)
	}
}

// The window's area is uniform in its range and its shape log-uniform, where both
// fit: the mean and the quartiles of many draws.
func TestWindowsAreDrawnAsTheFormulaSays(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	const n, w, h = 20_000, 4000, 4000
	area, shape, left, low := 0.0, 0.0, 0.0, 0
	for range n {
		b := cropBox(rng, w, h, [2]float64{0.08, 0.5}, [2]float64{0.75, 4.0 / 3})
		a := float64(b.Dx()*b.Dy()) / (w * h)
		area += a / n
		shape += math.Log(float64(b.Dx())/float64(b.Dy())) / n
		left += float64(b.Min.X) / float64(w-b.Dx()) / n
		if a < 0.08+0.42/4 {
			low++
		}
		if ratio := float64(b.Dx()) / float64(b.Dy()); b.Min.X < 0 || b.Min.Y < 0 || b.Max.X > w || b.Max.Y > h || ratio < 0.749 || ratio > 1.334 {
			t.Fatalf("window %v", b)
		}
	}
	if math.Abs(area-0.29) > 0.004 || math.Abs(shape) > 0.006 || math.Abs(left-0.5) > 0.01 || low < n/4-300 || low > n/4+300 {
		t.Errorf("mean area %.4f, mean log shape %.4f, mean place %.4f, %d in the first quarter", area, shape, left, low)
	}
}

func TestAWindowThatNeverFitsIsTheMiddle(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	for _, c := range []struct{ w, h, cw, ch int }{{1000, 10, 13, 10}, {10, 1000, 10, 13}, {1, 1, 1, 1}} {
		b := cropBox(rng, c.w, c.h, [2]float64{1, 1}, [2]float64{0.75, 4.0 / 3})
		if b.Dx() != c.cw || b.Dy() != c.ch || b.Min.X != (c.w-c.cw)/2 || b.Min.Y != (c.h-c.ch)/2 {
			t.Errorf("%d x %d: %v", c.w, c.h, b)
		}
	}
}

func TestExpAndLnAreThoseOfMath(t *testing.T) {
	t.Parallel()
	for x := -6.0; x < 6; x += 0.0137 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 2e-15*want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
		if v := math.Exp(x); math.Abs(ln(v)-math.Log(v)) > 1e-15*(1+math.Abs(x)) {
			t.Errorf("ln(%v) = %v, want %v", v, ln(v), math.Log(v))
		}
	}
}

func TestFlipMirrorsHalfOfThePictures(t *testing.T) {
	t.Parallel()
	src := noise(7, 5, 1)
	mirrored := raster.NewRGB(7, 5)
	for y := range 5 {
		for x := range 7 {
			copy(mirrored.Pix[3*(7*y+x):][:3], src.Pix[3*(7*y+6-x):])
		}
	}
	a, flips := parse(t, "flip").New(), 0
	for i := range int64(1000) {
		switch got := apply(t, a, src, Seed{Epoch: i, Key: "k"}).Pix; {
		case bytes.Equal(got, mirrored.Pix):
			flips++
		case !bytes.Equal(got, src.Pix):
			t.Fatal("neither the picture nor its mirror image")
		}
	}
	if flips < 440 || flips > 560 {
		t.Errorf("%d of 1000", flips)
	}
}

func TestPadCropTakesEveryPlace(t *testing.T) {
	t.Parallel()
	src := raster.NewRGB(3, 3)
	for i := range src.Pix {
		src.Pix[i] = byte(i + 1)
	}
	seen := map[string]int{}
	a := parse(t, "pad_crop(2)").New()
	for i := range int64(3000) {
		seen[string(apply(t, a, src, Seed{Epoch: i}).Pix)]++
	}
	// Every place gives a picture of its own: something of src is left in each.
	if len(seen) != 25 {
		t.Errorf("%d pictures, want 25", len(seen))
	}
	for _, n := range seen {
		if n < 60 || n > 190 {
			t.Errorf("a place came %d times in 3000", n)
		}
	}
}

func TestCHWHasTheRoundingsOfTorch(t *testing.T) {
	t.Parallel()
	src := raster.NewRGB(256, 1)
	for i := range 256 {
		src.Pix[3*i], src.Pix[3*i+1], src.Pix[3*i+2] = byte(i), byte(255-i), byte(i)
	}
	dst := make([]float32, 3*256)
	parse(t, "").Normalize().CHW(dst, src)
	// What v2.ToDtype(torch.float32, scale=True) and v2.Normalize of torchvision
	// 0.29 on torch 2.15 make of it.
	for i, want := range map[int]uint32{0: 0xc0078bbd, 17: 0xbfe9d408, 100: 0xbecf9451, 255: 0x400fee1d, 256: 0x401b6db7, 511: 0xc0024924, 512: 0xbfe6f809, 767: 0x4028f5c3} {
		if got := math.Float32bits(dst[i]); got != want {
			t.Errorf("value %d: %08x, want %08x", i, got, want)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	src, a := noise(60, 50, 1), parse(t, everything).New()
	var dst raster.RGB
	i := int64(0)
	step := func() {
		i++
		if err := a.Apply(&dst, src, Seed{Epoch: i % 50, Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(50, step); n > 0 {
		t.Errorf("%v allocations a picture", n)
	}
}
