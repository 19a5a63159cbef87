package nn

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Flip turns axes round.
func (t *Tape) Flip(x *Var, axes ...int) *Var {
	if !t.ready("flip", x) {
		return failed()
	}
	s := x.Shape()
	from := ops.Layout{Strides: ops.AppendStrides(nil, s)}
	for i, a := range axes {
		a, err := ops.Axis("flip", a, len(s))
		if err != nil || from.Strides[a] < 0 {
			return t.Fail(fault.New(fault.Usage, "flip: axes %v of %v (at %d)", axes, s, i))
		}
		from.Offset += (s[a] - 1) * from.Strides[a]
		from.Strides[a] = -from.Strides[a]
	}
	return t.moved("flip", x, s, ops.Copy{Shape: s, From: from})
}

// Roll moves elements along axes, each by its shift; what leaves at one end comes
// in at the other.
func (t *Tape) Roll(x *Var, shifts, axes []int) *Var {
	if !t.ready("roll", x) {
		return failed()
	}
	s := x.Shape()
	if len(shifts) != len(axes) {
		return t.Fail(fault.New(fault.Usage, "roll: %d shifts for %d axes of %v", len(shifts), len(axes), s))
	}
	strides := ops.AppendStrides(nil, s)
	total := make([]int, len(s))
	for i, a := range axes {
		a, err := ops.Axis("roll", a, len(s))
		if !t.try("roll", err) {
			return failed()
		}
		total[a] = ((total[a]+shifts[i])%s[a] + s[a]) % s[a]
	}
	whole := ops.Layout{Strides: strides}
	boxes := []ops.Copy{{Shape: s, To: whole, From: whole}}
	for a, shift := range total {
		if shift == 0 {
			continue
		}
		var cut []ops.Copy
		for _, b := range boxes {
			head, tail := b, b // the slices that stay on this side of the end, and those that wrap
			head.Shape, tail.Shape = slices.Clone(b.Shape), slices.Clone(b.Shape)
			head.Shape[a], tail.Shape[a] = s[a]-shift, shift
			head.To.Offset += shift * strides[a]
			tail.From.Offset += (s[a] - shift) * strides[a]
			cut = append(cut, head, tail)
		}
		boxes = cut
	}
	return t.movedBy("roll", x, s, boxes...)
}

// RepeatInterleave repeats each slice of an axis.
func (t *Tape) RepeatInterleave(x *Var, repeats, axis int) *Var {
	if !t.ready("repeat", x) {
		return failed()
	}
	axis, err := ops.Axis("repeat", axis, len(x.Shape()))
	if !t.try("repeat", err) {
		return failed()
	}
	if repeats < 1 {
		return t.Fail(fault.New(fault.Usage, "repeat: %d times axis %d of %v", repeats, axis, x.Shape()))
	}
	outer, inner := ops.Around(x.Shape(), axis)
	n := x.Dim(axis)
	apart := t.Reshape(x, outer*n, 1, inner)
	shape := slices.Clone(x.Shape())
	shape[axis] *= repeats
	return t.Reshape(t.Expand(apart, outer*n, repeats, inner), shape...)
}

// PixelShuffle turns r*r channels into r x r pixels: (N, C*r*r, H, W) to
// (N, C, H*r, W*r), as torch.nn.functional.pixel_shuffle.
func (t *Tape) PixelShuffle(x *Var, r int) *Var {
	if !t.ready("pixel shuffle", x) {
		return failed()
	}
	s := x.Shape()
	if len(s) != 4 || r < 1 || s[1]%(r*r) != 0 {
		return t.Fail(fault.New(fault.Usage, "pixel shuffle: %v by %d", s, r))
	}
	n, c, h, w := s[0], s[1]/(r*r), s[2], s[3]
	box := []int{n, c, h, r, w, r}
	from := []int{c * r * r * h * w, r * r * h * w, w, r * h * w, 1, h * w}
	return t.moved("pixel shuffle", x, []int{n, c, h * r, w * r}, ops.Copy{Shape: box, From: ops.Layout{Strides: from}})
}

// PixelUnshuffle undoes PixelShuffle: (N, C, H*r, W*r) to (N, C*r*r, H, W).
func (t *Tape) PixelUnshuffle(x *Var, r int) *Var {
	if !t.ready("pixel unshuffle", x) {
		return failed()
	}
	s := x.Shape()
	if len(s) != 4 || r < 1 || s[2]%r != 0 || s[3]%r != 0 {
		return t.Fail(fault.New(fault.Usage, "pixel unshuffle: %v by %d", s, r))
	}
	n, c, h, w := s[0], s[1], s[2]/r, s[3]/r
	box := []int{n, c, r, r, h, w}
	from := []int{c * h * w * r * r, h * w * r * r, w * r, 1, w * r * r, r}
	return t.moved("pixel unshuffle", x, []int{n, c * r * r, h, w}, ops.Copy{Shape: box, From: ops.Layout{Strides: from}})
}

// ChannelShuffle deals the channels of groups out in turn: channel j of group g
// becomes channel j*groups + g (ShuffleNet, arXiv:1707.01083, section 3.1). x is (N, C, ..).
func (t *Tape) ChannelShuffle(x *Var, groups int) *Var {
	if !t.ready("channel shuffle", x) {
		return failed()
	}
	s := x.Shape()
	if len(s) < 2 || groups < 1 || s[1]%groups != 0 {
		return t.Fail(fault.New(fault.Usage, "channel shuffle: %v in %d groups", s, groups))
	}
	each, plane := s[1]/groups, ops.Size(s[2:])
	box := []int{s[0], each, groups, plane}
	from := []int{s[1] * plane, plane, each * plane, 1}
	return t.moved("channel shuffle", x, s, ops.Copy{Shape: box, From: ops.Layout{Strides: from}})
}
