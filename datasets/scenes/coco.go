package scenes

import (
	"encoding/json"
	"fmt"

	"github.com/tailorbird/tailorbird/datasets"
)

// The parts that COCO's and LVIS's files have in common.
type (
	info struct {
		Description string `json:"description"`
		Version     string `json:"version"`
		Year        int    `json:"year"`
	}
	license struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	annotation struct {
		ID           int64                 `json:"id"`
		ImageID      int64                 `json:"image_id"`
		CategoryID   int64                 `json:"category_id"`
		BBox         datasets.Box          `json:"bbox"`
		Area         float64               `json:"area"`
		Segmentation datasets.Segmentation `json:"segmentation"`
		IsCrowd      *int                  `json:"iscrowd,omitempty"` // LVIS has none
	}
)

var (
	publicDomain = []license{{1, "CC0 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"}}
	notACrowd    = 0
)

func infoOf(layout string) info {
	return info{Description: "Shapes drawn by Tailorbird, in the layout of " + layout, Version: "1.0", Year: 2026}
}

// keyOf is the key of a COCO image.
func keyOf(id int64) string { return fmt.Sprintf("%012d", id) }

func categoryID(k kind) int64 { return int64(k) + 1 }

// annotations lists the objects of pictures that are seen, and, on the picture
// that is to have it, one outside of the image.
func annotations(pics []*picture) []annotation {
	var out []annotation
	for i, p := range pics {
		for j, o := range p.objects {
			if o.visible.pixels == 0 {
				continue
			}
			a := annotation{ID: p.annID + int64(j), ImageID: p.id, CategoryID: categoryID(o.kind)}
			a.Segmentation, a.BBox, a.Area = o.annotate(p.scene)
			out = append(out, a)
		}
		if acc, ok := accidentOf(i, len(pics)); ok && acc == outside {
			out = append(out, beyond(p))
		}
	}
	return out
}

// beyondID is the id of the annotation outside its image.
const beyondID = 19999

func beyond(p *picture) annotation {
	x, y := float64(p.w)+20, float64(p.h)+10
	return annotation{
		ID: beyondID, ImageID: p.id, CategoryID: categoryID(square), BBox: datasets.Box{x, y, 60, 40}, Area: 2400,
		Segmentation: datasets.Segmentation{Polygons: [][]float64{{x, y, x + 60, y, x + 60, y + 40, x, y + 40}}},
	}
}

func (d *drawing) writeJSON(name string, v any) {
	b, err := json.Marshal(v)
	if err != nil && d.err == nil {
		d.err = err
	}
	d.write(name, b)
}
