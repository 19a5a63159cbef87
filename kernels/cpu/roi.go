package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// RoIAlign implements ops.Sampler.
func (e *Engine) RoIAlign(y, x, rois *tensor.Dense, p ops.RoIAlign) error {
	return e.runRoI("roi align", roiTask{RoIAlign: p}, y, x, x, rois)
}

// RoIAlignGrad implements ops.Sampler.
func (e *Engine) RoIAlignGrad(dx, dy, rois *tensor.Dense, p ops.RoIAlign) error {
	return e.runRoI("roi align gradient", roiTask{RoIAlign: p, back: true}, dy, dx, dx, rois)
}

// RoIPool implements ops.Sampler.
func (e *Engine) RoIPool(y, x, rois *tensor.Dense, scale float32) error {
	return e.runRoI("roi pool", roiTask{RoIAlign: ops.RoIAlign{Scale: scale}, max: true}, y, x, x, rois)
}

// RoIPoolGrad implements ops.Sampler.
func (e *Engine) RoIPoolGrad(dx, dy, x, rois *tensor.Dense, scale float32) error {
	return e.runRoI("roi pool gradient", roiTask{RoIAlign: ops.RoIAlign{Scale: scale}, max: true, back: true}, dy, dx, x, rois)
}

// runRoI works between y or its gradient and the images or theirs; x holds the
// values of the images.
func (e *Engine) runRoI(op string, task roiTask, y, images, x, rois *tensor.Dense) error {
	if err := ops.WantType(op, tensor.Float32, y, images, x, rois); err != nil {
		return err
	}
	if err := ops.RoIShape(op, y, images, rois); err != nil {
		return err
	}
	if err := ops.SameShape(op, images, x); err != nil {
		return err
	}
	xs, ys := x.Shape(), y.Shape()
	t := &e.roi
	*t = task
	t.y, t.x, t.images, t.rois = y.Float32s(), x.Float32s(), images.Float32s(), rois.Float32s()
	t.n, t.c, t.h, t.w, t.k, t.oh, t.ow = xs[0], xs[1], xs[2], xs[3], ys[0], ys[2], ys[3]
	if t.Scale == 0 {
		t.Scale = 1
	}
	if err := t.check(op); err != nil {
		return err
	}
	if t.back {
		clear(t.images)
	}
	e.run(t.parts(), t)
	*t = roiTask{}
	return nil
}

// roiTask goes through boxes. A part is some boxes; for the gradient, where boxes
// meet, it is some channels and all boxes in order.
type roiTask struct {
	ops.RoIAlign
	max, back             bool
	y, x, images, rois    []float32
	n, c, h, w, k, oh, ow int
	samples               int // most of a box, along both axes together
}

// check refuses boxes of images that are not there, and of no or absurd size.
func (t *roiTask) check(op string) error {
	const most = 1 << 24
	for k := range t.k {
		r := t.rois[5*k:][:5]
		if n := int(r[0]); !(r[0] >= 0 && r[0] < float32(t.n)) {
			return fault.New(fault.Usage, "%s: box %d is of image %v (%d), there are %d", op, k, r[0], n, t.n)
		}
		for _, v := range r[1:] {
			if v *= t.Scale; !(v > -most && v < most) {
				return fault.New(fault.Usage, "%s: box %d is %v", op, k, r)
			}
		}
		if !t.max {
			_, rows := t.bins(r[2], r[4], t.oh)
			_, cols := t.bins(r[1], r[3], t.ow)
			t.samples = max(t.samples, max(rows.samples, 0)*t.oh+max(cols.samples, 0)*t.ow)
		}
	}
	if t.samples > 1<<22 {
		return fault.New(fault.Usage, "%s: a box has %d samples along its axes", op, t.samples)
	}
	return nil
}

func (t *roiTask) units() (n, cost int) {
	if t.back {
		return t.c, t.k * t.oh * t.ow * 16
	}
	return t.k, t.c * t.oh * t.ow * 16
}

func (t *roiTask) parts() int { return partsOf(t.units()) }

func (t *roiTask) part(i int, s *scratch) {
	n, _ := t.units()
	begin, end := split(n, t.parts(), i)
	boxes, firstC, lastC := [2]int{begin, end}, 0, t.c
	if t.back {
		boxes, firstC, lastC = [2]int{0, t.k}, begin, end
	}
	var taps []float32
	if !t.max {
		taps = s.floats(4 * t.samples)
	}
	for k := boxes[0]; k < boxes[1]; k++ {
		r := t.rois[5*k:][:5]
		if t.max {
			t.poolBox(k, r, firstC, lastC)
		} else {
			t.alignBox(k, r, firstC, lastC, taps)
		}
	}
}

// roiBins are the bins of a box along one axis.
type roiBins struct {
	first, size float32
	samples     int // a bin
}

