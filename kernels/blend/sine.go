package blend

// sine is the discrete sine transform of type I of n real numbers,
// y[k] = sum of x[j] sin(pi (j+1)(k+1) / (n+1)). Applied twice it gives
// (n+1)/2 times what it was given.
type sine struct {
	n    int
	f    *fourier
	data []complex128
}

func newSine(n int) *sine {
	f := newFourier(2 * (n + 1))
	return &sine{n: n, f: f, data: make([]complex128, f.n)}
}

// pair transforms two rows at once. Continued as an odd function with period
// 2(n+1), a row has a transform of -2i times its sines; the second row rides in
// the imaginary parts.
func (s *sine) pair(a, b []float64) {
	clear(s.data)
	last := len(s.data)
	for j, v := range a {
		w := b[j]
		s.data[j+1] = complex(v, w)
		s.data[last-1-j] = complex(-v, -w)
	}
	s.f.transform(s.data)
	for k := range a {
		v := s.data[k+1]
		a[k], b[k] = -imag(v)/2, real(v)/2
	}
}

// sineCache keeps the transform that was used last.
type sineCache struct{ last *sine }

func (c *sineCache) get(n int) *sine {
	if c.last == nil || c.last.n != n {
		c.last = newSine(n)
	}
	return c.last
}
