package blend

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// picture is a smooth image with some noise, its values within 40 and 200.
func picture(rng *rand.Rand, w, h int) *raster.RGB {
	m := raster.NewRGB(w, h)
	fx, fy, phase := rng.Float64()/8, rng.Float64()/8, 6*rng.Float64()
	for i := range m.Pix {
		x, y, c := float64(i/3%w), float64(i/3/w), float64(i%3)
		m.Pix[i] = byte(120 + 60*math.Sin(fx*x+fy*y+phase+c) + 20*rng.Float64())
	}
	return m
}

// disc is a mask with an ellipse that touches its borders.
func disc(w, h int) *morph.Bitmap {
	m := morph.New(w, h)
	for i := range m.Pix {
		x := (float64(i%w)+0.5)/float64(w)*2 - 1
		y := (float64(i/w)+0.5)/float64(h)*2 - 1
		if x*x+y*y <= 1 {
			m.Pix[i] = 255
		}
	}
	return m
}

type blendFunc func(b *Blender, dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error

var blends = map[string]blendFunc{
	"hard": (*Blender).Hard,
	"feather": func(b *Blender, dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error {
		return b.Feather(dst, src, mask, x, y, 3)
	},
	"normal": func(b *Blender, dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error {
		return b.Poisson(dst, src, mask, x, y, Normal)
	},
	"mixed": func(b *Blender, dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error {
		return b.Poisson(dst, src, mask, x, y, Mixed)
	},
}

func TestOnlyPixelsUnderTheMaskChangeWhereverTheCutoutFalls(t *testing.T) {
	t.Parallel()
	for name, blend := range blends {
		rng := rand.New(rand.NewPCG(1, 2))
		var b Blender
		for range 80 {
			w, h := 1+rng.IntN(40), 1+rng.IntN(40)
			dst, src := picture(rng, 1+rng.IntN(60), 1+rng.IntN(60)), picture(rng, w, h)
			mask := disc(w, h)
			if rng.IntN(3) == 0 {
				for i := range mask.Pix {
					mask.Pix[i] = byte(rng.IntN(2))
				}
			}
			x, y := rng.IntN(120)-60, rng.IntN(120)-60
			before := bytes.Clone(dst.Pix)
			if err := blend(&b, dst, src, mask, x, y); err != nil {
				t.Fatal(err)
			}
			for i := range before {
				mx, my := i/3%dst.Width-x, i/3/dst.Width-y
				under := mx >= 0 && my >= 0 && mx < w && my < h && mask.Pix[my*w+mx] != 0
				if !under && dst.Pix[i] != before[i] {
					t.Fatalf("%s: %d x %d at (%d, %d): byte %d outside the mask changed", name, w, h, x, y, i)
				}
				if under && name == "hard" && dst.Pix[i] != src.Pix[3*(my*w+mx)+i%3] {
					t.Fatalf("hard: byte %d is not the source's", i)
				}
			}
		}
	}
}

func TestASourceThatDiffersByAConstantGivesTheBaseBack(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	var b Blender
	for _, offset := range []byte{0, 1, 40} {
		for _, at := range [][2]int{{20, 10}, {0, 0}, {60, 40}} {
			dst, src := picture(rng, 100, 80), raster.NewRGB(40, 40)
			raster.Crop(src, dst, at[0], at[1], raster.Color{})
			for i := range src.Pix {
				src.Pix[i] += offset
			}
			before := bytes.Clone(dst.Pix)
			for _, mode := range []Mode{Normal, Mixed} {
				if err := b.Poisson(dst, src, disc(40, 40), at[0], at[1], mode); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(dst.Pix, before) {
					t.Errorf("offset %d at %d, mode %d: the base changed", offset, at, mode)
				}
			}
		}
	}
}

// exact solves the equations of Poisson by relaxation in float64.
func exact(dst, src *raster.RGB, mask *morph.Bitmap, x0, y0, channel int, mode Mode) []float64 {
	f := make([]float64, dst.Width*dst.Height)
	var in []int
	for i := range f {
		f[i] = float64(dst.Pix[3*i+channel])
		x, y := i%dst.Width-x0, i/dst.Width-y0
		if x >= 0 && y >= 0 && x < mask.Width && y < mask.Height && mask.Pix[y*mask.Width+x] != 0 {
			in = append(in, i)
		}
	}
	at := func(m *raster.RGB, x, y int) float64 { return float64(m.Pix[3*(y*m.Width+x)+channel]) }
	around := make([][]int, len(in))
	right := make([]float64, len(in))
	for k, i := range in {
		x, y := i%dst.Width, i/dst.Width
		for _, d := range [4][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
			qx, qy := x+d[0], y+d[1]
			if qx < 0 || qy < 0 || qx >= dst.Width || qy >= dst.Height {
				continue
			}
			v := at(src, x-x0, y-y0) - at(src, qx-x0, qy-y0)
			if w := at(dst, x, y) - at(dst, qx, qy); mode == Mixed && math.Abs(w) > math.Abs(v) {
				v = w
			}
			around[k], right[k] = append(around[k], qy*dst.Width+qx), right[k]+v
		}
	}
	for range 400 {
		for k, i := range in {
			sum := right[k]
			for _, q := range around[k] {
				sum += f[q]
			}
			f[i] += 1.8 * (sum/float64(len(around[k])) - f[i])
		}
	}
	return f
}

func TestPoissonSolvesTheEquations(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	var b Blender
	for _, mode := range []Mode{Normal, Mixed} {
		for n, at := range [][2]int{{5, 7}, {-1, 4}, {9, 11}, {3, 3}, {4, 5}, {-1, -1}} {
			dst, src := picture(rng, 50, 47), picture(rng, 42, 37)
			mask := disc(42, 37)
			for i := range mask.Pix { // the ring that src cannot judge
				if x, y := i%42, i/42; x == 0 || y == 0 || x == 41 || y == 36 || n > 2 && rng.IntN(8) == 0 {
					mask.Pix[i] = 0
				}
			}
			base := &raster.RGB{Width: 50, Height: 47, Pix: bytes.Clone(dst.Pix)}
			if err := b.Poisson(dst, src, mask, at[0], at[1], mode); err != nil {
				t.Fatal(err)
			}
			for c := range 3 {
				for i, v := range exact(base, src, mask, at[0], at[1], c, mode) {
					v = min(max(v, 0), 255)
					if math.Abs(float64(dst.Pix[3*i+c])-v) > 0.65 {
						t.Fatalf("mode %d at %d: pixel %d is %d, want %v", mode, at, i, dst.Pix[3*i+c], v)
					}
				}
			}
		}
	}
}

func TestTinyMasksAndMasksOverEverything(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	var b Blender
	src := picture(rng, 9, 9)
	for n := 1; n <= 3; n++ {
		dst, mask := picture(rng, 30, 30), morph.New(9, 9)
		fill(mask.Pix[4*9+3:][:n], 1)
		base := &raster.RGB{Width: 30, Height: 30, Pix: bytes.Clone(dst.Pix)}
		if err := b.Poisson(dst, src, mask, 10, 12, Normal); err != nil {
			t.Fatal(err)
		}
		for i, v := range exact(base, src, mask, 10, 12, 1, Normal) {
			if math.Abs(float64(dst.Pix[3*i+1])-min(max(v, 0), 255)) > 0.65 {
				t.Errorf("%d pixels: pixel %d is %d, want %v", n, i, dst.Pix[3*i+1], v)
			}
		}
	}
	dst, mask := picture(rng, 9, 9), morph.New(9, 9)
	fill(mask.Pix, 1)
	if err := b.Poisson(dst, src, mask, 0, 0, Mixed); err != nil || !bytes.Equal(dst.Pix, src.Pix) {
		t.Errorf("the source was not copied where nothing of the base is left: %v", err)
	}
}

func TestFeatherRampsWithTheExactDistance(t *testing.T) {
	t.Parallel()
	var b Blender
	for _, radius := range []int{0, 1, 4, 500} {
		dst, src, mask := raster.NewRGB(40, 40), raster.NewRGB(24, 20), disc(24, 20)
		fill(src.Pix, 240)
		x0, y0 := 16, 7 // touches the right border of dst
		if err := b.Feather(dst, src, mask, x0, y0, radius); err != nil {
			t.Fatal(err)
		}
		object := func(x, y int) bool {
			return x >= 0 && y >= 0 && x < 24 && y < 20 && mask.Pix[y*24+x] != 0
		}
		for i := range 40 * 40 {
			x, y := i%40-x0, i/40-y0
			if !object(x, y) {
				continue
			}
			d := math.Inf(1)
			for j := range 40 * 40 {
				if qx, qy := j%40-x0, j/40-y0; !object(qx, qy) {
					d = min(d, math.Hypot(float64(qx-x), float64(qy-y)))
				}
			}
			want := 240 * min(1, d/float64(radius+1))
			if math.Abs(float64(dst.Pix[3*i])-want) > 0.51 {
				t.Fatalf("radius %d: pixel (%d, %d) is %d, want %v", radius, x, y, dst.Pix[3*i], want)
			}
		}
	}
}

func TestMixedKeepsTheStrongerGradient(t *testing.T) {
	t.Parallel()
	dst, src, mask := raster.NewRGB(60, 60), raster.NewRGB(40, 40), morph.New(40, 40)
	for i := range dst.Pix { // stripes
		dst.Pix[i] = byte(100 + 60*(i/3%60/5%2))
	}
	fill(src.Pix, 90)
	fill(mask.Pix, 1)
	before := bytes.Clone(dst.Pix)
	var b Blender
	if err := b.Poisson(dst, src, mask, 10, 10, Mixed); err != nil || !bytes.Equal(dst.Pix, before) {
		t.Errorf("the base's stripes are gone under a flat source: %v", err)
	}
	if err := b.Poisson(dst, src, mask, 10, 10, Normal); err != nil || bytes.Equal(dst.Pix, before) {
		t.Errorf("normal kept the stripes: %v", err)
	}
}

func TestArgumentsThatDoNotFitAreUsageErrors(t *testing.T) {
	t.Parallel()
	var b Blender
	dst, src := raster.NewRGB(20, 20), raster.NewRGB(8, 8)
	full := morph.New(8, 8)
	fill(full.Pix, 1)
	narrow := morph.New(8, 8)
	narrow.Pix[3*8+3] = 1
	for name, err := range map[string]error{
		"size":   b.Hard(dst, src, morph.New(8, 7), 0, 0),
		"short":  b.Poisson(dst, src, &morph.Bitmap{Width: 8, Height: 8}, 0, 0, Normal),
		"radius": b.Feather(dst, src, full, 0, 0, -1),
		"mode":   b.Poisson(dst, src, full, 0, 0, 2),
		"leaves": b.SeamlessClone(raster.NewRGB(1, 1), src, dst, full, 1, 1, Normal),
		"narrow": b.SeamlessClone(raster.NewRGB(1, 1), src, dst, narrow, 9, 9, Normal),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASteadyLoopDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	dst, src, mask := picture(rng, 200, 200), picture(rng, 90, 70), disc(90, 70)
	out := raster.NewRGB(200, 200)
	var b Blender
	blends := map[string]blendFunc{"hard": blends["hard"], "feather": blends["feather"], "normal": blends["normal"], "mixed": blends["mixed"],
		"clone": func(b *Blender, dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error {
			return b.SeamlessClone(out, src, dst, mask, 100, 100, Normal)
		}}
	for name, blend := range blends {
		if n := testing.AllocsPerRun(5, func() { _ = blend(&b, dst, src, mask, 30, 40) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkBlend150x150(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 9))
	base, src, mask := picture(rng, 640, 480), picture(rng, 150, 150), disc(150, 150)
	dst := raster.NewRGB(640, 480)
	for _, name := range []string{"hard", "feather", "normal", "mixed"} {
		b.Run(name, func(b *testing.B) {
			var bl Blender
			for b.Loop() {
				copy(dst.Pix, base.Pix)
				_ = blends[name](&bl, dst, src, mask, 200, 100)
			}
		})
	}
	b.Run("clone", func(b *testing.B) {
		var bl Blender
		for b.Loop() {
			_ = bl.SeamlessClone(dst, src, base, mask, 300, 200, Normal)
		}
	})
}
