package rle

import (
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestOutlinesThatCannotBeAreNamedByPartAndPoint(t *testing.T) {
	t.Parallel()
	good := []float64{0, 0, 4, 0, 4, 4}
	for _, c := range []struct {
		name  string
		parts [][]float64
		code  fault.Code
		part  string
	}{
		{"no part", nil, fault.InvalidAnnotation, "rle: no polygons"},
		{"two points", [][]float64{good, {0, 0, 4, 4}}, fault.InvalidAnnotation, "part 1: polygon: 4 numbers"},
		{"odd count", [][]float64{good, good, {0, 0, 4, 4, 1, 1, 1}}, fault.InvalidAnnotation, "part 2: polygon: 7 numbers"},
		{"NaN", [][]float64{{0, 0, 4, math.NaN(), 1, 1}}, fault.InvalidAnnotation, "part 0: polygon: y of point 1 is NaN"},
		{"infinite", [][]float64{{0, 0, 4, 1, math.Inf(-1), 1}}, fault.InvalidAnnotation, "part 0: polygon: x of point 2 is -Inf"},
		{"out of range", [][]float64{{1e300, 0, 4, 1, 1, 1}}, fault.InvalidAnnotation, "x of point 0 is 1e+300"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := FromPolygons(c.parts, 8, 8, nil)
			wantFault(t, err, c.code, c.part)
		})
	}
	_, err := FromPolygon(good, 0, 8, nil)
	wantFault(t, err, fault.InvalidAnnotation, "image of 0 x 8")
	_, err = FromPolygons([][]float64{good}, 8, -1, nil)
	wantFault(t, err, fault.InvalidAnnotation, "image of 8 x -1")
	_, err = FromBox([4]float64{0, 0, math.Inf(1), 1}, 8, 8, nil)
	wantFault(t, err, fault.InvalidAnnotation, "Inf")
}

func TestAnOutlineWithTooManyCrossingsIsRefused(t *testing.T) {
	t.Parallel()
	var xy []float64
	for i := range 600 {
		xy = append(xy, float64(i%2)*65536, float64(i))
	}
	_, err := FromPolygon(xy, 600, 65536, nil)
	wantFault(t, err, fault.TooLarge, "crosses pixel columns 39321600 times")
	_, err = FromBox([4]float64{0, 0, 1 << 27, 1}, 1, 1<<30, nil)
	wantFault(t, err, fault.TooLarge, "crosses pixel columns 268435456 times")
}

func TestManyPartsMergeLikeOne(t *testing.T) {
	t.Parallel()
	var parts [][]float64
	for x := range 50 {
		l, r := float64(x), float64(x+1)
		parts = append(parts, []float64{l, 0, r, 0, r, 9, l, 9})
	}
	m, err := FromPolygons(parts, 9, 50, nil)
	wantCounts(t, m, err, Mask{9, 50, []uint32{0, 450}}.String())
}

func TestMasksOfDifferentSizesDoNotMix(t *testing.T) {
	t.Parallel()
	a, b := Mask{2, 3, []uint32{0, 6}}, Mask{3, 2, []uint32{0, 6}}
	bad := Mask{2, 3, []uint32{0, 7}}
	_, err := Union([]Mask{a, b}, nil)
	wantFault(t, err, fault.InvalidAnnotation, "part 1 is 3 x 2, part 0 is 2 x 3")
	_, err = Intersection([]Mask{a, bad}, nil)
	wantFault(t, err, fault.InvalidAnnotation, "part 1: rle: 7 pixels, image has 6")
	_, err = Union(nil, nil)
	wantFault(t, err, fault.InvalidAnnotation, "no masks to merge")
	_, err = IoU(a, b, false)
	wantFault(t, err, fault.InvalidAnnotation, "masks of 2 x 3 and 3 x 2")
	_, err = IoUs(nil, []Mask{a}, []Mask{a, b}, nil)
	wantFault(t, err, fault.InvalidAnnotation, "masks of 2 x 3 and 3 x 2")
	_, err = IoUs(nil, []Mask{a}, []Mask{a}, []bool{true, false})
	wantFault(t, err, fault.Bug, "2 crowd flags for 1 masks")
}

