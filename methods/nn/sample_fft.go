package nn

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// FFTNorm says how a transform and its inverse share the factor 1/(H*W), by the
// names of torch.fft.
type FFTNorm string

// Norms.
const (
	NormBackward FFTNorm = "backward" // all of it in the inverse; so is ""
	NormOrtho    FFTNorm = "ortho"    // the square root in both
	NormForward  FFTNorm = "forward"  // all of it in the transform
)

// scale returns the factor of the transform or the inverse of n values.
func (n FFTNorm) scale(values int, inverse bool) (float32, error) {
	switch {
	case n == NormOrtho:
		return float32(1 / math.Sqrt(float64(values))), nil
	case n == NormForward && !inverse, (n == NormBackward || n == "") && inverse:
		return float32(1 / float64(values)), nil
	case n == NormForward, n == NormBackward, n == "":
		return 1, nil
	}
	return 0, fault.New(fault.Usage, "fft: no norm %q", n)
}

// RFFT2 returns the real and the imaginary part of the Fourier transform of x
// over its last two axes (.., H, W), as torch.fft.rfft2: (.., H, W/2+1).
func (t *Tape) RFFT2(x *Var, norm FFTNorm) (re, im *Var) {
	if !t.ready("rfft2", x) {
		return failed(), failed()
	}
	s := x.Shape()
	if len(s) < 2 {
		return t.Fail(fault.New(fault.Usage, "rfft2: %v has fewer than two axes", s)), failed()
	}
	h, w, half := s[len(s)-2], s[len(s)-1], s[len(s)-1]/2+1
	scale, err := norm.scale(h*w, false)
	if !t.try("rfft2", err) {
		return failed(), failed()
	}
	planes := ops.Size(s) / (h * w)
	spectrum := append(append([]int(nil), s[:len(s)-1]...), half)
	flat := t.Reshape(x, planes, 1, h, w)
	yr, yi := t.E.Borrow(planes, 1, h, half), t.E.Borrow(planes, 1, h, half)
	if t.err != nil || !t.try("rfft2", t.E.RFFT2(yr, yi, flat.Value, ops.FFT{Scale: scale})) {
		t.E.Release(yr)
		t.E.Release(yi)
		return failed(), failed()
	}
	back := func(isReal bool) func(dy *tensor.Dense) {
		return func(dy *tensor.Dense) {
			t.giveNew("rfft2", flat, func(dx *tensor.Dense) error {
				zero := t.E.Borrow(planes, 1, h, half)
				defer t.E.Release(zero)
				if err := t.E.Fill(zero, 0); err != nil {
					return err
				}
				if isReal {
					return t.E.IRFFT2(dx, dy, zero, ops.FFT{Scale: scale})
				}
				return t.E.IRFFT2(dx, zero, dy, ops.FFT{Scale: scale})
			})
		}
	}
	re, im = t.result(yr, back(true), flat), t.result(yi, back(false), flat)
	return t.Reshape(re, spectrum...), t.Reshape(im, spectrum...)
}

// IRFFT2 returns the real signal whose Fourier transform has the given half, as
// torch.fft.irfft2: (.., H, W/2+1) to (.., H, w). w is the width, W or W+1 where W is even.
func (t *Tape) IRFFT2(re, im *Var, w int, norm FFTNorm) *Var {
	if !t.ready("irfft2", re, im) {
		return failed()
	}
	s := re.Shape()
	if err := ops.SameShape("irfft2", re.Value, im.Value); !t.try("irfft2", err) {
		return failed()
	}
	if len(s) < 2 || w < 1 || w/2+1 != s[len(s)-1] {
		return t.Fail(fault.New(fault.Usage, "irfft2: spectrum %v for %d columns", s, w))
	}
	h, half := s[len(s)-2], s[len(s)-1]
	scale, err := norm.scale(h*w, true)
	if !t.try("irfft2", err) {
		return failed()
	}
	planes := ops.Size(s) / (h * half)
	r, i := t.Reshape(re, planes, 1, h, half), t.Reshape(im, planes, 1, h, half)
	y := t.E.Borrow(planes, 1, h, w)
	p := ops.FFT{Scale: scale, Twice: true}
	if t.err != nil || !t.try("irfft2", t.E.IRFFT2(y, r.Value, i.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	out := t.result(y, func(dy *tensor.Dense) {
		dr, di := t.E.Borrow(r.Shape()...), t.E.Borrow(i.Shape()...)
		if !t.try("irfft2", t.E.RFFT2(dr, di, dy, p)) {
			t.E.Release(dr)
			t.E.Release(di)
			return
		}
		t.give(r, dr)
		t.give(i, di)
	}, r, i)
	return t.Reshape(out, append(append([]int(nil), s[:len(s)-1]...), w)...)
}
