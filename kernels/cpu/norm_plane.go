package cpu

// plane is a set of equal runs of elements in a tensor: rows of n elements whose
// beginnings are step apart.
type plane struct {
	v             []float32
	rows, n, step int
}

// chunkSize is how many elements are taken at a time, so that they stay in the
// cache between two passes and a float32 sum over them stays exact enough.
const chunkSize = 1 << 13

// chunks calls f with parts of p of about chunkSize: where they begin, and so
// many rows of n elements. It is the same for all planes of this form.
func (p plane) chunks(f func(at, rows, n int)) {
	if p.n > 2*chunkSize {
		for r := range p.rows {
			for lo := 0; lo < p.n; lo += chunkSize {
				f(r*p.step+lo, 1, min(chunkSize, p.n-lo))
			}
		}
		return
	}
	rows := max(1, chunkSize/p.n)
	for r := 0; r < p.rows; r += rows {
		f(r*p.step, min(rows, p.rows-r), p.n)
	}
}

// moments returns the mean and the biased variance. Each chunk is done in two
// passes, chunks are joined as in Chan, Golub and LeVeque (1979): no cancellation.
func (p plane) moments() (mean, variance float64) {
	count, m2 := 0.0, 0.0
	p.chunks(func(at, rows, size int) {
		n := float64(rows * size)
		x := p.v[at:]
		m := planeSum(x, rows, size, p.step) / n
		shift := float32(m)
		off := m - float64(shift)
		q := planeSquares(x, rows, size, p.step, shift) - n*off*off
		delta := m - mean
		total := count + n
		m2 += q + delta*delta*count*n/total
		mean += delta * n / total
		count = total
	})
	return mean, max(m2, 0) / count
}

// leastRow is how long a row has to be for vectors to be worth it.
const leastRow = 4

// normalise sets y = (x - mean) scale + shift, with max(y, 0) where relu.
func (y plane) normalise(x plane, mean, scale, shift float32, relu bool) {
	planeNormalise(y.v, x.v, y.rows, y.n, y.step, mean, scale, shift, relu)
}

// gradientSums returns the sums of dy and of dy (x - mean). Where y is given, dy
// counts only where y is above 0.
func (x plane) gradientSums(dy, y plane, mean float32) (s0, s1 float64) {
	x.chunks(func(at, rows, n int) {
		var above []float32
		if y.v != nil {
			above = y.v[at:]
		}
		a, b := planeGradSums(x.v[at:], dy.v[at:], above, rows, n, x.step, mean)
		s0, s1 = s0+a, s1+b
	})
	return s0, s1
}

// normaliseGrad sets dx = k dy + k1 (x - mean) + k0, dy counting as 0 where y is
// given and not above 0.
func (dx plane) normaliseGrad(dy, x, y plane, mean, k, k1, k0 float32) {
	planeNormaliseGrad(dx.v, dy.v, x.v, y.v, dx.rows, dx.n, dx.step, mean, k, k1, k0)
}

func portablePlaneSum(x []float32, rows, n, step int) float64 {
	sum := 0.0
	for r := range rows {
		for _, v := range x[r*step : r*step+n] {
			sum += float64(v)
		}
	}
	return sum
}

func portablePlaneSquares(x []float32, rows, n, step int, shift float32) float64 {
	sum := 0.0
	for r := range rows {
		for _, v := range x[r*step : r*step+n] {
			d := float64(v - shift)
			sum += d * d
		}
	}
	return sum
}

func portablePlaneNormalise(y, x []float32, rows, n, step int, mean, scale, shift float32, relu bool) {
	for r := range rows {
		d := y[r*step : r*step+n]
		for i, v := range x[r*step : r*step+n] {
			v = (v-mean)*scale + shift
			if relu {
				v = max(v, 0)
			}
			d[i] = v
		}
	}
}

func portablePlaneGradSums(x, dy, y []float32, rows, n, step int, mean float32) (s0, s1 float64) {
	for r := range rows {
		for i := r * step; i < r*step+n; i++ {
			if y != nil && y[i] <= 0 {
				continue
			}
			s0 += float64(dy[i])
			s1 += float64(dy[i]) * float64(x[i]-mean)
		}
	}
	return s0, s1
}

func portablePlaneNormaliseGrad(dx, dy, x, y []float32, rows, n, step int, mean, k, k1, k0 float32) {
	for r := range rows {
		for i := r * step; i < r*step+n; i++ {
			g := dy[i]
			if y != nil && y[i] <= 0 {
				g = 0
			}
			dx[i] = k*g + (k1*(x[i]-mean) + k0)
		}
	}
}

func planeSum(x []float32, rows, n, step int) float64 {
	if s, ok := fastPlaneSum(x, rows, n, step); ok {
		return s
	}
	return portablePlaneSum(x, rows, n, step)
}

func planeSquares(x []float32, rows, n, step int, shift float32) float64 {
	if s, ok := fastPlaneSquares(x, rows, n, step, shift); ok {
		return s
	}
	return portablePlaneSquares(x, rows, n, step, shift)
}

func planeNormalise(y, x []float32, rows, n, step int, mean, scale, shift float32, relu bool) {
	if !fastPlaneNormalise(y, x, rows, n, step, mean, scale, shift, relu) {
		portablePlaneNormalise(y, x, rows, n, step, mean, scale, shift, relu)
	}
}

func planeGradSums(x, dy, y []float32, rows, n, step int, mean float32) (s0, s1 float64) {
	if s0, s1, ok := fastPlaneGradSums(x, dy, y, rows, n, step, mean); ok {
		return s0, s1
	}
	return portablePlaneGradSums(x, dy, y, rows, n, step, mean)
}

func planeNormaliseGrad(dx, dy, x, y []float32, rows, n, step int, mean, k, k1, k0 float32) {
	if !fastPlaneNormaliseGrad(dx, dy, x, y, rows, n, step, mean, k, k1, k0) {
		portablePlaneNormaliseGrad(dx, dy, x, y, rows, n, step, mean, k, k1, k0)
	}
}
