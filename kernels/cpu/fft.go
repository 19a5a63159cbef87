package cpu

import (
	"math"
	"math/cmplx"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// RFFT2 implements ops.Sampler. It sums in float64.
func (e *Engine) RFFT2(re, im, x *tensor.Dense, p ops.FFT) error {
	return e.runFFT("real fft", x, re, im, p, false)
}

// IRFFT2 implements ops.Sampler. It sums in float64.
func (e *Engine) IRFFT2(y, re, im *tensor.Dense, p ops.FFT) error {
	return e.runFFT("inverse real fft", y, re, im, p, true)
}

func (e *Engine) runFFT(op string, x, re, im *tensor.Dense, p ops.FFT, inverse bool) error {
	if err := ops.WantType(op, tensor.Float32, x, re, im); err != nil {
		return err
	}
	if err := ops.FFTShape(op, re, im, x); err != nil {
		return err
	}
	s := x.Shape()
	t := &e.fft
	t.FFT, t.inverse = p, inverse
	t.x, t.re, t.im = x.Float32s(), re.Float32s(), im.Float32s()
	t.planes, t.h, t.w, t.half = s[0]*s[1], s[2], s[3], s[3]/2+1
	t.rows, t.cols = t.plan(t.w), t.plan(t.h)
	e.run(t.parts(), t)
	t.x, t.re, t.im = nil, nil, nil
	return nil
}

// fftTask transforms plane by plane, rows and columns one after the other.
type fftTask struct {
	ops.FFT
	inverse            bool
	x, re, im          []float32
	planes, h, w, half int
	rows, cols         *fftPlan
	plans              map[int]*fftPlan // by length; they are never dropped
}

func (t *fftTask) plan(n int) *fftPlan {
	if t.plans == nil {
		t.plans = map[int]*fftPlan{}
	}
	if t.plans[n] == nil {
		t.plans[n] = newFFTPlan(n)
	}
	return t.plans[n]
}

func (t *fftTask) parts() int { return partsOf(t.planes, 64*t.h*t.w) }

func (t *fftTask) part(i int, s *scratch) {
	begin, end := split(t.planes, t.parts(), i)
	n := max(t.h, t.w)
	plane, a, b := complexes(s, t.h*t.half), complexes(s, n), complexes(s, n)
	for p := begin; p < end; p++ {
		x := t.x[p*t.h*t.w:][:t.h*t.w]
		re, im := t.re[p*t.h*t.half:][:t.h*t.half], t.im[p*t.h*t.half:][:t.h*t.half]
		if t.inverse {
			t.backward(x, re, im, plane, a, b)
		} else {
			t.forward(re, im, x, plane, a, b)
		}
	}
}

func (t *fftTask) forward(re, im, x []float32, plane, a, b []complex128) {
	for r := range t.h {
		for c := range t.w {
			a[c] = complex(float64(x[r*t.w+c]), 0)
		}
		copy(plane[r*t.half:][:t.half], t.rows.run(a[:t.w], b[:t.w], false))
	}
	for c := range t.half {
		for r := range t.h {
			a[r] = plane[r*t.half+c]
		}
		scale := t.weight(c)
		for r, v := range t.cols.run(a[:t.h], b[:t.h], false) {
			re[r*t.half+c], im[r*t.half+c] = float32(scale*real(v)), float32(scale*imag(v))
		}
	}
}

func (t *fftTask) backward(x, re, im []float32, plane, a, b []complex128) {
	for c := range t.half {
		scale := t.weight(c)
		for r := range t.h {
			a[r] = complex(scale*float64(re[r*t.half+c]), scale*float64(im[r*t.half+c]))
		}
		for r, v := range t.cols.run(a[:t.h], b[:t.h], true) {
			plane[r*t.half+c] = v
		}
	}
	for r := range t.h {
		copy(a, plane[r*t.half:][:t.half])
		clear(a[t.half:t.w]) // the other half adds what Twice adds: the real parts are equal
		for c, v := range t.rows.run(a[:t.w], b[:t.w], true) {
			x[r*t.w+c] = float32(real(v))
		}
	}
}

// weight returns what column c of the half spectrum is multiplied by.
func (t *fftTask) weight(c int) float64 {
	if t.Twice && c > 0 && 2*c != t.w {
		return 2 * float64(t.Scale)
	}
	return float64(t.Scale)
}

func complexes(s *scratch, n int) []complex128 {
	f := s.floats(4 * n) // 64-byte aligned
	return unsafe.Slice((*complex128)(unsafe.Pointer(&f[0])), n)
}

// fftPlan transforms a length. The work grows with the length times the sum of
// its prime factors.
type fftPlan struct {
	factors []int
	roots   []complex128 // exp(-2 pi i k / n)
}

func newFFTPlan(n int) *fftPlan {
	p := &fftPlan{roots: make([]complex128, n)}
	for k := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(n))
		p.roots[k] = complex(cos, -sin)
	}
	for f := 2; n > 1; {
		switch {
		case n%f == 0:
			p.factors = append(p.factors, f)
			n /= f
		case f*f > n:
			f = n // a prime
		default:
			f++
		}
	}
	return p
}

// run transforms a, using b, and returns the one that holds the result. It is
// Stockham's method: after factors that multiply to l, element j*(n/l) + k is
// frequency j of the l values k, k + n/l, k + 2n/l, ..
func (p *fftPlan) run(a, b []complex128, inverse bool) []complex128 {
	n, l := len(a), 1
	for _, f := range p.factors {
		before := n / l
		l *= f
		rest := n / l
		for j := range l {
			from, to := a[j%(l/f)*before:][:before], b[j*rest:][:rest]
			copy(to, from)
			for q := 1; q < f; q++ {
				w := p.roots[j*q%l*rest]
				if inverse {
					w = cmplx.Conj(w)
				}
				for k, v := range from[q*rest:][:rest] {
					to[k] += w * v
				}
			}
		}
		a, b = b, a
	}
	return a
}
