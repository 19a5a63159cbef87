package localise

import (
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

const (
	minPart   = 0.00005 // share of the picture below which a component is a speck
	nearest   = 4       // pixels that parts may always be apart
	driftEdge = 16      // pixels around the box that count as the object's: the codec's largest block
)

// scratch is what one call works in.
type scratch struct {
	change change
	blocks blocks
	morph  morph.Morpher
	mask   morph.Bitmap
	labels []int32
	marks  []bool
	order  []int
	weight []int
}

// segment makes mask the pixels that changed: weak change that strong change is
// connected with, closed, holes filled.
func (s *scratch) segment(t levels, d *Difference) {
	c := &s.change
	s.mask.Reset(c.w, c.h)
	s.weak(t)
	s.labels, s.marks = s.hysteresis(t)
	s.morph.Close(&s.mask, &s.mask, d.closing)
	s.fill()
}

// weak marks the pixels at or above the threshold of their block.
func (s *scratch) weak(t levels) {
	c, b := &s.change, &s.blocks
	clear(s.mask.Pix)
	for j := range b.h {
		for i := range b.w {
			at := j*b.w + i
			least := t.at(b.around[at])
			if b.peak[at] < least {
				continue
			}
			for y := j * side; y < min((j+1)*side, c.h); y++ {
				from, to := y*c.w+i*side, y*c.w+min((i+1)*side, c.w)
				out := s.mask.Pix[from:to]
				for x, v := range c.smooth[from:to] {
					if v >= least {
						out[x] = 255
					}
				}
			}
		}
	}
}

// hysteresis drops the components of mask that have no strong pixel.
func (s *scratch) hysteresis(t levels) ([]int32, []bool) {
	labels, parts := s.morph.Components(s.labels, &s.mask)
	strong := grow(s.marks, len(parts)+1)
	clear(strong)
	for i, p := range parts {
		strong[i+1] = s.anyStrong(labels, int32(i+1), p.Box, byte(min(t.strong, 255)))
	}
	for i, p := range parts {
		if !strong[i+1] {
			s.erase(labels, int32(i+1), p.Box)
		}
	}
	return labels, strong
}

func (s *scratch) anyStrong(labels []int32, label int32, box [4]int, least byte) bool {
	for y := box[1]; y < box[1]+box[3]; y++ {
		from := y*s.change.w + box[0]
		for x, l := range labels[from : from+box[2]] {
			if l == label && s.change.smooth[from+x] >= least {
				return true
			}
		}
	}
	return false
}

func (s *scratch) erase(labels []int32, label int32, box [4]int) {
	for y := box[1]; y < box[1]+box[3]; y++ {
		from := y*s.change.w + box[0]
		for x, l := range labels[from : from+box[2]] {
			if l == label {
				s.mask.Pix[from+x] = 0
			}
		}
	}
}

// fill sets what the foreground encloses: components of the background that do
// not reach the border.
func (s *scratch) fill() {
	invert(s.mask.Pix)
	labels, holes := s.morph.Components(s.labels, &s.mask)
	for i, hole := range holes {
		b := hole.Box
		if b[0] > 0 && b[1] > 0 && b[0]+b[2] < s.mask.Width && b[1]+b[3] < s.mask.Height {
			s.erase(labels, int32(i+1), b)
		}
	}
	invert(s.mask.Pix)
	s.labels = labels
}

func invert(pix []byte) {
	for i, v := range pix {
		pix[i] = ^v
	}
}

// chosen are the components of mask that make the object.
type chosen struct {
	of   []bool // by label
	area int    // pixels
	box  [4]int // tight: x, y, width, height
}

// parts chooses the component with the most change in it and, again and again,
// those that are near what is chosen, and tells how many pixels changed in all.
func (s *scratch) parts(o *Options, pixels float64) (chosen, float64) {
	labels, all := s.morph.Components(s.labels, &s.mask)
	s.labels = labels
	s.order = s.order[:0]
	changed := 0
	for i, p := range all {
		if float64(p.Area) >= minPart*pixels {
			s.order = append(s.order, i)
			changed += p.Area
		}
	}
	if len(s.order) == 0 {
		return chosen{}, 0
	}
	s.weigh(len(all))
	slices.SortStableFunc(s.order, func(i, j int) int { return s.weight[j+1] - s.weight[i+1] })
	s.marks = grow(s.marks, len(all)+1)
	clear(s.marks)
	first := s.order[0]
	s.marks[first+1] = true
	c := chosen{s.marks, all[first].Area, all[first].Box}
	for again := true; again; {
		again = false
		for _, i := range s.order {
			gap := max(apart(c.box, all[i].Box, 0), apart(c.box, all[i].Box, 1))
			if c.of[i+1] || float64(gap) > o.Near*float64(max(c.box[2], c.box[3]))+nearest {
				continue
			}
			c.of[i+1], c.area, c.box, again = true, c.area+all[i].Area, around(c.box, all[i].Box), true
		}
	}
	return c, float64(changed)
}

// weigh sums the change of n components, by label.
func (s *scratch) weigh(n int) {
	s.weight = grow(s.weight, n+1)
	clear(s.weight)
	for i, l := range s.labels[:s.change.w*s.change.h] {
		if l != 0 {
			s.weight[l] += int(s.change.smooth[i])
		}
	}
}

// apart is the gap between two boxes along an axis, 0 across and 1 down.
func apart(a, b [4]int, axis int) int {
	return max(b[axis]-a[axis]-a[axis+2], a[axis]-b[axis]-b[axis+2], 0)
}

func around(a, b [4]int) [4]int {
	x, y := min(a[0], b[0]), min(a[1], b[1])
	return [4]int{x, y, max(a[0]+a[2], b[0]+b[2]) - x, max(a[1]+a[3], b[1]+b[3]) - y}
}

// describe leaves only the chosen parts in mask and writes them to found.
func (s *scratch) describe(found *addsd.Found, c chosen, t levels) error {
	w, h := s.change.w, s.change.h
	sum := 0
	for i, l := range s.labels[:w*h] {
		if l == 0 {
			continue
		}
		if c.of[l] {
			sum += int(s.change.smooth[i])
		} else {
			s.mask.Pix[i] = 0
		}
	}
	mask, err := morph.ToMask(&s.mask, nil)
	if err != nil {
		return err
	}
	mean := float64(sum) / float64(c.area)
	found.Mask = mask
	found.Box = datasets.Box{float64(c.box[0]), float64(c.box[1]), float64(c.box[2]), float64(c.box[3])}
	found.Score = mean / (mean + float64(t.strong))
	x, y := max(c.box[0]-driftEdge, 0), max(c.box[1]-driftEdge, 0)
	found.Drift = s.change.meanOutside([4]int{x, y, min(c.box[0]+c.box[2]+driftEdge, w) - x, min(c.box[1]+c.box[3]+driftEdge, h) - y})
	return nil
}
