package blend

import "math"

// fourier is the discrete Fourier transform of n complex numbers, for any n:
// mixed radix (Cooley and Tukey 1965) where the prime factors of n are small, and
// Bluestein's convolution with a power of two (1970) where they are not.
//
// Every product that goes into a sum is rounded first, so that no architecture
// fuses the two and all of them get the same bits.
type fourier struct {
	n       int
	factors []int
	roots   []complex128 // exp(-2 pi i k / n)
	work    []complex128

	// Bluestein: the transform is a convolution with chirp, done by inner.
	inner           *fourier
	chirp, response []complex128
	long            []complex128
}

// largestRadix is the largest prime factor that is cheaper as it is than through
// a convolution of at least twice the length.
const largestRadix = 31

func newFourier(n int) *fourier {
	f := &fourier{n: n, roots: make([]complex128, n), work: make([]complex128, n)}
	for k := range f.roots {
		sin, cos := sinCos(k, n)
		f.roots[k] = complex(cos, -sin)
	}
	rest := n
	for _, p := range []int{4, 2} {
		for rest%p == 0 {
			f.factors, rest = append(f.factors, p), rest/p
		}
	}
	for p := 3; rest > 1; p += 2 {
		for rest%p == 0 {
			f.factors, rest = append(f.factors, p), rest/p
		}
		if p > largestRadix && rest > 1 {
			f.bluestein()
			break
		}
	}
	return f
}

// bluestein prepares jk = (j^2 + k^2 - (k-j)^2) / 2 in the exponent.
func (f *fourier) bluestein() {
	m := 1
	for m < 2*f.n-1 {
		m *= 2
	}
	f.inner = newFourier(m)
	f.chirp = make([]complex128, f.n)
	f.response = make([]complex128, m)
	f.long = make([]complex128, m)
	for k := range f.chirp {
		sin, cos := sinCos(k*k%(2*f.n), 2*f.n)
		f.chirp[k] = complex(cos, -sin)
		f.response[k] = complex(cos, sin)
		f.response[(m-k)%m] = complex(cos, sin)
	}
	f.inner.transform(f.response)
}

// transform replaces x by its transform, unscaled.
func (f *fourier) transform(x []complex128) {
	if f.inner != nil {
		f.convolve(x)
		return
	}
	copy(f.work, x)
	f.step(x, f.work, f.n, 1, f.factors)
}

// convolve is Bluestein's form. The way back is the way there on the conjugate.
func (f *fourier) convolve(x []complex128) {
	clear(f.long)
	for k, v := range x {
		f.long[k] = times(v, f.chirp[k])
	}
	f.inner.transform(f.long)
	for k, v := range f.long {
		f.long[k] = conjugate(times(v, f.response[k]))
	}
	f.inner.transform(f.long)
	scale := 1 / float64(len(f.long))
	for k := range x {
		v := f.long[k]
		x[k] = times(complex(real(v)*scale, -imag(v)*scale), f.chirp[k])
	}
}

// step transforms the n numbers of src that lie stride apart into dst: one
// transform for each remainder of the first factor, and their combination.
func (f *fourier) step(dst, src []complex128, n, stride int, factors []int) {
	if n == 1 {
		dst[0] = src[0]
		return
	}
	p := factors[0]
	m := n / p
	for r := range p {
		f.step(dst[r*m:(r+1)*m], src[r*stride:], m, stride*p, factors[1:])
	}
	switch p {
	case 2:
		f.combine2(dst, m, stride)
	case 4:
		f.combine4(dst, m, stride)
	default:
		f.combine(dst, p, m, stride)
	}
}

func (f *fourier) combine2(dst []complex128, m, stride int) {
	low, high := dst[:m], dst[m:2*m]
	for k := range low {
		a, b := low[k], times(high[k], f.roots[k*stride])
		low[k], high[k] = a+b, a-b
	}
}

func (f *fourier) combine4(dst []complex128, m, stride int) {
	d0, d1, d2, d3 := dst[:m], dst[m:2*m], dst[2*m:3*m], dst[3*m:4*m]
	for k := range d0 {
		a := d0[k]
		b := times(d1[k], f.roots[k*stride])
		c := times(d2[k], f.roots[2*k*stride])
		d := times(d3[k], f.roots[3*k*stride])
		even, odd := a+c, a-c
		sum, diff := b+d, b-d
		turned := complex(imag(diff), -real(diff)) // -i * diff
		d0[k], d2[k] = even+sum, even-sum
		d1[k], d3[k] = odd+turned, odd-turned
	}
}

// combine is the step for any p up to largestRadix.
func (f *fourier) combine(dst []complex128, p, m, stride int) {
	var in [largestRadix + 3]complex128
	n := p * m
	for k := range m {
		in[0] = dst[k]
		for r := 1; r < p; r++ {
			in[r] = times(dst[r*m+k], f.roots[r*k*stride])
		}
		for q := range p {
			sum, at := in[0], 0
			for r := 1; r < p; r++ {
				if at += q * m; at >= n {
					at -= n
				}
				sum += times(in[r], f.roots[at*stride])
			}
			dst[q*m+k] = sum
		}
	}
}

// times multiplies without fusing.
func times(a, b complex128) complex128 {
	return complex(
		float64(real(a)*real(b))-float64(imag(a)*imag(b)),
		float64(real(a)*imag(b))+float64(imag(a)*real(b)))
}

func conjugate(a complex128) complex128 { return complex(real(a), -imag(a)) }

// sinCos returns the sine and the cosine of 2 pi k/n for 0 <= k < n. The angle is
// brought into an eighth of the circle in whole numbers and the Taylor series
// does the rest, because math.Sin may differ between architectures.
func sinCos(k, n int) (sin, cos float64) {
	octant := 8 * k / n
	num := 8*k - octant*n // the angle in the octant, in 1/(8n) of the circle
	if octant%2 == 1 {
		num = n - num
	}
	x := math.Pi / 4 * float64(num) / float64(n)
	square := x * x
	s, c := 1.0, 1.0
	for i := 20; i >= 2; i -= 2 {
		s = 1 - float64(float64(square*s)/float64(i*(i+1)))
		c = 1 - float64(float64(square*c)/float64(i*(i-1)))
	}
	s *= x
	switch octant {
	case 0:
		return s, c
	case 1:
		return c, s
	case 2:
		return c, -s
	case 3:
		return s, -c
	case 4:
		return -s, -c
	case 5:
		return -c, -s
	case 6:
		return -c, s
	}
	return -s, c
}
