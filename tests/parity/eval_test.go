package parity

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

func init() {
	register("rle", runLengths)
}

// runLengths checks every section of expected.json that is there: polygons,
// bitmaps, boxes, uncompressed runs, overlaps and merges.
func runLengths(t *testing.T, c *Case) {
	var sections map[string]json.RawMessage
	c.DecodeFile(t, "expected.json", &sections)
	checks := map[string]func(*testing.T, json.RawMessage){
		"polygons":     eachOf(checkPolygons),
		"bitmaps":      eachOf(checkBitmap),
		"boxes":        eachOf(checkBox),
		"uncompressed": eachOf(checkUncompressed),
		"iou":          eachOf(checkOverlap),
		"merge":        eachOf(checkMerge),
		"note":         func(*testing.T, json.RawMessage) {},
	}
	for name, text := range sections {
		check := checks[name]
		if check == nil {
			t.Errorf("section %s is unknown", name)
			continue
		}
		t.Run(name, func(t *testing.T) { check(t, text) })
	}
}

// eachOf runs check on every element of a section.
func eachOf[T any](check func(*testing.T, T)) func(*testing.T, json.RawMessage) {
	return func(t *testing.T, text json.RawMessage) {
		var list []T
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		for i, v := range list {
			t.Logf("element %d", i)
			check(t, v)
		}
	}
}

// counts is a mask as the cases keep it, not parsed, so that strings compare
// byte for byte.
type counts struct {
	Size   [2]int
	Counts string
}

func parse(t *testing.T, list []counts) []rle.Mask {
	t.Helper()
	masks := make([]rle.Mask, len(list))
	for i, c := range list {
		m, err := rle.FromString(c.Counts, c.Size[0], c.Size[1], nil)
		sameMask(t, m, err, c)
		masks[i] = m
	}
	return masks
}

type polygonCase struct {
	Height, Width int
	Polygons      [][]float64
	Each          []counts
	Union         counts
	Area          int
	BBox          [4]float64
}

func checkPolygons(t *testing.T, c polygonCase) {
	if len(c.Each) != len(c.Polygons) {
		t.Fatalf("%d polygons, %d results", len(c.Polygons), len(c.Each))
	}
	for i, xy := range c.Polygons {
		m, err := rle.FromPolygon(xy, c.Height, c.Width, nil)
		sameMask(t, m, err, c.Each[i])
	}
	m, err := rle.FromPolygons(c.Polygons, c.Height, c.Width, nil)
	sameMask(t, m, err, c.Union)
	sameMeasures(t, m, c.Area, &c.BBox)
	m, err = rle.Union(parse(t, c.Each), nil)
	sameMask(t, m, err, c.Union)
}

type bitmapCase struct {
	Rows []string
	RLE  counts
	Runs []uint32
	Area int
	BBox [4]float64
}

func checkBitmap(t *testing.T, c bitmapCase) {
	h, w := len(c.Rows), len(c.Rows[0])
	pix, columns := make([]byte, h*w), make([]byte, h*w)
	for y, row := range c.Rows {
		for x := range w {
			pix[y*w+x] = row[x] - '0'
			columns[x*h+y] = row[x] - '0'
		}
	}
	m, err := rle.FromBitmap(pix, h, w, nil)
	sameMask(t, m, err, c.RLE)
	if !slices.Equal(m.Counts, c.Runs) {
		t.Errorf("runs %v, want %v", m.Counts, c.Runs)
	}
	sameMeasures(t, m, c.Area, &c.BBox)
	m, err = rle.FromColumns(columns, h, w, nil)
	sameMask(t, m, err, c.RLE)
	m = parse(t, []counts{c.RLE})[0]
	if got, err := m.AppendBitmap(nil); err != nil || !slices.Equal(got, pix) {
		t.Errorf("decoded %v (%v), want %v", got, err, pix)
	}
	if got, err := m.AppendColumns(nil); err != nil || !slices.Equal(got, columns) {
		t.Errorf("decoded by columns %v (%v), want %v", got, err, columns)
	}
}

type boxCase struct {
	Height, Width int
	BBox          [4]float64
	RLE           counts
	Area          int
}

func checkBox(t *testing.T, c boxCase) {
	m, err := rle.FromBox(c.BBox, c.Height, c.Width, nil)
	sameMask(t, m, err, c.RLE)
	sameMeasures(t, m, c.Area, nil)
}

type uncompressedCase struct {
	Size [2]int
	Runs []uint32
	RLE  counts
	Area int
}

func checkUncompressed(t *testing.T, c uncompressedCase) {
	given := rle.Mask{Height: c.Size[0], Width: c.Size[1], Counts: c.Runs}
	var m rle.Mask
	err := json.Unmarshal(given.AppendJSONRuns(nil), &m)
	sameMask(t, m, err, c.RLE)
	sameMeasures(t, m, c.Area, nil)
}

type overlapCase struct {
	Kind    string
	DT, GT  json.RawMessage
	IsCrowd []int
	IoU     [][]float64
}

func checkOverlap(t *testing.T, c overlapCase) {
	crowd := make([]bool, len(c.IsCrowd))
	for i, v := range c.IsCrowd {
		crowd[i] = v != 0
	}
	switch c.Kind {
	case "mask":
		dt, gt := parse(t, listOf[counts](t, c.DT)), parse(t, listOf[counts](t, c.GT))
		got, err := rle.IoUs(nil, dt, gt, crowd)
		if want := slices.Concat(c.IoU...); err != nil || !slices.Equal(got, want) {
			t.Errorf("IoU %v (%v), want %v", got, err, want)
		}
	case "box":
		dt, gt := listOf[[4]float64](t, c.DT), listOf[[4]float64](t, c.GT)
		for i, d := range dt {
			for j, g := range gt {
				if got := rle.BoxIoU(d, g, crowd[j]); got != c.IoU[i][j] {
					t.Errorf("IoU of boxes %v and %v: %v, want %v", d, g, got, c.IoU[i][j])
				}
			}
		}
	default:
		t.Errorf("overlap of kind %s is unknown", c.Kind)
	}
}

type mergeCase struct {
	Parts               []counts
	Union, Intersection counts
	Areas               []int
}

func checkMerge(t *testing.T, c mergeCase) {
	masks := parse(t, c.Parts)
	union, err := rle.Union(masks, nil)
	sameMask(t, union, err, c.Union)
	both, err := rle.Intersection(masks, nil)
	sameMask(t, both, err, c.Intersection)
	for i, p := range masks {
		sameMeasures(t, p, c.Areas[i], nil)
	}
}

func listOf[T any](t *testing.T, text json.RawMessage) []T {
	t.Helper()
	var list []T
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// sameMask checks the size and the string.
func sameMask(t *testing.T, got rle.Mask, err error, want counts) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	if text := got.String(); got.Height != want.Size[0] || got.Width != want.Size[1] || text != want.Counts {
		t.Errorf("%d x %d %s, want %d x %d %s", got.Height, got.Width, text, want.Size[0], want.Size[1], want.Counts)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

// sameMeasures checks the area and, where there is one, the box.
func sameMeasures(t *testing.T, m rle.Mask, area int, box *[4]float64) {
	t.Helper()
	if m.Area() != area {
		t.Errorf("area %d, want %d", m.Area(), area)
	}
	if box == nil {
		return
	}
	for i, v := range m.Box() {
		if float64(v) != box[i] {
			t.Errorf("box %v, want %v", m.Box(), *box)
			break
		}
	}
}
