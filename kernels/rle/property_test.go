package rle

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// bitmap is the plain form that the operations on runs are checked against.
type bitmap struct {
	h, w int
	pix  []byte // rows
}

func (b bitmap) at(x, y int) byte {
	if x < 0 || y < 0 || x >= b.w || y >= b.h {
		return 0
	}
	return b.pix[y*b.w+x]
}

// picture returns the h x w bitmap of the pixels that f gives.
func picture(h, w int, f func(x, y int) byte) bitmap {
	b := bitmap{h, w, make([]byte, h*w)}
	for i := range b.pix {
		b.pix[i] = f(i%w, i/w)
	}
	return b
}

// drawBitmap draws noise or, more often, blocks, so that long runs and columns
// of one value occur.
func drawBitmap(t *rapid.T) bitmap {
	h, w := rapid.IntRange(1, 40).Draw(t, "h"), rapid.IntRange(1, 40).Draw(t, "w")
	if rapid.IntRange(0, 3).Draw(t, "noise") == 0 {
		pix := rapid.SliceOfN(rapid.ByteRange(0, 1), h*w, h*w).Draw(t, "pixels")
		return bitmap{h, w, pix}
	}
	b := bitmap{h, w, make([]byte, h*w)}
	for range rapid.IntRange(0, 4).Draw(t, "blocks") {
		x0, x1 := rapid.IntRange(0, w).Draw(t, "x0"), rapid.IntRange(0, w).Draw(t, "x1")
		y0, y1 := rapid.IntRange(0, h).Draw(t, "y0"), rapid.IntRange(0, h).Draw(t, "y1")
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				b.pix[y*w+x] ^= 1
			}
		}
	}
	return b
}

func (b bitmap) mask(t *rapid.T) Mask {
	m, err := FromBitmap(b.pix, b.h, b.w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// equal checks that m is canonical and holds b.
func equal(t *rapid.T, what string, m Mask, err error, b bitmap) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if m.Height != b.h || m.Width != b.w {
		t.Fatalf("%s: %d x %d, want %d x %d", what, m.Height, m.Width, b.h, b.w)
	}
	if i := slices.Index(m.Counts, 0); i > 0 {
		t.Fatalf("%s: run %d is empty: %v", what, i, m.Counts)
	}
	got, err := m.AppendBitmap(nil)
	if err != nil || !slices.Equal(got, b.pix) {
		t.Fatalf("%s: %v (%v), want %v", what, got, err, b.pix)
	}
}

func TestMasksFollowThePixelsOfTheirImage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawBitmap(t)
		m := b.mask(t)
		buf := make([]uint32, 0, rapid.IntRange(0, 50).Draw(t, "room"))

		h, w := rapid.IntRange(1, 90).Draw(t, "new h"), rapid.IntRange(1, 90).Draw(t, "new w")
		got, err := m.Resize(h, w, buf)
		equal(t, "resize", got, err, picture(h, w, func(x, y int) byte {
			return b.at(nearest(x, b.w, w), nearest(y, b.h, h))
		}))

		x0, y0 := rapid.IntRange(-60, 60).Draw(t, "x"), rapid.IntRange(-60, 60).Draw(t, "y")
		got, err = m.Crop(x0, y0, w, h, buf)
		equal(t, "crop", got, err, picture(h, w, func(x, y int) byte { return b.at(x0+x, y0+y) }))

		l, u := rapid.IntRange(0, 9).Draw(t, "left"), rapid.IntRange(0, 9).Draw(t, "top")
		r, d := rapid.IntRange(0, 9).Draw(t, "right"), rapid.IntRange(0, 9).Draw(t, "bottom")
		got, err = m.Pad(l, u, r, d, buf)
		equal(t, "pad", got, err, picture(b.h+u+d, b.w+l+r, func(x, y int) byte { return b.at(x-l, y-u) }))

		got, err = m.FlipHorizontal(buf)
		equal(t, "flip", got, err, picture(b.h, b.w, func(x, y int) byte { return b.at(b.w-1-x, y) }))
	})
}

// nearest is the source of pixel i of n in a line of size pixels, by the
// definition but where a centre lies on a border: there both sides will do for
// the definition, and Pillow's running sum decides.
func nearest(i, size, n int) int {
	exact := (2*i + 1) * size / (2 * n)
	if (2*i+1)*size%(2*n) != 0 {
		return exact
	}
	step := float64(size) / float64(n)
	at := step / 2
	for range i {
		at += step
	}
	return int(at)
}

