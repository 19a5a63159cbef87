package cpu

// dotTask is a product of few rows with the transpose of a matrix, such as a layer
// on a batch of one: dot products, which read the matrix once and as it lies.
type dotTask struct {
	m, n, k     int
	alpha, beta float32
	a, b, c     []float32
	ars, bcs    int
	crs         int
	bias        []float32
	parts       int
}

const dotRows = 4 // most rows for which dot products are faster than tiles

// dots runs t as dot products and forgets it, where it is a product of that kind.
func (e *Engine) dots(t *gemmTask) bool {
	d := &e.dot
	switch {
	case t.acs == 1 && t.brs == 1 && t.m <= dotRows:
		*d = dotTask{m: t.m, n: t.n, k: t.k, a: t.a, b: t.b, c: t.c, ars: t.ars, bcs: t.bcs, crs: t.crs, bias: t.bias}
	case t.acs == 1 && t.brs == 1 && t.n == 1 && t.crs == 1 && t.bias == nil:
		*d = dotTask{m: 1, n: t.m, k: t.k, a: t.b, b: t.a, c: t.c, ars: t.k, bcs: t.ars, crs: t.m}
	default:
		return false
	}
	d.alpha, d.beta = t.alpha, t.beta
	d.parts = partsOf(d.n, 2*d.m*d.k)
	e.run(d.parts, d)
	*d = dotTask{}
	return true
}

func (t *dotTask) part(i int, _ *scratch) {
	from, to := split(t.n, t.parts, i)
	for j := from; j < to; j++ {
		column := t.b[j*t.bcs:][:t.k]
		for r := range t.m {
			at := r*t.crs + j
			y := t.alpha * dotFloats(column, t.a[r*t.ars:])
			if t.bias != nil {
				y += t.bias[j]
			}
			if t.beta != 0 {
				y += t.beta * t.c[at]
			}
			t.c[at] = y
		}
	}
}
