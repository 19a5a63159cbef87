package ops

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Taps are the weighted sums of a Resample along one axis: place o of the result
// is the sum of Weight[k] times place Index[k] for Start[o] <= k < Start[o+1].
type Taps struct {
	In     int // places of the operand
	Start  []int32
	Index  []int32
	Weight []float32
}

// Out returns the number of places of the result.
func (t *Taps) Out() int { return len(t.Start) - 1 }

// Valid refuses taps that reach outside the operand.
func (t *Taps) Valid() error {
	n := len(t.Start)
	if n < 2 || t.Start[0] != 0 || int(t.Start[n-1]) != len(t.Index) || len(t.Index) != len(t.Weight) {
		return fault.New(fault.Usage, "resample: %d starts, %d indices, %d weights", n, len(t.Index), len(t.Weight))
	}
	for o := 1; o < n; o++ {
		if t.Start[o] < t.Start[o-1] {
			return fault.New(fault.Usage, "resample: start %d falls to %d", o, t.Start[o])
		}
	}
	for _, i := range t.Index {
		if i < 0 || int(i) >= t.In {
			return fault.New(fault.Usage, "resample: place %d of %d", i, t.In)
		}
	}
	return nil
}

// Transpose returns the taps of the gradient.
func (t *Taps) Transpose() *Taps {
	r := &Taps{In: t.Out(), Start: make([]int32, t.In+1), Index: make([]int32, len(t.Index)), Weight: make([]float32, len(t.Index))}
	for _, i := range t.Index {
		r.Start[i+1]++
	}
	for i := range t.In {
		r.Start[i+1] += r.Start[i]
	}
	next := append([]int32(nil), r.Start...)
	for o := range t.Out() {
		for k := t.Start[o]; k < t.Start[o+1]; k++ {
			at := next[t.Index[k]]
			next[t.Index[k]]++
			r.Index[at], r.Weight[at] = int32(o), t.Weight[k]
		}
	}
	return r
}

// add appends a tap to the last place.
func (t *Taps) add(index int, weight float32) {
	t.Index, t.Weight = append(t.Index, int32(index)), append(t.Weight, weight)
}

// Interpolation holds the options of torch.nn.functional.interpolate.
type Interpolation struct {
	Size  [2]int     // rows and columns of the result; or
	Scale [2]float64 // what rows and columns are multiplied by, rounded down

	Mode           SampleMode // "" is Nearest
	AlignCorners   bool       // the outermost pixels of both images have the same centres
	Antialias      bool       // filters grow with the reduction
	RecomputeScale bool       // sample by the ratio of the sizes, not by Scale
}

// Taps returns the sums for the rows and the columns of images of h x w pixels.
func (p Interpolation) Taps(h, w int) (rows, cols *Taps, err error) {
	if p.Mode == "" {
		p.Mode = Nearest
	}
	smooth := p.Mode == Bilinear || p.Mode == Bicubic
	known := smooth || p.Mode == Nearest || p.Mode == NearestExact || p.Mode == Area
	if !known || !smooth && (p.AlignCorners || p.Antialias) {
		return nil, nil, fault.New(fault.Usage, "interpolate: mode %q, corners aligned %v, antialias %v", p.Mode, p.AlignCorners, p.Antialias)
	}
	var taps [2]*Taps
	for i, in := range [2]int{h, w} {
		out, scale := p.Size[i], 0.0
		if out == 0 {
			scale = p.Scale[i]
			out = int(math.Floor(float64(in) * scale))
			if p.RecomputeScale {
				scale = 0
			}
		}
		if in < 1 || out < 1 || out > 1<<24 || scale < 0 {
			return nil, nil, fault.New(fault.Usage, "interpolate: %d x %d to size %v, scale %v", h, w, p.Size, p.Scale)
		}
		taps[i] = p.axis(in, out, scale)
	}
	return taps[0], taps[1], nil
}

