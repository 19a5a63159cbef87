package blend

// solver solves the five-point Poisson equation on the pixels under a mask, zero
// around them, for three channels at once: conjugate gradients with one multigrid
// V-cycle as the preconditioner (Tatebe, "The multigrid preconditioned conjugate
// gradient method", 1993). The mask may have any shape; a sine transform would
// need a rectangle.
//
// Grids hold three float32 a pixel, framed like the region. Values are zero
// wherever a pixel is no unknown, so that a sum over four neighbours needs no
// test. A product is rounded before it goes into a sum, and sums run in the order
// of the unknowns: every architecture gets the same bits.
type solver struct {
	levels        []level
	x, r, p, work []float32 // solution, residual, direction, its image
}

// level is one grid. A coarse pixel (x, y) lies on the fine pixel (2x+1, 2y+1).
type level struct {
	w, h, stride int
	state        []byte
	unknowns     []int32 // first those with an even x+y, then the others
	even         int     // how many of them are even
	parents      []int32 // of each unknown: 4 * the coarse pixel + 2 * (y odd) + (x odd)
	inverse      []float32
	u, f, res    []float32
}

const (
	// accuracy in levels: when no value of a correction is larger, the error that
	// is left is a fraction of it.
	accuracy = 0.25
	// maxIterations bounds the work where almost nothing holds the solution.
	maxIterations = 30
	// sweeps of Gauss and Seidel before and after a visit to the coarser grids,
	// and on the coarsest one.
	sweeps, coarsestSweeps = 1, 8
)

// build makes the levels for the region.
func (s *solver) build(r *region) {
	n := 0
	for w, h := r.w, r.h; ; w, h = w/2, h/2 {
		if n == len(s.levels) {
			s.levels = append(s.levels, level{})
		}
		l := &s.levels[:n+1][n]
		if n == 0 {
			l.w, l.h, l.stride = w, h, w+2
			l.state = append(l.state[:0], r.state...)
		} else {
			l.coarsen(&s.levels[n-1])
		}
		l.list()
		n++
		if w < 4 || h < 4 || len(l.unknowns) == 0 {
			break
		}
	}
	s.levels = s.levels[:n]
	size := 3 * len(r.state)
	for _, v := range []*[]float32{&s.x, &s.r, &s.p, &s.work} {
		*v = zeros(*v, size)
	}
}

// coarsen fills the states of l from the next finer level. The last coarse column
// and row stay within the fine frame.
func (l *level) coarsen(fine *level) {
	l.w, l.h = fine.w/2, fine.h/2
	l.stride = l.w + 2
	l.state = grow(l.state, l.stride*(l.h+2))
	for y := range l.h + 2 {
		from := fine.state[min(2*y, fine.h+1)*fine.stride:]
		for x := range l.stride {
			l.state[y*l.stride+x] = from[min(2*x, fine.w+1)]
		}
	}
}

// list collects the unknowns and clears the values.
func (l *level) list() {
	l.inverse = grow(l.inverse, len(l.state))
	l.unknowns, l.parents = l.unknowns[:0], l.parents[:0]
	for parity := range 2 {
		for y := 1; y <= l.h; y++ {
			for x := 1 + (y+1+parity)%2; x <= l.w; x += 2 {
				i := y*l.stride + x
				if l.state[i] != object {
					continue
				}
				neighbours := 0
				for _, j := range [4]int{i - 1, i + 1, i - l.stride, i + l.stride} {
					if l.state[j] != beyond {
						neighbours++
					}
				}
				l.inverse[i] = 1 / float32(max(neighbours, 1))
				l.unknowns = append(l.unknowns, int32(i))
				parent := y/2*(l.w/2+2) + x/2
				l.parents = append(l.parents, int32(4*parent+2*(y&1)+x&1))
			}
		}
		if parity == 0 {
			l.even = len(l.unknowns)
		}
	}
	size := 3 * len(l.state)
	l.u, l.f, l.res = zeros(l.u, size), zeros(l.f, size), zeros(l.res, size)
}

