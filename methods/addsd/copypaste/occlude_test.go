package copypaste

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

func boxMask(t testing.TB, x, y, w, h, imageW, imageH int) rle.Mask {
	t.Helper()
	pix := make([]byte, imageW*imageH)
	for r := y; r < y+h; r++ {
		for c := x; c < x+w; c++ {
			pix[r*imageW+c] = 1
		}
	}
	m, err := rle.FromBitmap(pix, imageH, imageW, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOccludeFollowsTheRuleOfCopyPaste(t *testing.T) {
	crowdRuns := square(5, 1, 0, 0, 20, 10)
	crowdMask := boxMask(t, 0, 0, 20, 10, 100, 80)
	crowdRuns.IsCrowd = 1
	crowdRuns.Segmentation = &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{80, 100}, Runs: crowdMask.Counts}}
	bare := datasets.Annotation{ID: 6, CategoryID: 1, BBox: datasets.Box{10, 10, 5, 5}, Area: 25}
	for _, c := range []struct {
		name       string
		object     datasets.Annotation
		x, y, w, h int // pasted
		want       *datasets.Box
		area       float64
	}{
		{"untouched", square(1, 1, 10, 10, 20, 20), 60, 40, 20, 20, &datasets.Box{10, 10, 20, 20}, 400},
		{"boxes meet, masks do not", datasets.Annotation{ID: 1, CategoryID: 1, BBox: datasets.Box{10, 10, 20, 20}, Area: 200,
			Segmentation: &datasets.Segmentation{Polygons: [][]float64{{10, 10, 10, 30, 30, 30}}}}, 26, 10, 10, 10, &datasets.Box{10, 10, 20, 20}, 200},
		{"an edge moves ten pixels", square(1, 1, 10, 10, 20, 10), 20, 0, 20, 40, &datasets.Box{10, 10, 10, 10}, 100},
		{"an edge moves eleven and little is left", square(1, 1, 10, 10, 20, 10), 19, 0, 20, 40, nil, 0},
		{"an edge moves far and 300 pixels are left", square(1, 1, 10, 10, 40, 20), 25, 0, 40, 40, nil, 0},
		{"an edge moves far and more is left", square(1, 1, 10, 10, 40, 20), 26, 0, 40, 40, &datasets.Box{10, 10, 16, 20}, 320},
		{"a hole moves no edge", square(1, 1, 10, 10, 20, 20), 11, 11, 18, 18, &datasets.Box{10, 10, 20, 20}, 76},
		{"hidden whole, however small", square(1, 1, 10, 10, 4, 4), 8, 8, 10, 10, nil, 0},
		{"a crowd keeps what is left", crowdRuns, 2, 0, 30, 30, &datasets.Box{0, 0, 2, 10}, 20},
		{"a crowd hidden whole", crowdRuns, 0, 0, 30, 30, nil, 0},
		{"no mask, half covered", bare, 10, 10, 5, 4, &datasets.Box{10, 10, 5, 5}, 25},
		{"no mask, covered", bare, 9, 9, 8, 8, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Occlude([]datasets.Annotation{c.object}, boxMask(t, c.x, c.y, c.w, c.h, 100, 80), 100, 80)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == nil {
				if len(got) != 0 {
					t.Fatalf("kept %+v", got[0])
				}
				return
			}
			if len(got) != 1 || got[0].BBox != *c.want || got[0].Area != c.area {
				t.Fatalf("got %+v, want box %v and area %v", got, *c.want, c.area)
			}
			if c.object.IsCrowd == 1 && got[0].Segmentation.RLE.Runs == nil {
				t.Error("uncompressed runs were compressed")
			}
		})
	}
}

func TestOccludeChangesNothingThatIsNotHidden(t *testing.T) {
	objects := []datasets.Annotation{square(1, 1, 5, 5, 20, 20), square(2, 1, 50, 5, 20, 20)}
	was := []datasets.Annotation{square(1, 1, 5, 5, 20, 20), square(2, 1, 50, 5, 20, 20)}
	got, err := Occlude(objects, boxMask(t, 10, 10, 8, 8, 100, 80), 100, 80)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(objects, was) {
		t.Error("the objects given were written to")
	}
	if got[1].Segmentation != objects[1].Segmentation {
		t.Error("an object that nothing hides has another segmentation")
	}
	if got[0].Segmentation.RLE == nil || got[0].Area != 400-64 {
		t.Errorf("got %+v", got[0])
	}
}

// TestOccludeTakesExactlyThePastedPixelsAway compares with sets of pixels, for
// random outlines.
func TestOccludeTakesExactlyThePastedPixelsAway(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const w, h = 90, 70
	outline := func() []float64 {
		p := make([]float64, 10)
		for i := range p {
			p[i] = rng.Float64() * 90
		}
		return p
	}
	cut := 0
	for range 300 {
		pasted, err := rle.FromPolygon(outline(), h, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := datasets.Annotation{ID: 1, CategoryID: 1, Segmentation: &datasets.Segmentation{Polygons: [][]float64{outline()}}}
		own, _ := a.Segmentation.Mask(w, h, nil)
		before, _ := own.AppendBitmap(nil)
		over, _ := pasted.AppendBitmap(nil)
		got, err := Occlude([]datasets.Annotation{a}, pasted, w, h)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || got[0].Segmentation == a.Segmentation {
			continue
		}
		cut++
		left, err := got[0].Segmentation.Mask(w, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		after, _ := left.AppendBitmap(nil)
		for i := range after {
			if want := before[i] &^ over[i]; after[i] != want {
				t.Fatalf("pixel %d is %d, want %d", i, after[i], want)
			}
		}
	}
	if cut < 50 {
		t.Fatalf("%d objects were cut only", cut)
	}
}

func TestOccludeRefusesMasksOfAnotherImage(t *testing.T) {
	mask := boxMask(t, 0, 0, 5, 5, 20, 20)
	if _, err := Occlude(nil, mask, 21, 20); fault.CodeOf(err) != fault.Usage {
		t.Errorf("pasted mask: %v", err)
	}
	foreign := datasets.Annotation{ID: 4, Segmentation: datasets.SegmentationOf(boxMask(t, 0, 0, 5, 5, 30, 20))}
	if _, err := Occlude([]datasets.Annotation{foreign}, mask, 20, 20); fault.CodeOf(err) != fault.InvalidAnnotation {
		t.Errorf("object's mask: %v", err)
	}
}
