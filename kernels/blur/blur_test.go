package blur

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func noise(r *rand.Rand, n int) []byte {
	pix := make([]byte, n)
	for i := range pix {
		pix[i] = byte(r.Uint32())
	}
	return pix
}

func TestGaussian3IsOpenCVsOfSize3(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	var b Blurrer
	for range 200 {
		w, h := 2+r.IntN(40), 2+r.IntN(12)
		src, got, want := noise(r, w*h), make([]byte, w*h), make([]byte, w*h)
		if err := b.OpenCV(want, src, w, h, 1, Gaussian{KernelX: 3, KernelY: 3}); err != nil {
			t.Fatal(err)
		}
		b.Gaussian3(got, src, w, h)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d x %d: %d, want %d", w, h, got, want)
		}
	}
}

func TestBox3IsTheRoundedMean(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 1))
	var b Blurrer
	for range 200 {
		w, h := 1+r.IntN(40), 1+r.IntN(12)
		src, got := noise(r, w*h), make([]byte, w*h)
		b.Box3(got, src, w, h)
		for i, v := range got {
			sum := 0
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					sum += int(src[mirror(i/w+dy, h)*w+mirror(i%w+dx, w)])
				}
			}
			if want := math.Round(float64(sum) / 9); float64(v) != want {
				t.Fatalf("%d x %d: sample %d is %d, want %v", w, h, i, v, want)
			}
		}
	}
}

func TestNinthRoundsEverySum(t *testing.T) {
	t.Parallel()
	for sum := range uint64(2296) {
		want := (sum + 4) / 9
		if got := ninth(sum * 0x0001000100010001); got != want*0x0001000100010001 {
			t.Fatalf("%d/9 is %#x, want %d", sum, got, want)
		}
	}
}

func TestFlatPicturesStayFlat(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	var b Blurrer
	for range 60 {
		w, h, channels := 1+r.IntN(30), 1+r.IntN(30), 1+r.IntN(4)
		src := bytes.Repeat([]byte{byte(r.Uint32())}, w*h*channels)
		dst := make([]byte, len(src))
		sigma := 0.1 + 12*r.Float64()
		if err := b.OpenCV(dst, src, w, h, channels, Gaussian{SigmaX: sigma}); err != nil || !bytes.Equal(dst, src) {
			t.Fatalf("OpenCV, sigma %v: %d became %d (%v)", sigma, src[0], dst, err)
		}
		if err := b.Pillow(dst, src, w, h, channels, 4*sigma, sigma); err != nil || !bytes.Equal(dst, src) {
			t.Fatalf("Pillow, radius %v: %d became %d (%v)", sigma, src[0], dst, err)
		}
	}
}

func TestKernelsThatCannotBeAreUsageFaults(t *testing.T) {
	t.Parallel()
	var b Blurrer
	pix := make([]byte, 25)
	for _, g := range []Gaussian{
		{}, {KernelX: 4, KernelY: 4}, {KernelX: -3, KernelY: 3}, {SigmaX: math.NaN()}, {SigmaX: math.Inf(1)},
		{KernelX: 3, KernelY: 1 << 20}, {KernelX: 3, KernelY: 3, SigmaX: math.NaN()},
	} {
		if err := b.OpenCV(make([]byte, 25), pix, 5, 5, 1, g); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", g, err)
		}
	}
	for _, r := range []float64{-1, math.NaN(), math.Inf(1), 1e9} {
		if err := b.Pillow(make([]byte, 25), pix, 5, 5, 1, r, 1); fault.CodeOf(err) != fault.Usage {
			t.Errorf("radius %v: %v", r, err)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	const w, h = 64, 48
	src, dst := make([]byte, w*h), make([]byte, w*h)
	var b Blurrer
	work := func() {
		b.Gaussian3(dst, src, w, h)
		b.Box3(dst, src, w, h)
		if err := b.Pillow(dst, src, w, h, 1, 3, 3); err != nil {
			t.Fatal(err)
		}
	}
	work()
	if n := testing.AllocsPerRun(10, work); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBlur(b *testing.B) {
	const w, h = 640, 480
	src, dst := noise(rand.New(rand.NewPCG(4, 4)), 3*w*h), make([]byte, 3*w*h)
	var r Blurrer
	for _, bb := range []struct {
		name string
		f    func() error
	}{
		{"gaussian3", func() error { r.Gaussian3(dst[:w*h], src[:w*h], w, h); return nil }},
		{"box3", func() error { r.Box3(dst[:w*h], src[:w*h], w, h); return nil }},
		{"opencv rgb sigma 2", func() error { return r.OpenCV(dst, src, w, h, 3, Gaussian{SigmaX: 2}) }},
		{"pillow rgb radius 10", func() error { return r.Pillow(dst, src, w, h, 3, 10, 10) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if err := bb.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
