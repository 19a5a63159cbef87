package scenes

import (
	"image"

	"github.com/tailorbird/tailorbird/datasets"
)

// visible is the part of an object that is seen.
type visible struct {
	pixels int
	box    image.Rectangle
	runs   []uint32 // COCO run lengths: column-major, zeros first
	whole  bool     // nothing lies on it
}

// see fills in what is seen of each object, from the object on top of each pixel.
func (s *scene) see(owner []uint8) {
	n := len(s.objects)
	last := make([]int, n) // end of the last run, column-major
	for i := range n {
		s.objects[i].visible = visible{}
	}
	for x := range s.w {
		for y := range s.h {
			id := int(owner[y*s.w+x])
			if id == 0 {
				continue
			}
			v := &s.objects[id-1].visible
			at := x*s.h + y
			if k := len(v.runs); k > 0 && last[id-1] == at {
				v.runs[k-1]++
			} else {
				v.runs = append(v.runs, uint32(at-last[id-1]), 1)
			}
			last[id-1] = at + 1
			v.pixels++
			v.box = v.box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	for i, o := range s.objects {
		v := &o.visible
		if rest := s.w*s.h - last[i]; rest > 0 {
			v.runs = append(v.runs, uint32(rest))
		}
		v.whole = true
		for _, above := range s.objects[i+1:] {
			if above.bounds().Overlaps(o.bounds()) {
				v.whole = false
			}
		}
	}
}

// annotate returns the object as an annotation: its outline where all of it is
// seen, and run lengths where something lies on it or it has a hole.
func (o *object) annotate(s *scene) (datasets.Segmentation, datasets.Box, float64) {
	if !o.visible.whole || o.hole != nil {
		b := o.visible.box
		box := datasets.Box{float64(b.Min.X), float64(b.Min.Y), float64(b.Dx()), float64(b.Dy())}
		return datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{s.h, s.w}, Runs: o.visible.runs}}, box, float64(o.visible.pixels)
	}
	flat := make([]float64, 0, 2*len(o.outline))
	for _, p := range o.outline {
		flat = append(flat, p.x, p.y)
	}
	x0, y0, x1, y1 := extent(o.outline)
	box := datasets.Box{x0, y0, hundredth(x1 - x0), hundredth(y1 - y0)}
	return datasets.Segmentation{Polygons: [][]float64{flat}}, box, hundredth(areaOf(o.outline))
}

// areaOf is the area that a polygon encloses (the shoelace formula).
func areaOf(p []point) float64 {
	var sum float64
	for i, a := range p {
		b := p[(i+1)%len(p)]
		sum += a.x*b.y - b.x*a.y
	}
	if sum < 0 {
		sum = -sum
	}
	return sum / 2
}
