package rle

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func FuzzString(f *testing.F) {
	for _, p := range loadFixtures(f).Polygons {
		f.Add(p.Union, p.Height, p.Width)
	}
	f.Add("O", 1, 1)
	f.Add("PPPPPPPP1", 1<<16, 1<<15)
	f.Add("o```n3", 1<<40, 1<<40)
	f.Fuzz(func(t *testing.T, s string, h, w int) {
		m, err := FromString(s, h, w, nil)
		checkResult(t, m, err)
		if err != nil {
			return
		}
		again, err := FromString(m.AppendString(nil), h, w, nil)
		if err != nil || !slices.Equal(again.Counts, m.Counts) {
			t.Fatalf("%v became %v (%v)", m, again, err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"size":[2,3],"counts":"132"}`))
	f.Add([]byte(`{"size":[2,3],"counts":[1,3,2]}`))
	f.Add([]byte(`{"size":[2,3],"counts":[1,3e0,2,]}`))
	f.Add([]byte(`{"size":[65536,32768],"counts":"\\\u0030"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Mask
		err := m.UnmarshalJSON(text)
		checkResult(t, m, err)
		if err != nil {
			return
		}
		for _, text := range [][]byte{m.AppendJSON(nil), m.AppendJSONRuns(nil)} {
			var again Mask
			if err := again.UnmarshalJSON(text); err != nil || !slices.Equal(again.Counts, m.Counts) {
				t.Fatalf("%s became %v (%v)", text, again, err)
			}
		}
	})
}

func FuzzPolygon(f *testing.F) {
	for _, p := range loadFixtures(f).Polygons {
		for _, xy := range p.Polygons {
			f.Add(floatBytes(xy), uint16(p.Height), uint16(p.Width))
		}
	}
	f.Add(floatBytes([]float64{math.NaN(), 0, 1, 1, 2, 2}), uint16(5), uint16(5))
	f.Add(floatBytes([]float64{-1 << 28, 1 << 28, 1 << 28, -1 << 28, 0, 0}), uint16(500), uint16(900))
	f.Fuzz(func(t *testing.T, raw []byte, h, w uint16) {
		var xy []float64
		for ; len(raw) >= 8; raw = raw[8:] {
			xy = append(xy, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
		m, err := FromPolygon(xy, int(h), int(w), nil)
		checkResult(t, m, err)
		if err != nil {
			return
		}
		if i := slices.Index(m.Counts, 0); i > 0 {
			t.Fatalf("run %d is empty: %v", i, m.Counts)
		}
		// The outline may start anywhere and run either way.
		slices.Reverse(xy)
		for i := 0; i+1 < len(xy); i += 2 {
			xy[i], xy[i+1] = xy[i+1], xy[i]
		}
		xy = append(xy[2:], xy[:2]...)
		back, err := FromPolygon(xy, int(h), int(w), nil)
		if err != nil || !slices.Equal(back.Counts, m.Counts) {
			t.Fatalf("the other way round %v (%v), want %v", back.Counts, err, m.Counts)
		}
	})
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{1, 3, 2}, 2, 3, 1, 0, 4, 5)
	f.Add([]byte{0, 0, 6, 0}, 2, 3, -1, -2, 9, 1)
	f.Add([]byte{200, 200, 200}, 1<<31, 1, 0, 0, 1<<31, 1)
	f.Fuzz(func(t *testing.T, runs []byte, h, w, x, y, newH, newW int) {
		if newH > 300 || newW > 300 {
			newH, newW = newH%300, newW%300
		}
		m := Mask{Height: h, Width: w}
		for _, n := range runs {
			m.Counts = append(m.Counts, uint32(n))
		}
		m.Area()
		m.Box()
		if _, err := IoU(m, m, x%2 == 0); err != nil {
			t.Fatal(err)
		}
		for o := range 10 {
			got, err := m.Orient(o, nil)
			checkResult(t, got, err)
		}
		got, err := m.Resize(newH, newW, nil)
		checkResult(t, got, err)
		got, err = m.Crop(x, y, newW, newH, nil)
		checkResult(t, got, err)
		got, err = Union([]Mask{m, m, m}, nil)
		checkResult(t, got, err)
		if m.Validate() == nil {
			if _, err := m.AppendBitmap(nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// checkResult wants a valid mask or a fault of the data.
func checkResult(t *testing.T, m Mask, err error) {
	t.Helper()
	if err == nil {
		err = m.Validate()
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if c := fault.CodeOf(err); !c.IsData() || c == fault.Bug {
		t.Fatalf("code %q of %v", c, err)
	}
}

func floatBytes(xy []float64) []byte {
	var b []byte
	for _, v := range xy {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}
