package rle

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// polygonFixture is an element of pycocotools.json.
type polygonFixture struct {
	Name                string
	Height, Width       int
	Polygons            [][]float64
	Each                []string
	Union, Intersection string
	Area                int
	Box                 [4]int
	IoU                 [][]float64
}

type fixtures struct {
	Polygons []polygonFixture
	Boxes    []struct {
		Height, Width int
		Box           [4]float64
		Counts        string
	}
	Bitmaps []struct {
		Rows   []string
		Counts string
	}
	Resizes []struct {
		From, To        [2]int
		Counts, Resized string
	}
}

func loadFixtures(tb testing.TB) fixtures {
	tb.Helper()
	text, err := os.ReadFile("testdata/pycocotools.json")
	if err != nil {
		tb.Fatal(err)
	}
	var f fixtures
	if err := json.Unmarshal(text, &f); err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestPolygonsRasteriseAsInPycocotools(t *testing.T) {
	t.Parallel()
	for _, f := range loadFixtures(t).Polygons {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			for i, xy := range f.Polygons {
				m, err := FromPolygon(xy, f.Height, f.Width, nil)
				wantCounts(t, m, err, f.Each[i])
			}
			m, err := FromPolygons(f.Polygons, f.Height, f.Width, nil)
			wantCounts(t, m, err, f.Union)
			if m.Area() != f.Area || m.Box() != f.Box {
				t.Errorf("area %d and box %v, want %d and %v", m.Area(), m.Box(), f.Area, f.Box)
			}
		})
	}
}

func TestMergesAndOverlapsAreThoseOfPycocotools(t *testing.T) {
	t.Parallel()
	for _, f := range loadFixtures(t).Polygons {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			var parts []Mask
			var crowd []bool
			for i, s := range f.Each {
				m, err := FromString(s, f.Height, f.Width, nil)
				wantCounts(t, m, err, s)
				parts, crowd = append(parts, m), append(crowd, i%2 == 1)
			}
			m, err := Union(parts, nil)
			wantCounts(t, m, err, f.Union)
			m, err = Intersection(parts, nil)
			wantCounts(t, m, err, f.Intersection)
			got, err := IoUs(nil, parts, parts, crowd)
			if want := slices.Concat(f.IoU...); err != nil || !slices.Equal(got, want) {
				t.Errorf("IoU %v (%v), want %v", got, err, want)
			}
		})
	}
}

func TestBoxesRasteriseAsInPycocotools(t *testing.T) {
	t.Parallel()
	for _, f := range loadFixtures(t).Boxes {
		m, err := FromBox(f.Box, f.Height, f.Width, nil)
		wantCounts(t, m, err, f.Counts)
	}
}

func TestBitmapsEncodeAsInPycocotoolsAndComeBack(t *testing.T) {
	t.Parallel()
	for _, f := range loadFixtures(t).Bitmaps {
		h, w := len(f.Rows), len(f.Rows[0])
		pix, columns := make([]byte, h*w), make([]byte, h*w)
		for y, row := range f.Rows {
			for x := range w {
				pix[y*w+x], columns[x*h+y] = row[x]-'0', row[x]-'0'
			}
		}
		m, err := FromBitmap(pix, h, w, nil)
		wantCounts(t, m, err, f.Counts)
		m, err = FromColumns(columns, h, w, nil)
		wantCounts(t, m, err, f.Counts)
		if got, err := m.AppendBitmap(nil); err != nil || !slices.Equal(got, pix) {
			t.Errorf("rows %v (%v), want %v", got, err, pix)
		}
		if got, err := m.AppendColumns([]byte{9}); err != nil || !slices.Equal(got[1:], columns) || got[0] != 9 {
			t.Errorf("columns %v (%v), want %v", got, err, columns)
		}
	}
}

func TestResizingSamplesAsPillowDoes(t *testing.T) {
	t.Parallel()
	for _, f := range loadFixtures(t).Resizes {
		m, err := FromString(f.Counts, f.From[0], f.From[1], nil)
		wantCounts(t, m, err, f.Counts)
		m, err = m.Resize(f.To[0], f.To[1], nil)
		wantCounts(t, m, err, f.Resized)
	}
}

func wantCounts(t *testing.T, m Mask, err error, want string) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	if m.String() != want {
		t.Errorf("%s, want %s", m, want)
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}