// solve improves s.x until the correction is small in every channel.
func (s *solver) solve() {
	l := &s.levels[0]
	l.residual(s.r, l.f, s.x)
	var before [3]float64
	for n := range maxIterations {
		copyAt(l.f, s.r, l.unknowns)
		s.cycle(0)
		rz := dot(s.r, l.u, l.unknowns)
		var beta [3]float32
		for c := range 3 {
			if n > 0 && before[c] > 0 {
				beta[c] = float32(rz[c] / before[c])
			}
		}
		before = rz
		largest := direct(s.p, l.u, beta, l.unknowns)
		l.apply(s.work, s.p)
		pap := dot(s.p, s.work, l.unknowns)
		var alpha [3]float32
		for c := range 3 {
			if pap[c] > 0 {
				alpha[c] = float32(rz[c] / pap[c])
			}
		}
		advance(s.x, s.r, s.p, s.work, alpha, l.unknowns)
		if largest < accuracy {
			return
		}
	}
}

// cycle makes levels[n].u an approximate solution for levels[n].f. It is the same
// forwards and backwards, as conjugate gradients need it.
func (s *solver) cycle(n int) {
	l := &s.levels[n]
	for _, i := range l.unknowns {
		l.u[3*i], l.u[3*i+1], l.u[3*i+2] = 0, 0, 0
	}
	even, odd := l.unknowns[:l.even], l.unknowns[l.even:]
	before := sweeps
	if n == len(s.levels)-1 {
		before = coarsestSweeps
	}
	for range before {
		l.relax(even)
		l.relax(odd)
	}
	if n+1 < len(s.levels) {
		l.residual(l.res, l.f, l.u)
		coarse := &s.levels[n+1]
		coarse.restrict(l)
		s.cycle(n + 1)
		l.prolong(coarse)
	}
	for range before {
		l.relax(odd)
		l.relax(even)
	}
}

// relax solves the equations of the listed unknowns, none of them neighbours.
func (l *level) relax(list []int32) {
	down := 3 * l.stride
	for _, at := range list {
		i, k := 3*int(at), l.inverse[at]
		u := l.u[i-down : i+down+3]
		f := l.f[i : i+3 : i+3]
		m := u[down-3 : down+6 : down+6]
		b := u[2*down : 2*down+3]
		m[3] = k * (f[0] + (m[0] + m[6]) + (u[0] + b[0]))
		m[4] = k * (f[1] + (m[1] + m[7]) + (u[1] + b[1]))
		m[5] = k * (f[2] + (m[2] + m[8]) + (u[2] + b[2]))
	}
}

// at returns the three channels of a pixel.
func at(v []float32, i int) *[3]float32 { return (*[3]float32)(v[i:]) }

// apply makes out the left side of the equations for u.
func (l *level) apply(out, u []float32) {
	down := 3 * l.stride
	for _, k := range l.unknowns {
		i, n := 3*int(k), l.neighbours(k)
		rows := u[i-down : i+down+3]
		m := (*[9]float32)(rows[down-3:])
		t, b := at(rows, 0), at(rows, 2*down)
		o := at(out, i)
		o[0] = float32(n*m[3]) - ((m[0] + m[6]) + (t[0] + b[0]))
		o[1] = float32(n*m[4]) - ((m[1] + m[7]) + (t[1] + b[1]))
		o[2] = float32(n*m[5]) - ((m[2] + m[8]) + (t[2] + b[2]))
	}
}

// residual makes out the right side f less the left side for u.
func (l *level) residual(out, f, u []float32) {
	down := 3 * l.stride
	for _, k := range l.unknowns {
		i, n := 3*int(k), l.neighbours(k)
		rows := u[i-down : i+down+3]
		m := (*[9]float32)(rows[down-3:])
		t, b := at(rows, 0), at(rows, 2*down)
		o, g := at(out, i), at(f, i)
		o[0] = g[0] - (float32(n*m[3]) - ((m[0] + m[6]) + (t[0] + b[0])))
		o[1] = g[1] - (float32(n*m[4]) - ((m[1] + m[7]) + (t[1] + b[1])))
		o[2] = g[2] - (float32(n*m[5]) - ((m[2] + m[8]) + (t[2] + b[2])))
	}
}

