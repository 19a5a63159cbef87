package copypaste

import (
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

// TestOverlapCountsSharedPixels compares with pixels one by one, at every kind of
// alignment of the columns' words.
func TestOverlapCountsSharedPixels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const w, h = 50, 150
	random := func() (rle.Mask, patch) {
		pix := make([]byte, w*h)
		x0, y0, bw, bh := rng.IntN(20), rng.IntN(60), 1+rng.IntN(30), 1+rng.IntN(90)
		for y := y0; y < y0+bh; y++ {
			for x := x0; x < x0+bw; x++ {
				pix[y*w+x] = byte(rng.IntN(2))
			}
		}
		m, err := rle.FromBitmap(pix, h, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		var p patch
		p.fromRuns(m, m.Box())
		return m, p
	}
	for range 300 {
		ma, a := random()
		_, b := random()
		if a.area != ma.Area() {
			t.Fatalf("area %d, want %d", a.area, ma.Area())
		}
		dx, dy := rng.IntN(41)-20, rng.IntN(161)-80
		want := 0
		for y := a.box[1]; y < a.box[1]+a.box[3]; y++ {
			for x := a.box[0]; x < a.box[0]+a.box[2]; x++ {
				if a.at(x, y) && b.at(x-dx, y-dy) {
					want++
				}
			}
		}
		if got := overlap(&a, &b, dx, dy); got != want {
			t.Fatalf("moved by %d, %d: overlap %d, want %d", dx, dy, got, want)
		}
	}
}
