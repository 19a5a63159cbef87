package nn

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// NotFinite is the error of gradients that hold an infinity or no number. A
// training loop may skip the step; parameters and state are as they were.
type NotFinite struct {
	Name string  // the first parameter whose gradient is not finite
	Norm float64 // of all gradients
}

func (e *NotFinite) Error() string {
	return fmt.Sprintf("gradient of %s is not finite (norm of all: %v)", e.Name, e.Norm)
}

// GradNorm returns the norm of the gradients of params taken as one vector. order
// is 1, 2, any other positive number, or infinite. Parameters without a gradient
// do not count. A norm that is not finite is a *NotFinite.
func GradNorm(e ops.Engine, params []Entry, order float64) (float64, error) {
	with := make([]Entry, 0, len(params))
	for _, p := range params {
		if p.Var.Grad != nil {
			with = append(with, p)
		}
	}
	if len(with) == 0 {
		return 0, nil
	}
	dst := e.Borrow(len(with))
	defer e.Release(dst)
	for i, p := range with {
		if err := e.Norms(dst, i, 1, p.Var.Grad, order); err != nil {
			return 0, fault.At(err, fault.Place{Key: p.Name})
		}
	}
	norms := make([]float32, len(with))
	if err := e.Download(hostTensor(norms, []int{len(norms)}), dst); err != nil {
		return 0, err
	}
	return joinNorms(with, norms, order)
}

func joinNorms(of []Entry, norms []float32, order float64) (float64, error) {
	sum, bad := 0.0, ""
	for i, n := range norms {
		x := float64(n)
		if bad == "" && (math.IsNaN(x) || math.IsInf(x, 0)) {
			bad = of[i].Name
		}
		if math.IsInf(order, 1) {
			sum = max(sum, x)
		} else {
			sum += math.Pow(x, order)
		}
	}
	if !math.IsInf(order, 1) {
		sum = math.Pow(sum, 1/order)
	}
	if bad != "" {
		return sum, &NotFinite{bad, sum}
	}
	return sum, nil
}

// clipFactor is what torch.nn.utils.clip_grad_norm_ multiplies gradients by.
func clipFactor(limit, norm float64) float64 { return min(1, limit/(norm+1e-6)) }

// ClipGradNorm scales the gradients of params so that their norm, as of GradNorm,
// is at most limit, and returns the norm that it found: as
// torch.nn.utils.clip_grad_norm_. It changes nothing where the norm is not finite.
func ClipGradNorm(e ops.Engine, params []Entry, limit, order float64) (float64, error) {
	norm, err := GradNorm(e, params, order)
	if err != nil {
		return norm, err
	}
	f := clipFactor(limit, norm)
	for _, p := range params {
		if p.Var.Grad == nil || f == 1 {
			continue
		}
		if err := e.Scale(p.Var.Grad, p.Var.Grad, float32(f)); err != nil {
			return norm, err
		}
	}
	return norm, nil
}

// ClipGradValue clamps every gradient value to [-limit, limit], as
// torch.nn.utils.clip_grad_value_.
func ClipGradValue(e ops.Engine, params []Entry, limit float64) error {
	for _, p := range params {
		if p.Var.Grad == nil {
			continue
		}
		if err := e.Unary(p.Var.Grad, p.Var.Grad, ops.UnaryClamp, ops.UnaryParams{A: float32(-limit), B: float32(limit)}); err != nil {
			return fault.At(err, fault.Place{Key: p.Name})
		}
	}
	return nil
}

// AdaptiveClip are the options of ClipGradAdaptive.
type AdaptiveClip struct {
	Factor float64 // 0 means 0.01
	Eps    float64 // the least norm of a unit's weights; 0 means 0.001
	Order  float64 // 0 means 2
}

// ClipGradAdaptive limits the gradient of every unit, a row of the parameter along
// axis 0, to Factor times the norm of its weights (Brock et al., arXiv:2102.06171,
// equation 3), as timm.utils.adaptive_clip_grad. A parameter of one axis is a unit.
func ClipGradAdaptive(e ops.Engine, params []Entry, o AdaptiveClip) error {
	for _, p := range params {
		if p.Var.Grad == nil {
			continue
		}
		if err := clipUnits(e, p.Var, o); err != nil {
			return fault.At(err, fault.Place{Key: p.Name})
		}
	}
	return nil
}

func clipUnits(e ops.Engine, v *Var, o AdaptiveClip) error {
	rows := unitsOf(v.Shape())
	norms := e.Borrow(2 * rows)
	defer e.Release(norms)
	order := or(o.Order, 2)
	if err := e.Norms(norms, 0, rows, v.Value, order); err != nil {
		return err
	}
	if err := e.Norms(norms, rows, rows, v.Grad, order); err != nil {
		return err
	}
	host := make([]float32, 2*rows)
	if err := e.Download(hostTensor(host, []int{2 * rows}), norms); err != nil {
		return err
	}
	factors, changed := host[:rows], false
	for r, w := range factors {
		limit, g := max(float64(w), or(o.Eps, 1e-3))*or(o.Factor, 0.01), float64(host[rows+r])
		factors[r] = 1
		if !(g < limit) {
			factors[r], changed = float32(limit/max(g, 1e-6)), true
		}
	}
	if !changed {
		return nil
	}
	return scaleRows(e, v.Grad, v.Grad, factors)
}

// unitsOf is how many units a parameter has: its rows along axis 0.
func unitsOf(shape []int) int {
	if len(shape) <= 1 {
		return 1
	}
	return shape[0]
}

// scaleRows sets dst to x with each row, of equal size, times a factor. dst may be x.
func scaleRows(e ops.Engine, dst, x *tensor.Dense, factors []float32) error {
	rows := len(factors)
	f := e.Borrow(rows, 1)
	defer e.Release(f)
	if err := e.Upload(f, hostTensor(factors, []int{rows, 1})); err != nil {
		return err
	}
	size := ops.Size(x.Shape()) / rows
	from, err := e.View(x, rows, size)
	if err != nil {
		return err
	}
	to, err := e.View(dst, rows, size)
	if err != nil {
		return err
	}
	return e.Binary(to, from, f, ops.BinaryMul)
}
