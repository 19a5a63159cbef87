package overlay

import (
	"math"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

func TestMarksStandAboveQuietObjects(t *testing.T) {
	t.Parallel()
	box := datasets.Box{1, 2, 3, 4}
	ex := &datasets.Example{Width: 64, Height: 48, Annotations: &[]datasets.Annotation{{CategoryID: 1, BBox: box}}}
	svg := string(SVG(ex, Names{1: "cat"}, Options{Quiet: true, Marks: []Mark{
		{Kind: Truth, Title: "put <here>", Box: &box, Mask: &datasets.Segmentation{Polygons: [][]float64{{0, 0, 9, 0, 9, 9}}}},
		{Kind: Found, Box: &datasets.Box{math.NaN(), 0, 1, 1}}, {Kind: Found},
	}}))
	quiet, mask, truth := strings.Index(svg, `class="box quiet"`), strings.Index(svg, `class="mask truth"`), strings.Index(svg, `class="box truth"`)
	if quiet < 0 || quiet > mask || mask > truth {
		t.Errorf("objects, masks and boxes stand at %d, %d, %d", quiet, mask, truth)
	}
	for _, bad := range []string{"found", "NaN", `class="label`, "<here>"} {
		if strings.Contains(svg, bad) {
			t.Errorf("the picture has %s", bad)
		}
	}
}