func TestMasksFollowTheEightOrientations(t *testing.T) {
	t.Parallel()
	// Where the pixel (x, y) of the upright picture lies in the stored one of
	// w x h, by EXIF 2.3, tag 274.
	stored := [9]func(x, y, w, h int) (int, int){
		1: func(x, y, w, h int) (int, int) { return x, y },
		2: func(x, y, w, h int) (int, int) { return w - 1 - x, y },
		3: func(x, y, w, h int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y, w, h int) (int, int) { return x, h - 1 - y },
		5: func(x, y, w, h int) (int, int) { return y, x },
		6: func(x, y, w, h int) (int, int) { return y, h - 1 - x },
		7: func(x, y, w, h int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y, w, h int) (int, int) { return w - 1 - y, x },
	}
	rapid.Check(t, func(t *rapid.T) {
		b := drawBitmap(t)
		m := b.mask(t)
		for o := 1; o <= 8; o++ {
			h, w := b.h, b.w
			if o > 4 {
				h, w = w, h
			}
			got, err := m.Orient(o, nil)
			equal(t, "orient", got, err, picture(h, w, func(x, y int) byte {
				return b.at(stored[o](x, y, b.w, b.h))
			}))
		}
	})
}

func TestOperationsDoNotMindEmptyRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawBitmap(t)
		m := b.mask(t)
		loose := Mask{b.h, b.w, nil}
		for _, n := range m.Counts {
			if room := b.h*b.w + 1 - len(loose.Counts); room > 2*len(m.Counts) && n > 1 {
				k := rapid.Uint32Range(0, n).Draw(t, "split")
				loose.Counts = append(loose.Counts, k, 0, n-k)
			} else {
				loose.Counts = append(loose.Counts, n)
			}
		}
		if loose.Validate() != nil {
			t.Skip("too many runs for the image")
		}
		if loose.Area() != m.Area() || loose.Box() != m.Box() {
			t.Fatalf("area %d and box %v, want %d and %v", loose.Area(), loose.Box(), m.Area(), m.Box())
		}
		if got, err := loose.AppendBitmap(nil); err != nil || !slices.Equal(got, b.pix) {
			t.Fatalf("%v (%v), want %v", got, err, b.pix)
		}
		for o := 1; o <= 8; o++ {
			want, _ := m.Orient(o, nil)
			got, err := loose.Orient(o, nil)
			if err != nil || !slices.Equal(got.Counts, want.Counts) {
				t.Fatalf("orientation %d: %v (%v), want %v", o, got.Counts, err, want.Counts)
			}
		}
		got, err := loose.Resize(2*b.h, b.w, nil)
		equal(t, "resize", got, err, picture(2*b.h, b.w, func(x, y int) byte { return b.at(x, y/2) }))
		got, err = loose.Crop(0, 0, b.w, b.h, nil)
		equal(t, "crop", got, err, b)
		got, err = Union([]Mask{loose, loose, m}, nil)
		equal(t, "union", got, err, b)
		if v, err := IoU(loose, m, false); err != nil || (v != 1) != (m.Area() == 0) {
			t.Fatalf("IoU with itself %v (%v)", v, err)
		}
	})
}

func TestSetOperationsAreThoseOfPixels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := drawBitmap(t)
		all, some := slices.Clone(first.pix), slices.Clone(first.pix)
		parts := []Mask{first.mask(t)}
		for range rapid.IntRange(0, 6).Draw(t, "more parts") {
			b := bitmap{first.h, first.w, rapid.SliceOfN(rapid.ByteRange(0, 1), len(all), len(all)).Draw(t, "pixels")}
			for i, v := range b.pix {
				all[i] &= v
				some[i] |= v
			}
			parts = append(parts, b.mask(t))
		}
		got, err := Union(parts, nil)
		equal(t, "union", got, err, bitmap{first.h, first.w, some})
		got, err = Intersection(parts, nil)
		equal(t, "intersection", got, err, bitmap{first.h, first.w, all})
	})
}

func TestStringsAndJSONComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawBitmap(t).mask(t)
		got, err := FromString(m.AppendString(nil), m.Height, m.Width, nil)
		if err != nil || !slices.Equal(got.Counts, m.Counts) {
			t.Fatalf("string: %v (%v), want %v", got.Counts, err, m.Counts)
		}
		marshalled, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{marshalled, m.AppendJSON(nil), m.AppendJSONRuns(nil)} {
			var back Mask
			if err := json.Unmarshal(text, &back); err != nil || !slices.Equal(back.Counts, m.Counts) ||
				back.Height != m.Height || back.Width != m.Width {
				t.Fatalf("%s: %+v (%v), want %+v", text, back, err, m)
			}
		}
	})
}
