package phash

import (
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

// photos returns the pictures of the referring-expression fixture, all of
// different scenes.
func photos(t testing.TB) []*raster.RGB {
	t.Helper()
	paths, err := filepath.Glob("../../datasets/refcoco/testdata/train2014/*.jpg")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d pictures, %v", len(paths), err)
	}
	d := jpeg.NewDecoder()
	defer d.Close()
	var out []*raster.RGB
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m raster.RGB
		if err := d.RGB(&m, data); err != nil {
			t.Fatal(path, err)
		}
		out = append(out, &m)
	}
	return out
}

func TestHashSurvivesReencodingAndScaling(t *testing.T) {
	t.Parallel()
	e, d := jpeg.NewEncoder(), jpeg.NewDecoder()
	defer e.Close()
	defer d.Close()
	var h Hasher
	var r resize.Resizer
	for i, m := range photos(t) {
		hash := h.Of(m)
		for _, quality := range []int{75, 50} {
			data, err := e.RGB(nil, m, quality, image.YCbCrSubsampleRatio420)
			if err != nil {
				t.Fatal(err)
			}
			var again raster.RGB
			if err := d.RGB(&again, data); err != nil {
				t.Fatal(err)
			}
			if n := Distance(hash, h.Of(&again)); n > 4 {
				t.Errorf("picture %d moves by %d at quality %d", i, n, quality)
			}
		}
		small := raster.NewRGB(m.Width*3/5, m.Height*3/5)
		r.RGB(small, m, resize.Options{})
		if n := Distance(hash, h.Of(small)); n > 4 {
			t.Errorf("picture %d moves by %d when scaled", i, n)
		}
	}
}

func TestHashTellsPicturesApart(t *testing.T) {
	t.Parallel()
	var h Hasher
	var hashes []Hash
	for _, m := range photos(t) {
		hashes = append(hashes, h.Of(m))
	}
	for i, a := range hashes {
		for j, b := range hashes[:i] {
			if n := Distance(a, b); n <= 10 {
				t.Errorf("pictures %d and %d differ by %d", i, j, n)
			}
		}
	}
}

// TestHashIsPinned holds the hash to one value on every machine: the picture is
// made without floating point.
func TestHashIsPinned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		w, h int
		want Hash
	}{
		{640, 480, 0xd0f1e8e1e2eae2e0}, {100, 37, 0x1f74c29e50b7acc8}, {5, 3, 0x54cf3939ab5454c6}, {0, 9, 0},
	} {
		m := raster.NewRGB(tt.w, tt.h)
		for i := range m.Pix {
			x, y := i/3%tt.w, i/3/tt.w
			m.Pix[i] = byte(x*x/(tt.w/4+1) + y*(7+i%3) + x*y/40)
		}
		var h Hasher
		if got := h.Of(m); got != tt.want {
			t.Errorf("%d x %d: %#x, want %#x", tt.w, tt.h, uint64(got), uint64(tt.want))
		}
	}
}

func TestReduceAveragesEveryPixelOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		w, ht := 1+r.IntN(150), 1+r.IntN(90)
		if i := r.IntN(9); i == 0 {
			w, ht = 1+r.IntN(3), 8000+r.IntN(2000) // more than 256 rows a cell
		}
		m := raster.NewRGB(w, ht)
		for i := range m.Pix {
			m.Pix[i] = byte(r.Uint32())
		}
		var h Hasher
		h.reduce(m)
		for cell := r.IntN(5); cell < side*side; cell += 5 {
			i, j := cell%side, cell/side
			sum := 0
			for y := j * ht / side; y < ht && y*side < (j+1)*ht; y++ {
				for x := range w {
					p := m.Pix[3*(y*w+x):]
					luma := 19595*int(p[0]) + 38470*int(p[1]) + 7471*int(p[2])
					sum += overlap(i, x, w) * overlap(j, y, ht) * luma
				}
			}
			if want := int64((sum>>8 + w*ht/2) / (w * ht)); h.small[j][i] != want {
				t.Fatalf("%d x %d: cell %d,%d is %d, want %d", w, ht, i, j, h.small[j][i], want)
			}
		}
	}
}

// overlap is how much of cell i of 32 pixel x of n fills, in 1/32 pixel.
func overlap(i, x, n int) int {
	return max(0, min((i+1)*n, (x+1)*side)-max(i*n, x*side))
}

func TestIndexFindsWhatAScanFinds(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	var x Index
	if got := x.Find(nil, 5, 64); len(got) > 0 {
		t.Errorf("an empty index has %d", got)
	}
	for range 5000 {
		h := Hash(r.Uint64())
		if x.Len() > 0 && r.IntN(2) == 0 { // a neighbour of an earlier one
			h = x.hashes[r.IntN(x.Len())]
			for range r.IntN(14) {
				h ^= 1 << r.IntN(64)
			}
		}
		if id := x.Add(h); id != x.Len()-1 {
			t.Fatalf("number %d of %d", id, x.Len())
		}
	}
	found := 0
	for i, h := range x.hashes[:600] {
		for _, d := range []int{i % 16, -1 + i%2} {
			got, want := x.Find([]int{-7}, h, d), x.scan([]int{-7}, h, d)
			if !slices.Equal(got, want) {
				t.Fatalf("within %d of %#x: %d, want %d", d, uint64(h), got, want)
			}
			found += len(got)
		}
	}
	if found < 2000 {
		t.Errorf("only %d neighbours: the test tests little", found)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	m := raster.NewRGB(320, 240)
	var h Hasher
	var x Index
	var near []int
	for i := range 2000 {
		x.Add(Hash(i) * 0x9e3779b97f4a7c15)
	}
	near = x.Find(near, 77, 30)
	h.Of(m)
	if n := testing.AllocsPerRun(10, func() { near = x.Find(near[:0], h.Of(m), 6) }); n > 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

func BenchmarkOf(b *testing.B) {
	m := raster.NewRGB(640, 480)
	var h Hasher
	for b.Loop() {
		h.Of(m)
	}
}

func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 3))
	var x Index
	for range 100_000 {
		x.Add(Hash(r.Uint64()))
	}
	var near []int
	for b.Loop() {
		near = x.Find(near[:0], Hash(r.Uint64()), 6)
	}
}
