package cpu

// winogradTask is a convolution of stride 1 with 3 x 3 filters, or the gradient of
// its input, which is one of the same kind with the filters turned around. A part is
// either a range of tiles, for all channels, with the filters transformed before;
// or, where the tiles are few, a range of channels of the result, with the patches
// transformed before.
type winogradTask struct {
	phase winogradPhase

	n, c, h, w int // of the source x
	k, oh, ow  int // of the result y
	top, left  int // zeros around x
	rotated    bool

	y, x, filters, bias []float32
	floor               float32 // results are at least this

	ty, tx int // tiles of a map
	rows   int // rows of tiles in a part
	cp     int // distance of a patch from the next in v
	cu     int // distance of a position from the next in u
	u      []float32
	v      []float32
}

type winogradPhase uint8

const (
	winogradFilters  winogradPhase = iota // a part transforms 16 filters
	winogradPatches                       // a part transforms 8 channels of all patches
	winogradChannels                      // a part makes winogradBlock channels of y
	winogradTiles                         // a part makes t.rows rows of tiles of y
)

const (
	winogradPanel = 16 // filters side by side in u
	winogradParts = 8  // parts by tiles, or more: else there are too few for the workers
	winogradDepth = 64 // channels in one sum: shorter sums round less, and 64 brings the error near the definition's
	winogradMost  = 48 // tiles multiplied at once
	winogradBlock = 32 // channels of y made at once: their products stay in cache
)

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// runWinograd does t: y, x, filters, bias and the sizes are set.
func (e *Engine) runWinograd(t *winogradTask) {
	t.ty, t.tx = (t.oh+winogradTile-1)/winogradTile, (t.ow+winogradTile-1)/winogradTile
	t.cp, t.cu = roundUp(t.c, lanes), spread(t.c*winogradPanel)
	t.rows = max(1, winogradTilesFor(t.c)/t.tx)
	panels, rows := (t.k+winogradPanel-1)/winogradPanel, t.n*t.ty
	blocks := (rows + t.rows - 1) / t.rows
	if blocks >= winogradParts || t.k <= 2*winogradBlock {
		t.rows = max(1, min(t.rows, rows/winogradParts))
		blocks = (rows + t.rows - 1) / t.rows
		t.u = e.borrow(panels * winogradAll * t.cu)
		t.phase = winogradFilters
		e.run(panels, t)
		t.phase = winogradTiles
		e.run(blocks, t)
		e.giveBack(t.u)
	} else {
		t.v = e.borrow(t.patchFloats(rows * t.tx))
		t.phase = winogradPatches
		e.run((t.c+lanes-1)/lanes, t)
		t.phase = winogradChannels
		e.run((t.k+winogradBlock-1)/winogradBlock, t)
		e.giveBack(t.v)
	}
	*t = winogradTask{}
}

// spread returns at least n, so that values n apart fall into different sets of a
// cache: an odd number of its lines of 16 floats.
func spread(n int) int {
	lines := (n + 15) / 16
	return 16 * (lines + 1 - lines%2)
}

// winogradTilesFor returns how many tiles a part should have, for c channels: eight
// columns of six, fewer where their patches would not stay in the second cache.
func winogradTilesFor(c int) int {
	return max(winogradMost/2, min(winogradMost, 4096/c))
}

// patchFloats is the size of v for so many tiles: the products read in sixes.
func (t *winogradTask) patchFloats(tiles int) int { return winogradAll*spread(tiles*t.cp) + 6*t.cp }

func (t *winogradTask) part(i int, s *scratch) {
	switch t.phase {
	case winogradFilters:
		t.transformFilters(t.u[i*winogradAll*t.cu:], i, s)
	case winogradPatches:
		t.patches(t.v, i*lanes, 0, t.n*t.ty, s.floats(t.patchRows(t.n*t.ty)))
	case winogradChannels:
		from := i * winogradBlock / winogradPanel
		to := min(from+winogradBlock/winogradPanel, (t.k+winogradPanel-1)/winogradPanel)
		u := s.floats((to - from) * winogradAll * t.cu)
		for p := from; p < to; p++ {
			t.transformFilters(u[(p-from)*winogradAll*t.cu:], p, s)
		}
		t.products(t.v, u, from, to, 0, t.n*t.ty, s)
	case winogradTiles:
		from, to := i*t.rows, min((i+1)*t.rows, t.n*t.ty)
		v := s.floats(t.patchFloats((to - from) * t.tx))
		buf := s.floats(t.patchRows(to - from))
		for c := 0; c < t.c; c += lanes {
			t.patches(v, c, from, to, buf)
		}
		t.products(v, t.u, 0, (t.k+winogradPanel-1)/winogradPanel, from, to, s)
	}
}