// axis makes the taps of one axis. Positions are computed in float32 as torch
// does: which pixel is the nearest depends on their last bits.
func (p Interpolation) axis(in, out int, scale float64) *Taps {
	t := &Taps{In: in, Start: make([]int32, 1, out+1)}
	step := p.step(in, out, scale)
	for o := range out {
		switch {
		case p.Mode == Area:
			from, to := PoolWindow(o, in, out)
			for i := from; i < to; i++ {
				t.add(i, 1/float32(to-from))
			}
		case p.Mode == Nearest:
			t.add(nearest(o, in, out, step), 1)
		case p.Mode == NearestExact:
			t.add(min(int(centred(o, step)+0.5), in-1), 1)
		case p.Antialias:
			p.filter(t, o, step)
		case p.Mode == Bilinear:
			p.linear(t, o, out, step)
		default:
			p.cubic(t, o, step)
		}
		t.Start = append(t.Start, int32(len(t.Index)))
	}
	return t
}

// step returns how far apart in the operand neighbours of the result are.
func (p Interpolation) step(in, out int, scale float64) float32 {
	switch {
	case p.AlignCorners && out > 1:
		return float32(in-1) / float32(out-1)
	case p.AlignCorners:
		return 0
	case scale > 0:
		return float32(1 / scale)
	}
	return float32(in) / float32(out)
}

// nearest goes by the sizes, whatever the scale, where they are equal or double.
func nearest(o, in, out int, step float32) int {
	switch out {
	case in:
		return o
	case 2 * in:
		return o / 2
	}
	return min(int(float32(o)*step), in-1)
}

// centred returns where the centre of pixel o lies, not before the first centre.
func centred(o int, step float32) float32 {
	x := step * (float32(o) + 0.5)
	return max(x-0.5, 0)
}

func (p Interpolation) linear(t *Taps, o, out int, step float32) {
	if t.In == out {
		t.add(o, 1)
		return
	}
	x := centred(o, step)
	if p.AlignCorners {
		x = step * float32(o)
	}
	i := min(int(x), t.In-1)
	f := min(x-float32(i), 1)
	t.add(i, 1-f)
	t.add(min(i+1, t.In-1), f)
}

func (p Interpolation) cubic(t *Taps, o int, step float32) {
	x := step * float32(o)
	if !p.AlignCorners {
		x = step * (float32(o) + 0.5)
		x -= 0.5
	}
	i := min(int(math.Floor(float64(x))), t.In-1)
	f := min(max(x-float32(i), 0), 1)
	for k, w := range CubicWeights(f) {
		t.add(min(max(i+k-1, 0), t.In-1), w)
	}
}

// CubicWeights returns the weights of four neighbours for a place that is f behind
// the second, by cubic convolution with a = -0.75 (Keys 1981, equation 4, as torch
// and OpenCV set a).
func CubicWeights(f float32) [4]float32 {
	const a = -0.75
	return [4]float32{cubicFar(f+1, a), cubicNear(f, a), cubicNear(1-f, a), cubicFar(2-f, a)}
}

func cubicNear(x, a float32) float32 { return ((a+2)*x-(a+3))*x*x + 1 }
func cubicFar(x, a float32) float32  { return ((a*x-5*a)*x+8*a)*x - 4*a }

// filter adds the taps of a filter that covers what one pixel of the result does:
// a triangle, or cubic convolution with a = -0.5, as Pillow's.
func (p Interpolation) filter(t *Taps, o int, step float32) {
	radius := float32(1)
	if p.Mode == Bicubic {
		radius = 2
	}
	wide := max(step, 1)
	support := radius * wide
	centre := step * (float32(o) + 0.5) // aligned corners too, as torch has it
	from := max(int(centre-support+0.5), 0)
	to := min(int(centre+support+0.5), t.In)
	total := float32(0)
	begin := len(t.Weight)
	for i := from; i < to; i++ {
		w := p.weight((float32(i) - centre + 0.5) / wide)
		total += w
		t.add(i, w)
	}
	for k := begin; k < len(t.Weight); k++ {
		t.Weight[k] /= total
	}
}

func (p Interpolation) weight(x float32) float32 {
	x = max(x, -x)
	switch {
	case p.Mode == Bilinear:
		return max(1-x, 0)
	case x < 1:
		return cubicNear(x, -0.5)
	case x < 2:
		return cubicFar(x, -0.5)
	}
	return 0
}