func TestOperationsRefuseMasksAndSizesThatCannotBe(t *testing.T) {
	t.Parallel()
	good, bad := Mask{2, 3, []uint32{1, 5}}, Mask{2, 3, []uint32{1, 6}}
	for name, f := range map[string]func(Mask, int) error{
		"resize": func(m Mask, n int) error { _, err := m.Resize(n, 4, nil); return err },
		"crop":   func(m Mask, n int) error { _, err := m.Crop(0, 0, 4, n, nil); return err },
		"pad":    func(m Mask, n int) error { _, err := m.Pad(0, n-2, 0, 0, nil); return err },
		"orient": func(m Mask, n int) error { _, err := m.Orient(n, nil); return err },
	} {
		if err := f(good, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, n := range []int{-1, 0, 1 << 31, math.MaxInt} {
			if c := fault.CodeOf(f(good, n)); c != fault.InvalidAnnotation && c != fault.TooLarge {
				t.Errorf("%s to %d: code %q", name, n, c)
			}
		}
		wantFault(t, f(bad, 1), fault.InvalidAnnotation, "7 pixels, image has 6")
	}
	_, err := good.Crop(math.MinInt, 0, 1, 1, nil)
	wantFault(t, err, fault.InvalidAnnotation, "crop at")
	_, err = FromBitmap(make([]byte, 5), 2, 3, nil)
	wantFault(t, err, fault.InvalidAnnotation, "bitmap of 5 bytes, image has 6 pixels")
	_, err = bad.AppendBitmap(nil)
	wantFault(t, err, fault.InvalidAnnotation, "7 pixels, image has 6")
	_, err = bad.AppendColumns(nil)
	wantFault(t, err, fault.InvalidAnnotation, "7 pixels, image has 6")
}

func TestAnyByteButZeroIsForeground(t *testing.T) {
	t.Parallel()
	pix := make([]byte, 40)
	for i := 3; i < 37; i++ {
		pix[i] = byte(i)
	}
	for _, f := range []func([]byte, int, int, []uint32) (Mask, error){FromBitmap, FromColumns} {
		m, err := f(pix, 40, 1, nil)
		wantCounts(t, m, err, Mask{40, 1, []uint32{3, 34, 3}}.String())
	}
}

func TestBuffersAreReused(t *testing.T) { // not parallel: it counts allocations
	xy := []float64{1, 1, 90, 4, 60, 95, 5, 50}
	m, err := FromPolygon(xy, 100, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := m.AppendColumns(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := m.String()
	buf, pix := make([]uint32, 0, 4096), make([]byte, 0, 10000)
	for name, f := range map[string]func(){
		"FromPolygon":    func() { _, err = FromPolygon(xy, 100, 100, buf) },
		"FromBox":        func() { _, err = FromBox([4]float64{3, 4, 50, 60}, 100, 100, buf) },
		"FromColumns":    func() { _, err = FromColumns(columns, 100, 100, buf) },
		"FromString":     func() { _, err = FromString(text, 100, 100, buf) },
		"AppendColumns":  func() { _, err = m.AppendColumns(pix) },
		"AppendString":   func() { m.AppendString(pix) },
		"Resize":         func() { _, err = m.Resize(70, 130, buf) },
		"Crop":           func() { _, err = m.Crop(-5, 7, 50, 60, buf) },
		"FlipHorizontal": func() { _, err = m.FlipHorizontal(buf) },
		"Union":          func() { _, err = Union([]Mask{m, m}, buf) },
	} {
		if n := testing.AllocsPerRun(20, f); n != 0 || err != nil {
			t.Errorf("%s: %v allocations (%v)", name, n, err)
		}
	}
}