// transformFilters writes panel p of 16 filters: for each of 36 positions c x 16.
func (t *winogradTask) transformFilters(u []float32, p int, s *scratch) {
	const taps, some = 9, 32
	buf := s.floats(some * taps * lanes)
	to := grid{winogradPatch * t.cu, t.cu, winogradPanel}
	for half := range 2 {
		k := p*winogradPanel + half*lanes
		n := max(0, min(lanes, t.k-k))
		for c := 0; c < t.c; c += some {
			count := min(some, t.c-c)
			at, from := 0, grid{3 * lanes, lanes, taps * lanes}
			switch {
			case n == 0:
				clear(buf)
			case t.rotated: // filter k of the gradient is channel k of every filter
				for j := range count {
					toLanes(buf[j*taps*lanes:], lanes, t.filters[((c+j)*t.k+k)*taps:], taps, n, taps)
				}
				at, from = (taps-1)*lanes, grid{-3 * lanes, -lanes, taps * lanes}
			default:
				toLanes(buf, lanes, t.filters[(k*t.c+c)*taps:], t.c*taps, n, count*taps)
			}
			winogradFilter(u[c*winogradPanel+half*lanes:], to, buf, at, from, count)
		}
	}
}

// patches writes the transformed patches of channels c to c+8 of the rows of
// tiles from to to: for each of 36 positions tiles x cp. buf has patchRows floats.
func (t *winogradTask) patches(v []float32, c, from, to int, buf []float32) {
	width := t.tx*winogradTile + 2
	next := spread((to - from) * t.tx * t.cp)
	into := grid{winogradPatch * next, next, t.cp}
	for r := from; r < to; {
		n, y := r/t.ty, r%t.ty
		count := min(t.ty-y, to-r)
		plane := t.x[(n*t.c+c)*t.h*t.w:]
		padLanes(buf, width, winogradTile*count+2, plane, t.h, t.w, min(lanes, t.c-c), y*winogradTile-t.top, -t.left)
		for i := range count {
			at := (r - from + i) * t.tx
			winogradInput(v[at*t.cp+c:], into, buf[i*winogradTile*width*lanes:], grid{width * lanes, lanes, winogradTile * lanes}, t.tx)
		}
		r += count
	}
}

// patchRows is the size of the buffer that patches needs for so many rows of tiles.
func (t *winogradTask) patchRows(rows int) int {
	return (winogradTile*min(rows, t.ty) + 2) * (t.tx*winogradTile + 2) * lanes
}

// padLanes writes rows top to top+rows and columns left to left+width of 8 images
// of h by w, with zeros around them, value beside value: rows x width x 8. Only the
// first count images are there; the others are zeros.
func padLanes(dst []float32, width, rows int, src []float32, h, w, count, top, left int) {
	from := min(max(0, -left), width)
	to := max(from, min(width, w-left))
	for i := range rows {
		d := dst[i*width*lanes:][:width*lanes]
		y := top + i
		if y < 0 || y >= h || from == to {
			clear(d)
			continue
		}
		clear(d[:from*lanes])
		toLanes(d[from*lanes:], lanes, src[y*w+left+from:], h*w, count, to-from)
		clear(d[to*lanes:])
	}
}

// products multiplies patches and filters of panels from to to and writes the
// results of the rows of tiles first to last. v begins with row first.
func (t *winogradTask) products(v, u []float32, from, to, first, last int, s *scratch) {
	const perBlock = winogradBlock / winogradPanel
	next := spread((last - first) * t.tx * t.cp) // position in v
	some := max(1, min(last-first, winogradMost/t.tx))
	m := s.floats(winogradAll * spread(roundUp(some*t.tx, 6)*winogradBlock))
	out := s.floats(winogradTile * winogradTile * t.tx * lanes)
	edge := s.floats(2 * lanes)
	size := winogradAll * t.cu // of a panel of u
	for p := from; p < to; p += perBlock {
		count := min(perBlock, to-p)
		for r := first; r < last; r += some {
			rows := min(some, last-r)
			tiles := rows * t.tx
			step := spread(roundUp(tiles, 6) * winogradBlock)
			for xi := range winogradAll {
				a := v[xi*next+(r-first)*t.tx*t.cp:]
				for q := range count {
					b := u[(p-from+q)*size+xi*t.cu:]
					for c := 0; c < t.c; c += winogradDepth {
						convColumn((tiles+5)/6, m[xi*step+q*winogradPanel:], winogradBlock, a[c:], t.cp, 1, b[c*winogradPanel:], winogradPanel, min(winogradDepth, t.c-c), c > 0)
					}
				}
			}
			for k := p * winogradPanel; k < min((p+count)*winogradPanel, t.k); k += lanes {
				t.results(m[k-p*winogradPanel:], step, k, r, rows, out, edge)
			}
		}
	}
}

// results writes channels k to k+8 of rows of tiles from their products m,
// where positions are step apart.
func (t *winogradTask) results(m []float32, step, k, first, rows int, out, edge []float32) {
	count := min(lanes, t.k-k)
	for l := range lanes {
		edge[l], edge[lanes+l] = 0, t.floor
		if t.bias != nil && l < count {
			edge[l] = t.bias[k+l]
		}
	}
	from := grid{winogradPatch * step, step, winogradBlock}
	width := winogradTile * t.tx
	for i := range rows {
		n, y := (first+i)/t.ty, (first+i)%t.ty*winogradTile
		winogradOutput(out, grid{width * lanes, lanes, winogradTile * lanes}, m[i*t.tx*winogradBlock:], from, t.tx, edge)
		for j := range min(winogradTile, t.oh-y) {
			fromLanes(t.y[(n*t.k+k)*t.oh*t.ow+(y+j)*t.ow:], t.oh*t.ow, out[j*width*lanes:], lanes, count, t.ow)
		}
	}
}
