package polygon

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestOutlinesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		xy   []float64
		want string // empty: valid
	}{
		{"a triangle", []float64{0, 0, 1, 0, 0, 1}, ""},
		{"one point three times", []float64{2, 2, 2, 2, 2, 2}, ""},
		{"the largest coordinate", []float64{MaxCoordinate, 0, -MaxCoordinate, 0, 0, 1}, ""},
		{"nothing", nil, "polygon: 0 numbers, want an even count of at least 6"},
		{"two points", []float64{0, 0, 1, 1}, "polygon: 4 numbers, want an even count of at least 6"},
		{"odd count", []float64{0, 0, 1, 0, 0, 1, 1}, "polygon: 7 numbers, want an even count of at least 6"},
		{"NaN", []float64{0, 0, 1, 0, math.NaN(), 1}, "polygon: x of point 2 is NaN"},
		{"infinity", []float64{0, math.Inf(1), 1, 0, 0, 1}, "polygon: y of point 0 is +Inf"},
		{"too large", []float64{0, 0, 1, -MaxCoordinate - 1, 0, 1}, "polygon: y of point 1 is -2.68435457e+08"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := Validate(c.xy)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != c.want || fault.CodeOf(err) != fault.InvalidAnnotation {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestAreaAndBoxOfKnownShapes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		xy   []float64
		area float64
		box  [4]float64
	}{
		{"clockwise square", []float64{1, 1, 3, 1, 3, 3, 1, 3}, 4, [4]float64{1, 1, 2, 2}},
		{"counter-clockwise square", []float64{1, 1, 1, 3, 3, 3, 3, 1}, 4, [4]float64{1, 1, 2, 2}},
		{"triangle across the origin", []float64{-1, -2, 3, -2, -1, 4}, 12, [4]float64{-1, -2, 4, 6}},
		{"concave", []float64{0, 0, 4, 0, 4, 4, 2, 1, 0, 4}, 10, [4]float64{0, 0, 4, 4}},
		{"far from the origin", []float64{1e8, 1e8, 1e8 + .5, 1e8, 1e8, 1e8 + .5}, .125, [4]float64{1e8, 1e8, .5, .5}},
		{"line", []float64{0, 0, 2, 2, 4, 4}, 0, [4]float64{0, 0, 4, 4}},
		{"nothing", nil, 0, [4]float64{}},
	} {
		if a, b := Area(c.xy), Box(c.xy); a != c.area || b != c.box {
			t.Errorf("%s: area %v and box %v, want %v and %v", c.name, a, b, c.area, c.box)
		}
	}
}

func TestClipKeepsThePartInside(t *testing.T) {
	t.Parallel()
	square := []float64{0, 0, 4, 0, 4, 4, 0, 4}
	for _, c := range []struct {
		name       string
		xy         []float64
		x, y, w, h float64
		want       []float64
	}{
		{"all inside", square, -1, -1, 9, 9, square},
		{"the same rectangle", square, 0, 0, 4, 4, square},
		{"left half", square, -5, 0, 7, 4, []float64{0, 0, 2, 0, 2, 4, 0, 4}},
		{"corner", square, 3, 3, 9, 9, []float64{4, 3, 4, 4, 3, 4, 3, 3}},
		{"inside the polygon", square, 1, 1, 2, 2, []float64{1, 1, 3, 1, 3, 3, 1, 3}},
		{"outside", square, 5, 5, 2, 2, nil},
		{"diagonal cut", []float64{0, 0, 4, 0, 0, 4}, 1, 1, 4, 4, []float64{1, 1, 3, 1, 1, 3}},
		{"empty rectangle beside", square, 9, 1, 0, 0, nil},
	} {
		got := Clip([]float64{7}, c.xy, c.x, c.y, c.w, c.h)
		if got[0] != 7 || !sameOutline(got[1:], c.want) {
			t.Errorf("%s: %v, want 7 and %v", c.name, got, c.want)
		}
	}
}

// sameOutline compares outlines that may start at different points.
func sameOutline(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i <= len(b); i += 2 {
		if slices.Equal(a, slices.Concat(b[i:], b[:i])) {
			return true
		}
	}
	return false
}

func TestQuartersOfAPolygonAddUp(t *testing.T) {
	t.Parallel()
	xy := []float64{1.5, 2, 9, .5, 11, 7, 6, 4.25, 3, 10, .25, 6}
	var sum float64
	var buf []float64
	for i := range 4 {
		buf = Clip(buf[:0], xy, float64(i%2)*6, float64(i/2)*5, 6, 5)
		sum += Area(buf)
		b := Box(buf)
		if b[0] < float64(i%2)*6 || b[1] < float64(i/2)*5 || b[2] > 6 || b[3] > 5 {
			t.Errorf("quarter %d leaves its rectangle: %v", i, b)
		}
	}
	if want := Area(xy); math.Abs(sum-want) > 1e-12 {
		t.Errorf("quarters sum to %v, want %v", sum, want)
	}
}

func TestScaleAndShiftMoveEveryPoint(t *testing.T) {
	t.Parallel()
	xy := []float64{1, 2, 3, 4, 5, 6}
	Scale(xy, 2, .5)
	Shift(xy, -1, 10)
	if want := []float64{1, 11, 5, 12, 9, 13}; !slices.Equal(xy, want) {
		t.Errorf("%v, want %v", xy, want)
	}
}

func FuzzClip(f *testing.F) {
	f.Add(make([]byte, 48), 0., 0., 1., 1.)
	f.Add([]byte(strings.Repeat("\x00\x00\x00\x00\x00\x00\x10@abcdefg?", 4)), 1., 2., 3., 4.)
	f.Fuzz(func(t *testing.T, raw []byte, x, y, w, h float64) {
		var xy []float64
		for ; len(raw) >= 8; raw = raw[8:] {
			xy = append(xy, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
		rect := [4]float64{x, y, w, h}
		for _, v := range rect {
			if !(math.Abs(v) <= MaxCoordinate) {
				return
			}
		}
		if Validate(xy) != nil || w < 0 || h < 0 {
			return
		}
		got := Clip(nil, xy, x, y, w, h)
		if len(got) == 0 {
			return
		}
		if err := Validate(got); err != nil {
			t.Fatal(err)
		}
		const slack = 1e-6 // of coordinates up to 1e9
		b := Box(got)
		if b[0] < x-slack || b[1] < y-slack || b[0]+b[2] > x+w+slack || b[1]+b[3] > y+h+slack {
			t.Fatalf("box %v leaves the rectangle %v", b, rect)
		}
	})
}

func BenchmarkClip(b *testing.B) {
	var xy []float64
	for i := range 60 {
		s, c := math.Sincos(float64(i) * math.Pi / 30)
		xy = append(xy, 100+90*c, 100+60*s)
	}
	var buf []float64
	b.ReportAllocs()
	for b.Loop() {
		buf = Clip(buf[:0], xy, 50, 70, 80, 60)
	}
}

func ExampleClip() {
	xy := []float64{10, 10, 30, 10, 30, 40, 10, 40}
	part := Clip(nil, xy, 20, 20, 100, 100)
	Shift(part, -20, -20) // into the crop's frame
	fmt.Println(part, Area(part))
	// Output: [0 0 10 0 10 20 0 20] 200
}
