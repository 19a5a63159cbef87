package copypaste

import (
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// sight is a picture's objects as masks: what collecting and placing both need
// to know of a scene. Its buffers are kept from picture to picture.
type sight struct {
	masks   []rle.Mask
	patches []patch // of the mask, or of the box where there is none; empty where neither is in the picture
	errs    []error // of the masks
	runs    [][]uint32
}

// see takes the objects of a w x h picture in.
func (s *sight) see(objects []datasets.Annotation, w, h int) {
	n := len(objects)
	s.masks, s.errs = extend(s.masks, n), extend(s.errs, n)
	s.patches, s.runs = extend(s.patches, n), extend(s.runs, n)
	for i := range objects {
		a := &objects[i]
		s.masks[i], s.errs[i] = rle.Mask{}, nil
		if a.Segmentation == nil {
			s.patches[i].fromBox(pixels(a.BBox, w, h))
			continue
		}
		m, err := a.Segmentation.Mask(w, h, s.runs[i])
		if err != nil {
			s.errs[i] = err
			s.patches[i].reset([4]int{})
			continue
		}
		// Run lengths that a file gives are not a buffer of ours.
		if a.Segmentation.RLE == nil || a.Segmentation.RLE.Runs == nil {
			s.runs[i] = keepRuns(s.runs[i], m.Counts)
		}
		s.masks[i] = m
		s.patches[i].fromRuns(m, m.Box())
	}
}

// extend returns v with n elements, those that it had kept for their buffers.
func extend[T any](v []T, n int) []T {
	if cap(v) < n {
		grown := make([]T, n)
		copy(grown, v[:cap(v)])
		return grown
	}
	return v[:n]
}

// pixels is the pixels of a w x h picture that the box b reaches into, all zero
// where there are none.
func pixels(b datasets.Box, w, h int) [4]int {
	x0, y0 := max(math.Floor(b[0]), 0), max(math.Floor(b[1]), 0)
	x1, y1 := min(math.Ceil(b[0]+b[2]), float64(w)), min(math.Ceil(b[1]+b[3]), float64(h))
	if !(x1 > x0 && y1 > y0) {
		return [4]int{}
	}
	return [4]int{int(x0), int(y0), int(x1 - x0), int(y1 - y0)}
}

// gauge measures objects.
type gauge struct {
	scene  sight
	morph  morph.Morpher
	window morph.Bitmap
	labels []int32
}

// geometry fills what the mask of object i and its annotation say.
func (g *gauge) geometry(r *Record, a *datasets.Annotation, i, w, h int) {
	p := &g.scene.patches[i]
	*r = Record{AnnotationID: a.ID, CategoryID: a.CategoryID, Box: p.box, ImageWidth: w, ImageHeight: h, Area: p.area,
		BoxIoU: boxIoU(a.BBox, p.box), Border: borderOf(p.box, w, h), Largest: -1, Thickness: -1, Deviation: -1}
	x0, y0 := max(p.box[0]-margin, 0), max(p.box[1]-margin, 0)
	x1, y1 := min(p.box[0]+p.box[2]+margin, w), min(p.box[1]+p.box[3]+margin, h)
	r.Window = [4]int{x0, y0, x1 - x0, y1 - y0}
}

func boxIoU(a datasets.Box, b [4]int) float64 {
	return rle.BoxIoU(a, [4]float64{float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])}, false)
}

// shape fills what the outline of object i shows: pieces, thickness and contact
// with other objects.
func (g *gauge) shape(r *Record, i int) {
	p := &g.scene.patches[i]
	g.draw(p, r.Box)
	var parts []morph.Component
	g.labels, parts = g.morph.Components(g.labels, &g.window)
	largest := 0
	for _, c := range parts {
		largest = max(largest, c.Area)
	}
	r.Largest = float64(largest) / float64(r.Area)
	others := g.neighbours(i)
	outline, contact := 0, 0
	visit := func(x, y int) {
		outline++
		for _, o := range others {
			if o.at(x, y) {
				contact++
				return
			}
		}
	}
	eachOutside(p, visit)
	r.Thickness = 2 * float64(r.Area) / float64(outline)
	r.Contact = float64(contact) / float64(outline)
	covered := 0
	for _, o := range others {
		covered += o.inBox(r.Box)
	}
	r.Covered = min(1, float64(covered)/float64(r.Box[2]*r.Box[3]))
}

// neighbours lists the objects that may hide part of object i. One that is larger
// and reaches all around i is behind it: the table that a cup stands on.
func (g *gauge) neighbours(i int) []*patch {
	var out []*patch
	p := &g.scene.patches[i]
	for j := range g.scene.patches {
		o := &g.scene.patches[j]
		if j == i || o.area == 0 || !meet(grown(p.box), o.box) {
			continue
		}
		if behind := o.area > p.area && share(p.box, o.box) > 0.9; !behind && overlap(p, o, 0, 0) < p.area/2 {
			out = append(out, o)
		}
	}
	return out
}

// share is how much of the box a lies in b, 0 to 1.
func share(a, b [4]int) float64 {
	w := min(a[0]+a[2], b[0]+b[2]) - max(a[0], b[0])
	h := min(a[1]+a[3], b[1]+b[3]) - max(a[1], b[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	return float64(w*h) / float64(a[2]*a[3])
}

func grown(b [4]int) [4]int { return [4]int{b[0] - 1, b[1] - 1, b[2] + 2, b[3] + 2} }

// eachOutside visits the sides at which p ends: a pixel without p that has n
// neighbours of p across an edge is visited n times.
func eachOutside(p *patch, visit func(x, y int)) {
	x0, y0, w, h := p.box[0], p.box[1], p.box[2], p.box[3]
	for y := y0 - 1; y <= y0+h; y++ {
		for x := x0 - 1; x <= x0+w; x++ {
			here := p.at(x, y)
			if right := p.at(x+1, y); here != right {
				visit(outer(here, x+1, x), y)
			}
			if below := p.at(x, y+1); here != below {
				visit(x, outer(here, y+1, y))
			}
		}
	}
}

func outer(in bool, then, otherwise int) int {
	if in {
		return then
	}
	return otherwise
}

// draw makes g.window the pixels of p within box.
func (g *gauge) draw(p *patch, box [4]int) {
	g.window.Reset(box[2], box[3])
	for y := range box[3] {
		for x := range box[2] {
			v := byte(0)
			if p.at(box[0]+x, box[1]+y) {
				v = 255
			}
			g.window.Pix[y*box[2]+x] = v
		}
	}
}

// deviation is the standard deviation of the liveliest channel over the ones of
// p, levels.
func deviation(m *raster.RGB, p *patch) float64 {
	var sum, squares [3]int64
	for y := p.box[1]; y < p.box[1]+p.box[3]; y++ {
		for x := p.box[0]; x < p.box[0]+p.box[2]; x++ {
			if !p.at(x, y) {
				continue
			}
			for c := range 3 {
				v := int64(m.Pix[3*(y*m.Width+x)+c])
				sum[c] += v
				squares[c] += v * v
			}
		}
	}
	n, most := float64(p.area), 0.0
	for c := range 3 {
		mean := float64(sum[c]) / n
		most = max(most, float64(squares[c])/n-float64(mean*mean))
	}
	return math.Sqrt(max(most, 0))
}