// neighbours returns how many neighbours unknown k has. Nearly all have four,
// which saves them the division.
func (l *level) neighbours(k int32) float32 {
	if v := l.inverse[k]; v != 0.25 {
		return 1 / v
	}
	return 4
}

// restrict makes the right side of l from the residual of the finer level, by the
// transpose of prolong. The equations are not divided by the square of the grid's
// width, which is where the weights' sum of 4 comes from.
func (l *level) restrict(fine *level) {
	d := 3 * fine.stride
	for _, at := range l.unknowns {
		i := 3 * int(at)
		x, y := int(at)%l.stride, int(at)/l.stride
		j := 3 * (2*y*fine.stride + 2*x)
		r := fine.res
		for c := range 3 {
			k := j + c
			near := (r[k-3] + r[k+3]) + (r[k-d] + r[k+d])
			far := (r[k-d-3] + r[k-d+3]) + (r[k+d-3] + r[k+d+3])
			l.f[i+c] = r[k] + float32(0.5*near) + float32(0.25*far)
		}
	}
}

// prolong adds the coarse solution to l, bilinearly interpolated. Of the four
// coarse pixels around a fine one some are the same where it lies on their grid,
// which makes their mean the right weights.
func (l *level) prolong(coarse *level) {
	u, parents := coarse.u, l.parents[:len(l.unknowns)]
	for n, k := range l.unknowns {
		parent := int(parents[n])
		j, right, d := 3*(parent>>2), 3*(parent&1), 3*coarse.stride*(parent>>1&1)
		a, b, c, e := at(u, j), at(u, j+right), at(u, j+d), at(u, j+d+right)
		o := at(l.u, 3*int(k))
		o[0] += float32(0.25 * ((a[0] + b[0]) + (c[0] + e[0])))
		o[1] += float32(0.25 * ((a[1] + b[1]) + (c[1] + e[1])))
		o[2] += float32(0.25 * ((a[2] + b[2]) + (c[2] + e[2])))
	}
}

// dot returns the inner product of each channel.
func dot(a, b []float32, list []int32) [3]float64 {
	var s0, s1, s2 float64
	for _, k := range list {
		v, w := at(a, 3*int(k)), at(b, 3*int(k))
		s0 += float64(float64(v[0]) * float64(w[0]))
		s1 += float64(float64(v[1]) * float64(w[1]))
		s2 += float64(float64(v[2]) * float64(w[2]))
	}
	return [3]float64{s0, s1, s2}
}

// direct makes p the new direction z + beta p and returns the largest |z|.
func direct(p, z []float32, beta [3]float32, list []int32) float32 {
	least, most := float32(0), float32(0)
	for _, k := range list {
		v, d := at(z, 3*int(k)), at(p, 3*int(k))
		d[0] = v[0] + float32(beta[0]*d[0])
		d[1] = v[1] + float32(beta[1]*d[1])
		d[2] = v[2] + float32(beta[2]*d[2])
		for _, w := range v {
			if w > most {
				most = w
			} else if w < least {
				least = w
			}
		}
	}
	return max(most, -least)
}

// advance moves x along p and takes the change off the residual.
func advance(x, r, p, image []float32, alpha [3]float32, list []int32) {
	for _, k := range list {
		i := 3 * int(k)
		o, q, d, m := at(x, i), at(r, i), at(p, i), at(image, i)
		o[0] += float32(alpha[0] * d[0])
		o[1] += float32(alpha[1] * d[1])
		o[2] += float32(alpha[2] * d[2])
		q[0] -= float32(alpha[0] * m[0])
		q[1] -= float32(alpha[1] * m[1])
		q[2] -= float32(alpha[2] * m[2])
	}
}

func copyAt(dst, src []float32, list []int32) {
	for _, k := range list {
		*at(dst, 3*int(k)) = *at(src, 3*int(k))
	}
}

// zeros returns s with n elements of zero, in its own memory when that is large
// enough.
func zeros(s []float32, n int) []float32 {
	s = grow(s, n)
	clear(s)
	return s
}
