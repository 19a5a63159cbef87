package overlay

import (
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

// inside paints closed outlines by the even-odd rule, pixel by pixel.
func inside(loops [][]point, h, w int) []byte {
	pix := make([]byte, h*w)
	for _, l := range loops {
		for i, a := range l {
			b := l[(i+1)%len(l)]
			if a.x != b.x {
				continue
			}
			for y := min(a.y, b.y); y < max(a.y, b.y); y++ {
				for x := a.x; x < w; x++ {
					pix[y*w+x] ^= 1
				}
			}
		}
	}
	return pix
}

func TestOutlinesOfAMaskFillToTheMask(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		h, w := 1+rng.IntN(12), 1+rng.IntN(12)
		pix := make([]byte, h*w)
		for p := range pix {
			if rng.IntN(100) < 20+i%60 {
				pix[p] = 1
			}
		}
		m, err := rle.FromBitmap(pix, h, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := inside(trace(m), h, w)
		for p := range pix {
			if got[p] != pix[p] {
				t.Fatalf("%d x %d, case %d: pixel %d is %d, want %d", h, w, i, p, got[p], pix[p])
			}
		}
	}
}

func TestARectangleHasFourCorners(t *testing.T) {
	t.Parallel()
	m, err := rle.FromBox([4]float64{2, 3, 40, 20}, 60, 80, nil)
	if err != nil {
		t.Fatal(err)
	}
	if loops := trace(m); len(loops) != 1 || len(loops[0]) != 4 {
		t.Errorf("outlines %v, want one with four corners", loops)
	}
}

func TestAMaskWithEmptyRunsIsTraced(t *testing.T) {
	t.Parallel()
	m := rle.Mask{Height: 2, Width: 2, Counts: []uint32{0, 1, 0, 1, 2}}
	if got := inside(trace(m), 2, 2); string(got) != "\x01\x00\x01\x00" {
		t.Errorf("pixels %v, want the first column", got)
	}
}

func TestABrokenMaskHasNoOutline(t *testing.T) {
	t.Parallel()
	for _, m := range []rle.Mask{{}, {Height: 2, Width: 2, Counts: []uint32{1, 9}}, {Height: -1, Width: 3}} {
		if loops := trace(m); loops != nil {
			t.Errorf("trace(%v) = %v, want none", m, loops)
		}
	}
}

func BenchmarkTrace(b *testing.B) {
	b.ReportAllocs()
	var parts []rle.Mask
	for i := range 20 {
		x := float64(i * 30)
		m, err := rle.FromPolygon([]float64{x, 10, x + 60, 200, x + 20, 470, x - 20, 240}, 480, 640, nil)
		if err != nil {
			b.Fatal(err)
		}
		parts = append(parts, m)
	}
	m, err := rle.Union(parts, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		trace(m)
	}
}
