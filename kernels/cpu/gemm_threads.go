package cpu

// gemmTask is one product on all workers. C is cut into blocks of rows and columns,
// a part each. An operand that several blocks need is packed for all of them
// before, a range of k at a time; one that a single block needs is packed by it.
type gemmTask struct {
	m, n, k     int
	alpha, beta float32
	a, b, c     []float32
	ars, acs    int
	brs, bcs    int
	crs         int
	bias        []float32 // added to every row, nil: none

	rowBlocks, colBlocks int

	pa, pb   []float32 // packed operands, nil where a block packs its own
	from, to int       // range of k
	packing  bool
}

const (
	gemmPartWork  = 8 << 20 // operations in a part, about
	gemmPartLimit = 64      // most parts
	gemmPartsFew  = 6       // fewest parts to be content with
	gemmPartsMany = 16      // parts that suffice
	gemmColsLeast = 64      // columns in a block
	gemmPackLimit = 2 << 20 // floats packed at a time, about
	gemmSlab      = 8192    // columns in one go
)

// gemm runs t and forgets its operands.
func (e *Engine) gemm(t *gemmTask) {
	n, b, c, bias := t.n, t.b, t.c, t.bias
	for j := 0; j < n; j += gemmSlab {
		t.n, t.b, t.c = min(gemmSlab, n-j), b[j*t.bcs:], c[j:]
		if bias != nil {
			t.bias = bias[j:]
		}
		beta := t.beta
		e.gemmSlab(t)
		t.beta = beta
	}
	t.a, t.b, t.c, t.bias, t.pa, t.pb = nil, nil, nil, nil, nil, nil
}

// gemmSlab runs t on a part of its columns that is small enough to be packed at once.
func (e *Engine) gemmSlab(t *gemmTask) {
	t.cut()
	t.pa, t.pb = nil, nil
	shared, depth := t.share(), t.k
	if shared == 0 {
		t.from, t.to = 0, t.k
		e.run(t.rowBlocks*t.colBlocks, t)
		return
	}
	kc := gemmDepth(t.k)
	depth = max(1, gemmPackLimit/shared/kc) * kc
	buf := e.borrow(shared * min(depth, t.k))
	for t.from = 0; t.from < t.k; t.from = t.to {
		t.to = min(t.k, t.from+depth)
		t.pack(e, buf)
		e.run(t.rowBlocks*t.colBlocks, t)
		t.bias, t.beta = nil, 1
	}
	e.giveBack(buf)
}

// giveBack ends a borrow.
func (a *arena) giveBack(buf []float32) {
	p := &buf[0]
	size := a.lent[p]
	delete(a.lent, p)
	a.inUse -= 4 * int64(size)
	class, _ := classOf(size)
	a.free[class] = append(a.free[class], buf[:size:size])
}

// cut chooses the blocks. Rows are cut first: a block of rows packs its own A.
// Columns are cut too where there are few rows, unless A is so large that packed
// for several blocks it would go through memory.
func (t *gemmTask) cut() {
	parts := max(1, min(gemmPartLimit, 2*t.m*t.n*t.k/gemmPartWork))
	t.rowBlocks, t.colBlocks = min(parts, panels(t.m, gemmMC)), 1
	switch {
	case t.rowBlocks >= gemmPartsMany, t.rowBlocks >= gemmPartsFew && t.m*t.k > gemmPackLimit:
		t.rowBlocks = min(parts, (t.rowBlocks+3)&^3) // even for a few workers
	case t.rowBlocks < parts:
		t.colBlocks = max(1, min(panels(parts, t.rowBlocks), t.n/gemmColsLeast))
		if t.colBlocks == 1 {
			t.rowBlocks = min(parts, gemmPartsMany, panels(t.m, 4*gemmMR))
		}
	}
}

// panels returns in how many pieces of size at most n is cut.
func panels(n, size int) int { return (n + size - 1) / size }

// block returns the bounds of block i of count blocks of n: whole panels.
func block(n, panel, count, i int) (from, to int) {
	from, to = split(panels(n, panel), count, i)
	return from * panel, min(n, to*panel)
}

// share returns how many floats a step of k needs packed for all blocks.
func (t *gemmTask) share() int {
	size := 0
	if t.k == 0 {
		return 0
	}
	if t.colBlocks > 1 {
		size += packedASize(t.m, 1)
	}
	if t.rowBlocks > 1 {
		size += packedBSize(1, t.n)
	}
	return size
}

// pack packs the range of k of the operands that several blocks need.
func (t *gemmTask) pack(e *Engine, buf []float32) {
	k := t.to - t.from
	count := 0
	if t.colBlocks > 1 {
		size := packedASize(t.m, k)
		t.pa, buf = buf[:size], buf[size:]
		count += size / k / gemmMR
	}
	if t.rowBlocks > 1 {
		t.pb = buf[:packedBSize(k, t.n)]
		count += len(t.pb) / k / gemmNR
	}
	t.packing = true
	e.run(min(count, gemmPartLimit), t)
	t.packing = false
}

func (t *gemmTask) part(i int, s *scratch) {
	if t.packing {
		t.packPart(i)
		return
	}
	r, rows := block(t.m, gemmMR, t.rowBlocks, i%t.rowBlocks)
	c, cols := block(t.n, gemmNR, t.colBlocks, i/t.rowBlocks)
	m, n, k := rows-r, cols-c, t.to-t.from
	if m <= 0 || n <= 0 {
		return
	}
	out := t.c[r*t.crs+c:]
	beta, bias := t.beta, t.bias
	if bias != nil {
		bias = bias[c:cols]
	}
	if bias != nil && t.pb == nil {
		addBias(out, m, n, t.crs, bias, beta)
		bias, beta = nil, 1
	}
	a, b := t.a[r*t.ars+t.from*t.acs:], t.b[t.from*t.brs+c*t.bcs:]
	switch {
	case t.pa != nil && t.pb != nil:
		gemmPacked(m, n, k, t.alpha, t.pa[r*k:], t.pb[c*k:], beta, out, t.crs, bias)
	case t.pa != nil:
		gemmPackedA(s, m, n, k, t.alpha, t.pa[r*k:], b, t.brs, t.bcs, beta, out, t.crs)
	case t.pb != nil:
		gemmPackedB(s, m, n, k, t.alpha, a, t.ars, t.acs, t.pb[c*k:], beta, out, t.crs, bias)
	default:
		gemmPart(s, m, n, k, t.alpha, a, t.ars, t.acs, b, t.brs, t.bcs, beta, out, t.crs)
	}
}

// packPart packs a share of the panels, those of A before those of B.
func (t *gemmTask) packPart(i int) {
	k := t.to - t.from
	ofA, ofB := len(t.pa)/k/gemmMR, len(t.pb)/k/gemmNR
	from, to := split(ofA+ofB, min(ofA+ofB, gemmPartLimit), i)
	if a := min(to, ofA); from < a {
		r := from * gemmMR
		packA(t.pa[r*k:], min(a*gemmMR, t.m)-r, k, t.a[r*t.ars+t.from*t.acs:], t.ars, t.acs)
	}
	if b := max(from, ofA); b < to {
		c := (b - ofA) * gemmNR
		packB(t.pb[c*k:], k, min((to-ofA)*gemmNR, t.n)-c, t.b[t.from*t.brs+c*t.bcs:], t.brs, t.bcs)
	}
}
