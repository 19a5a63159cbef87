package cpu

import "math"

// The loops below are the definition that the assembly is held against, bit for
// bit. Each product is converted to float32 before it is added, which keeps a
// compiler from fusing the two: Go may do so on arm64.

func stepSqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// stepGradient is Scale g + Decay p; the two coefficients come first in every loop.
func stepGradient(k *[16]float32, p, g float32) float32 {
	return float32(k[0]*g) + float32(k[1]*p)
}

// stepMax is the larger number, and the second where one is no number: as VMAXPS.
func stepMax(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}

// sgdPortable: a is the momentum or nil. k: Scale, Decay, Keep, Take, Direct, Momentum, Rate.
func sgdPortable(t *stepTask, from, to int) {
	k := &t.k
	p, g := t.p[from:to], t.g[from:to]
	if t.a == nil {
		for i := range p {
			p[i] -= float32(k[6] * float32(k[4]*stepGradient(k, p[i], g[i])))
		}
		return
	}
	m := t.a[from:to]
	for i := range p {
		x := stepGradient(k, p[i], g[i])
		y := float32(k[2]*m[i]) + float32(k[3]*x)
		m[i] = y
		p[i] -= float32(k[6] * (float32(k[4]*x) + float32(k[5]*y)))
	}
}

// adamPortable: a, b, c, d are m, v, w, u; all but v may be nil. k: Scale, Decay,
// M1, M2, V1, V2, A, B, Root, Eps, Shrink, Add.
func adamPortable(t *stepTask, from, to int) {
	k := &t.k
	for i := from; i < to; i++ {
		x := stepGradient(k, t.p[i], t.g[i])
		u := float32(k[7] * x)
		if t.a != nil {
			m := float32(k[2]*t.a[i]) + float32(k[3]*x)
			t.a[i] = m
			u = float32(k[6]*m) + u
		}
		v := float32(k[4]*t.b[i]) + float32(k[5]*float32(x*x))
		t.b[i] = v
		if t.c != nil {
			v = stepMax(t.c[i], v)
			t.c[i] = v
		}
		u /= float32(k[8]*stepSqrt(v)) + k[9]
		stepUpdate(t, i, u)
	}
}

// adamaxPortable is adamPortable with the infinity norm in v.
func adamaxPortable(t *stepTask, from, to int) {
	k := &t.k
	for i := from; i < to; i++ {
		x := stepGradient(k, t.p[i], t.g[i])
		u := float32(k[7] * x)
		if t.a != nil {
			m := float32(k[2]*t.a[i]) + float32(k[3]*x)
			t.a[i] = m
			u = float32(k[6]*m) + u
		}
		v := stepMax(float32(k[4]*t.b[i]), float32(math.Abs(float64(x)))+k[9])
		t.b[i] = v
		stepUpdate(t, i, u/v)
	}
}

// stepUpdate is the end of both: the update goes to its tensor or into p.
func stepUpdate(t *stepTask, i int, u float32) {
	u += float32(t.k[11] * t.p[i])
	if t.d != nil {
		t.d[i] = u
		return
	}
	t.p[i] = float32(t.k[10]*t.p[i]) - u
}

// rmsPortable: a, b, c are m, v, the mean; m and the mean may be nil. k: Scale, Decay,
// V1, V2, Inside, Outside, Momentum, A, B, Shrink.
func rmsPortable(t *stepTask, from, to int) {
	k := &t.k
	for i := from; i < to; i++ {
		x := stepGradient(k, t.p[i], t.g[i])
		v := float32(k[2]*t.b[i]) + float32(k[3]*float32(x*x))
		t.b[i] = v
		if t.c != nil {
			c := float32(k[2]*t.c[i]) + float32(k[3]*x)
			t.c[i] = c
			v -= float32(c * c)
		}
		m := float32(k[7]*x) / (stepSqrt(v+k[4]) + k[5])
		if t.a != nil {
			m = float32(k[6]*t.a[i]) + m
			t.a[i] = m
		}
		t.p[i] = float32(k[9]*t.p[i]) - float32(k[8]*m)
	}
}

// lionPortable: a is m. k: Scale, Decay, Beta1, 1-Beta1, Beta2, 1-Beta2, Shrink, Rate.
func lionPortable(t *stepTask, from, to int) {
	k := &t.k
	p, g, m := t.p[from:to], t.g[from:to], t.a[from:to]
	for i := range p {
		x := stepGradient(k, p[i], g[i])
		c := float32(k[2]*m[i]) + float32(k[3]*x)
		sign := float32(0)
		switch {
		case c > 0:
			sign = k[7]
		case c < 0:
			sign = -k[7]
		}
		p[i] = float32(k[6]*p[i]) - sign
		m[i] = float32(k[4]*m[i]) + float32(k[5]*x)
	}
}

// adanPortable: a, b, c, d are m, the mean difference, n and the last gradient. k:
// Scale, Decay, M1, M2, D1, D2, N1, N2, A, B, Root, Eps, Before, After.
func adanPortable(t *stepTask, from, to int) {
	k := &t.k
	for i := from; i < to; i++ {
		x := stepGradient(k, t.p[i], t.g[i])
		e := x - t.d[i]
		t.d[i] = x
		m := float32(k[2]*t.a[i]) + float32(k[3]*x)
		d := float32(k[4]*t.b[i]) + float32(k[5]*e)
		s := x + float32(k[4]*e)
		n := float32(k[6]*t.c[i]) + float32(k[7]*float32(s*s))
		t.a[i], t.b[i], t.c[i] = m, d, n
		u := (float32(k[8]*m) + float32(k[9]*d)) / (float32(k[10]*stepSqrt(n)) + k[11])
		t.p[i] = (float32(k[12]*t.p[i]) - u) * k[13]
	}
}

// lerpPortable: p += k[0] (g - p).
func lerpPortable(t *stepTask, from, to int) {
	k := t.k[0]
	p, x := t.p[from:to], t.g[from:to]
	for i := range p {
		p[i] += float32(k * (x[i] - p[i]))
	}
}
