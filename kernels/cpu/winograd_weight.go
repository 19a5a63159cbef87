package cpu

// winogradWeight is the gradient of 3 x 3 filters of a convolution of stride 1:
// dg = G^T [sum over tiles of (A dy A^T) . (B^T d B)] G, the transpose of the forward
// formula. Tiles are taken in chunks, in order; a chunk is transformed, then its
// products are added to the 36 sums of each pair of channels.
type winogradWeight struct {
	phase winogradWeightPhase

	n, c, h, w int // of x
	k, oh, ow  int // of dy
	top, left  int
	dw, dy, x  []float32

	ty, tx      int
	first, last int // rows of tiles in this chunk
	some        int // of them in a part
	kp          int // distance of a tile from the next in g
	kr, cr      int // rows and columns of a sum in u
	step        int // distance of a position from the next in u
	v, g, u     []float32
}

type winogradWeightPhase uint8

const (
	winogradOperands winogradWeightPhase = iota // a part transforms t.some rows of tiles of x and dy
	winogradSums                                // a part adds up some rows of one position
	winogradResults                             // a part makes one filter
)

const (
	winogradChunk = 9 << 18 // floats of g and v together: they stay in the third cache
	winogradRows  = 96      // rows of a sum in a part
	winogradCuts  = 16      // parts that a chunk's tiles are cut into, at most
)

func (e *Engine) runWinogradWeight(t *winogradWeight) {
	t.ty, t.tx = (t.oh+winogradTile-1)/winogradTile, (t.ow+winogradTile-1)/winogradTile
	t.kr, t.cr = roundUp(t.k, 6), roundUp(t.c, winogradPanel)
	t.kp = spread(roundUp(t.kr, lanes))
	all := t.n * t.ty
	rows := max(1, min(all, winogradChunk/(winogradAll*(t.kp+t.cr)*t.tx)))
	t.step = spread(t.kr * t.cr)
	t.v = e.borrow(winogradAll * spread(rows*t.tx*t.cr))
	t.g = e.borrow(winogradAll * spread(rows*t.tx*t.kp))
	t.u = e.borrow(winogradAll * t.step)
	for t.first = 0; t.first < all; t.first = t.last {
		t.last = min(t.first+rows, all)
		t.phase = winogradOperands
		t.some = (t.last - t.first + winogradCuts - 1) / winogradCuts
		e.run((t.last-t.first+t.some-1)/t.some, t)
		t.phase = winogradSums
		e.run(winogradAll*((t.kr+winogradRows-1)/winogradRows), t)
	}
	t.phase = winogradResults
	e.run(t.k, t)
	e.giveBack(t.v)
	e.giveBack(t.g)
	e.giveBack(t.u)
	*t = winogradWeight{}
}

func (t *winogradWeight) part(i int, s *scratch) {
	switch t.phase {
	case winogradOperands:
		from := t.first + i*t.some
		t.operands(from, min(from+t.some, t.last), s)
	case winogradSums:
		t.sum(i%winogradAll, i/winogradAll*winogradRows)
	case winogradResults:
		t.filter(i, s)
	}
}

// operands transforms the rows of tiles from to to, all channels of them: those
// of 8 are half a cache line, and the other half should come soon.
func (t *winogradWeight) operands(from, to int, s *scratch) {
	buf := s.floats((winogradTile*min(to-from, t.ty) + 2) * (t.tx*winogradTile + 2) * lanes)
	for r := from; r < to; {
		n, y := r/t.ty, r%t.ty
		count := min(t.ty-y, to-r)
		for c := 0; c < t.c; c += lanes {
			t.patches(buf, r, n, y, count, c)
		}
		for k := 0; k < t.k; k += lanes {
			t.gradients(buf, r, n, y, count, k)
		}
		r += count
	}
}

// patches writes channels c to c+8 of the patches of count rows of tiles from row r
// on, row y of image n, to v: for each of 36 positions and 16 channels tiles x 16.
func (t *winogradWeight) patches(buf []float32, r, n, y, count, c int) {
	width, tiles := t.tx*winogradTile+2, (t.last-t.first)*t.tx
	next := spread(tiles * t.cr)
	into := grid{winogradPatch * next, next, winogradPanel}
	from := grid{width * lanes, lanes, winogradTile * lanes}
	v := t.v[c/winogradPanel*tiles*winogradPanel+c%winogradPanel:]
	plane := t.x[(n*t.c+c)*t.h*t.w:]
	padLanes(buf, width, winogradTile*count+2, plane, t.h, t.w, min(lanes, t.c-c), y*winogradTile-t.top, -t.left)
	for i := range count {
		at := (r - t.first + i) * t.tx
		winogradInput(v[at*winogradPanel:], into, buf[i*winogradTile*width*lanes:], from, t.tx)
	}
}

// gradients writes channels k to k+8 of those tiles of dy to g: for each of 36
// positions tiles x kp.
func (t *winogradWeight) gradients(buf []float32, r, n, y, count, k int) {
	width := t.tx * winogradTile
	next := spread((t.last - t.first) * t.tx * t.kp)
	into := grid{winogradPatch * next, next, t.kp}
	from := grid{width * lanes, lanes, winogradTile * lanes}
	plane := t.dy[(n*t.k+k)*t.oh*t.ow:]
	padLanes(buf, width, winogradTile*count, plane, t.oh, t.ow, min(lanes, t.k-k), y*winogradTile, 0)
	for i := range count {
		at := (r - t.first + i) * t.tx
		winogradGrad(t.g[at*t.kp+k:], into, buf[i*winogradTile*width*lanes:], from, t.tx)
	}
}

// sum adds this chunk's products at position xi to rows k to k+winogradRows of u.
func (t *winogradWeight) sum(xi, k int) {
	tiles := (t.last - t.first) * t.tx
	g := t.g[xi*spread(tiles*t.kp):]
	for c := 0; c < t.cr; c += winogradPanel {
		v := t.v[xi*spread(tiles*t.cr)+c*tiles:]
		high := min(k+winogradRows, t.kr) - k
		convColumn(high/6, t.u[xi*t.step+k*t.cr+c:], t.cr, g[k:], 1, t.kp, v, winogradPanel, tiles, t.first > 0)
	}
}

// filter writes filter k of dw.
func (t *winogradWeight) filter(k int, s *scratch) {
	const taps = 9
	blocks := (t.c + lanes - 1) / lanes
	buf := s.floats(blocks * taps * lanes)
	from := grid{winogradPatch * t.step, t.step, lanes}
	winogradFilterGrad(buf, grid{3 * lanes, lanes, taps * lanes}, t.u[k*t.cr:], from, blocks)
	for b := range blocks {
		c := b * lanes
		fromLanes(t.dw[(k*t.c+c)*taps:], taps, buf[b*taps*lanes:], lanes, min(lanes, t.c-c), taps)
	}
}