// bins cuts a box from a to b into n bins.
func (t *roiTask) bins(a, b float32, n int) (length float32, bins roiBins) {
	half := float32(0)
	if t.Aligned {
		half = 0.5
	}
	first, last := a*t.Scale-half, b*t.Scale-half
	length = last - first
	if !t.Aligned {
		length = max(length, 1)
	}
	bins = roiBins{first, length / float32(n), t.SamplingRatio}
	if bins.samples <= 0 {
		bins.samples = int(math.Ceil(float64(length / float32(n))))
	}
	return length, bins
}

// alignBox averages samples of bilinear interpolation, or gives gradients back
// to the pixels that they came from.
func (t *roiTask) alignBox(k int, r []float32, from, to int, taps []float32) {
	_, rows := t.bins(r[2], r[4], t.oh)
	_, cols := t.bins(r[1], r[3], t.ow)
	nr, nc := max(rows.samples, 0), max(cols.samples, 0)
	share := 1 / float32(max(nr*nc, 1))
	ry, rx := taps[:4*nr*t.oh], taps[4*nr*t.oh:][:4*nc*t.ow]
	rows.taps(ry, t.oh, t.h)
	cols.taps(rx, t.ow, t.w)
	for c := from; c < to; c++ {
		plane := t.images[(int(r[0])*t.c+c)*t.h*t.w:][:t.h*t.w]
		y := t.y[(k*t.c+c)*t.oh*t.ow:][:t.oh*t.ow]
		for o := range y {
			by, bx := ry[o/t.ow*4*nr:][:4*nr], rx[o%t.ow*4*nc:][:4*nc]
			if t.back {
				addBin(plane, by, bx, y[o]*share, t.w)
			} else {
				y[o] = share * readBin(plane, by, bx, t.w)
			}
		}
	}
}

// taps writes two pixels and two weights a sample. A sample more than a pixel
// outside the image has no weight; one less far is held at the edge.
func (b roiBins) taps(dst []float32, bins, size int) {
	for i := range bins * b.samples {
		bin, sample := i/b.samples, i%b.samples
		x := b.first + float32(bin)*b.size + (float32(sample)+0.5)*b.size/float32(b.samples)
		d := dst[4*i:][:4]
		if x < -1 || x > float32(size) {
			clear(d)
			continue
		}
		x = max(x, 0)
		low := int(x)
		high := low + 1
		if high >= size {
			low, high = size-1, size-1
			x = float32(low)
		}
		f := x - float32(low)
		d[0], d[1], d[2], d[3] = float32(low), float32(high), 1-f, f
	}
}

func readBin(plane, rows, cols []float32, w int) float32 {
	sum := float32(0)
	for ; len(rows) > 0; rows = rows[4:] {
		low, high := plane[int(rows[0])*w:], plane[int(rows[1])*w:]
		for c := cols; len(c) > 0; c = c[4:] {
			a, b := int(c[0]), int(c[1])
			sum += rows[2]*(c[2]*low[a]+c[3]*low[b]) + rows[3]*(c[2]*high[a]+c[3]*high[b])
		}
	}
	return sum
}

func addBin(plane, rows, cols []float32, g float32, w int) {
	for ; len(rows) > 0; rows = rows[4:] {
		low, high := plane[int(rows[0])*w:], plane[int(rows[1])*w:]
		for c := cols; len(c) > 0; c = c[4:] {
			a, b := int(c[0]), int(c[1])
			gl, gh := g*rows[2], g*rows[3]
			low[a] += gl * c[2]
			low[b] += gl * c[3]
			high[a] += gh * c[2]
			high[b] += gh * c[3]
		}
	}
}

// poolBox takes the greatest value of each bin, or gives its gradient back.
func (t *roiTask) poolBox(k int, r []float32, from, to int) {
	left, right := roundAway(r[1]*t.Scale), roundAway(r[3]*t.Scale)
	top, bottom := roundAway(r[2]*t.Scale), roundAway(r[4]*t.Scale)
	height := float32(max(bottom-top+1, 1)) / float32(t.oh)
	width := float32(max(right-left+1, 1)) / float32(t.ow)
	for c := from; c < to; c++ {
		at := (int(r[0])*t.c + c) * t.h * t.w
		x := t.x[at:][:t.h*t.w]
		for o := range t.oh * t.ow {
			y0, y1 := poolBin(o/t.ow, height, top, t.h)
			x0, x1 := poolBin(o%t.ow, width, left, t.w)
			best, where := float32(0), -1
			for i := y0; i < y1; i++ {
				for j := x0; j < x1; j++ {
					if v := x[i*t.w+j]; where < 0 || v > best {
						best, where = v, i*t.w+j
					}
				}
			}
			y := &t.y[(k*t.c+c)*t.oh*t.ow+o]
			switch {
			case !t.back:
				*y = best
			case where >= 0:
				t.images[at+where] += *y
			}
		}
	}
}

// poolBin returns the pixels of bin i of a box that begins at first.
func poolBin(i int, size float32, first, pixels int) (from, to int) {
	from = int(math.Floor(float64(float32(i)*size))) + first
	to = int(math.Ceil(float64(float32(i+1)*size))) + first
	return min(max(from, 0), pixels), min(max(to, 0), pixels)
}

func roundAway(x float32) int { return int(math.Round(float64(x))) }
