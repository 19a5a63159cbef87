package nn

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// PadMode says what Pad puts around a tensor.
type PadMode string

// Modes of Pad, by their names in torch.nn.functional.pad.
const (
	PadConstant  PadMode = "constant"
	PadReflect   PadMode = "reflect"   // mirrored at the outermost element
	PadReplicate PadMode = "replicate" // the outermost element again
	PadCircular  PadMode = "circular"  // from the other end
)

// Pad adds zeros around x: pads has a pair for each axis, how many slices before
// and how many behind. Negative numbers take slices away.
func (t *Tape) Pad(x *Var, pads [][2]int) *Var { return t.PadWith(x, pads, PadConstant, 0) }

// PadWith is Pad with other values around: what mode says, value for PadConstant.
func (t *Tape) PadWith(x *Var, pads [][2]int, mode PadMode, value float32) *Var {
	if !t.ready("pad", x) {
		return failed()
	}
	s := x.Shape()
	ok := len(pads) == len(s)
	for a := 0; ok && a < len(s); a++ {
		p := pads[a]
		ok = p[0] > -s[a] && p[1] > -s[a] && s[a]+min(p[0], 0)+min(p[1], 0) > 0
	}
	if !ok {
		return t.Fail(fault.New(fault.Usage, "pad: %v for %v", pads, s))
	}
	if mode == PadConstant {
		return t.padConstant(x, pads, value)
	}
	for a, p := range pads {
		ids, err := padIndices(x.Dim(a), p[0], p[1], mode)
		if !t.try("pad", err) {
			return failed()
		}
		if p != [2]int{} {
			x = t.IndexSelect(x, a, ids)
		}
	}
	return x
}

// padConstant fills the result and copies the part of x that stays.
func (t *Tape) padConstant(x *Var, pads [][2]int, value float32) *Var {
	s := x.Shape()
	shape := slices.Clone(s)
	for a, p := range pads {
		shape[a] += p[0] + p[1]
	}
	box := ops.Copy{Shape: slices.Clone(s)}
	box.To.Strides = ops.AppendStrides(nil, shape)
	box.From.Strides = ops.AppendStrides(nil, s)
	for a, p := range pads {
		box.Shape[a] += min(p[0], 0) + min(p[1], 0)
		box.To.Offset += max(p[0], 0) * box.To.Strides[a]
		box.From.Offset -= min(p[0], 0) * box.From.Strides[a]
	}
	y := t.E.Borrow(shape...)
	if !t.try("pad", t.E.Fill(y, value)) || !t.try("pad", t.E.Copy(y, x.Value, box)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		back := box
		back.To, back.From = box.From, box.To
		t.giveMoved("pad", x, dy, back)
	}, x)
}

// padIndices returns which of n slices each slice of the padded axis shows.
func padIndices(n, before, behind int, mode PadMode) ([]int, error) {
	most := max(before, behind)
	switch {
	case mode != PadReflect && mode != PadReplicate && mode != PadCircular:
		return nil, fault.New(fault.Usage, "pad: unknown mode %q", mode)
	case mode == PadReflect && most >= n, mode == PadCircular && most > n:
		return nil, fault.New(fault.Usage, "pad: %d and %d slices around %d in mode %s", before, behind, n, mode)
	}
	ids := make([]int, 0, before+n+behind)
	for i := -before; i < n+behind; i++ {
		id := i
		switch mode {
		case PadReflect:
			if id = max(i, -i); id >= n {
				id = 2*(n-1) - id
			}
		case PadReplicate:
			id = min(max(i, 0), n-1)
		case PadCircular:
			id = (i%n + n) % n
		}
		ids = append(ids, id)
	}
	return ids, nil
}
