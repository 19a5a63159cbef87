package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

// depthwiseTask is a convolution whose groups have one channel each, or a gradient
// of it. A plane of the image is laid out with zeros around it and, where the stride
// is more than 1, with the rows and columns of each remainder for themselves. Then
// all results of a filter are one correlation along a line: what a tap reads lies at
// a constant distance from the result. Results between the rows are not used.
type depthwiseTask struct {
	kind      depthwiseKind
	s         ops.ConvShape
	dst, p, q []float32 // forward: y, x, w; input: dx, dy, w; weight: dw, dy, x
	bias      []float32
	floor     float32

	space   phaseGrid // of x; for the gradient of the input of dy
	offsets []int     // of the taps in space, in bytes
	from    []int     // the gradient of the input: first tap of each remainder, and the end
	index   []int     // of the taps in a filter
}

type depthwiseKind uint8

const (
	depthwiseForward depthwiseKind = iota // a part makes what one plane of x gives
	depthwiseInput                        // a part makes one plane of dx
	depthwiseWeight                       // a part makes the filters of one channel
)

// phaseGrid is the layout of planes in scratch memory: for each remainder of the
// division of rows and columns by the stride rows x cols values.
type phaseGrid struct {
	rows, cols int
	stride     [2]int
	top, left  int // zeros before the image
	line       int // results of a filter, between the rows too
}

// size is that of a plane. The loops over lines run over its end by up to a vector
// and by what a tap lies to the right, less than a row.
func (g *phaseGrid) size() int { return g.rows*g.cols*g.stride[0]*g.stride[1] + g.cols + 64 }

// at returns the distance of row y and column x, counted from the first zero, from
// the value of the same result in the first remainder.
func (g *phaseGrid) at(y, x int) int {
	phase := y%g.stride[0]*g.stride[1] + x%g.stride[1]
	return (phase*g.rows+y/g.stride[0])*g.cols + x/g.stride[1]
}

// lay copies an image of h x w into dst.
func (g *phaseGrid) lay(dst, image []float32, h, w int) {
	clear(dst)
	if g.stride[1] == 2 {
		for y := range h {
			g.layPairs(dst, image[y*w:][:w], y+g.top)
		}
		return
	}
	for p := range g.stride[0] * g.stride[1] {
		first := p%g.stride[1] - g.left
		from, to := inside(first, g.stride[1], w, g.cols)
		for r := range g.rows {
			y := r*g.stride[0] + p/g.stride[1] - g.top
			if uint(y) < uint(h) && from < to {
				copyStrided(dst[(p*g.rows+r)*g.cols+from:][:to-from], image[y*w+first+from*g.stride[1]:], g.stride[1])
			}
		}
	}
}

// layPairs copies a row of the image, row y from the first zero, for columns of
// stride 2: its values go by turns to the two remainders.
func (g *phaseGrid) layPairs(dst, row []float32, y int) {
	r := y / g.stride[0]
	if r >= g.rows {
		return
	}
	p := y % g.stride[0] * 2
	first := g.left % 2 // the remainder of the first value
	even, odd := dst[((p+first)*g.rows+r)*g.cols:][:g.cols], dst[((p+1-first)*g.rows+r)*g.cols:][:g.cols]
	even, odd = even[min(g.left/2, g.cols):], odd[min((g.left+1)/2, g.cols):]
	n := min(len(row)/2, len(even), len(odd))
	separate(even[:n], odd[:n], row)
	for i := 2 * n; i < len(row); i++ { // an odd end, or one that no window reads
		into := even
		if i%2 == 1 {
			into = odd
		}
		if i/2 < len(into) {
			into[i/2] = row[i]
		}
	}
}

// runDepthwise sets dst. p and q are the operands, as in depthwiseTask.
func (e *Engine) runDepthwise(kind depthwiseKind, s *ops.ConvShape, dst, p, q, bias []float32, floor float32) {
	t := &e.convState.depthwise
	*t = depthwiseTask{kind: kind, s: *s, dst: dst, p: p, q: q, bias: bias, floor: floor,
		offsets: t.offsets[:0], from: t.from[:0], index: t.index[:0]}
	parts := s.N * s.C
	switch kind {
	case depthwiseInput:
		t.planInput()
	case depthwiseWeight:
		parts = s.C
		t.planForward()
	default:
		t.planForward()
	}
	e.run(parts, t)
	t.dst, t.p, t.q, t.bias = nil, nil, nil, nil
}

func (t *depthwiseTask) planForward() {
	s := &t.s
	g := &t.space
	*g = phaseGrid{stride: s.Stride, top: s.Padding[0], left: s.Padding[1],
		rows: s.OH + (s.KH-1)*s.Dilation[0]/s.Stride[0], cols: s.OW + (s.KW-1)*s.Dilation[1]/s.Stride[1]}
	g.line = roundUp(s.OH*g.cols, 16)
	for i := range s.KH * s.KW {
		t.offsets = append(t.offsets, 4*g.at(i/s.KW*s.Dilation[0], i%s.KW*s.Dilation[1]))
	}
}

// planInput lists the taps of each remainder of dx, those of all filters of a
// channel one after the other.
func (t *depthwiseTask) planInput() {
	s := &t.s
	g := &t.space
	high := func(axis, kernel int) (before, after int) {
		d, p, stride := s.Dilation[axis], s.Padding[axis], s.Stride[axis]
		return max(0, ((kernel-1)*d-p+stride-1)/stride), (stride - 1 + p) / stride
	}
	top, bottom := high(0, s.KH)
	left, right := high(1, s.KW)
	*g = phaseGrid{stride: [2]int{1, 1}, top: top, left: left,
		rows: top + (s.H-1)/s.Stride[0] + 1 + bottom, cols: left + (s.W-1)/s.Stride[1] + 1 + right}
	g.line = roundUp(((s.H-1)/s.Stride[0]+1)*g.cols, 16)
	for r := range s.Stride[0] * s.Stride[1] {
		t.from = append(t.from, len(t.offsets))
		for k := range s.KG {
			for i := range s.KH * s.KW {
				y := r/s.Stride[1] + s.Padding[0] - i/s.KW*s.Dilation[0]
				x := r%s.Stride[1] + s.Padding[1] - i%s.KW*s.Dilation[1]
				if y%s.Stride[0] == 0 && x%s.Stride[1] == 0 {
					t.offsets = append(t.offsets, 4*(k*g.size()+g.at(top+y/s.Stride[0], left+x/s.Stride[1])))
					t.index = append(t.index, k*s.KH*s.KW+i)
				}
			}
		}
	}
	t.from = append(t.from, len(t.offsets))
}

func (t *depthwiseTask) part(i int, s *scratch) {
	switch t.kind {
	case depthwiseForward:
		t.forward(i/t.s.C, i%t.s.C, s)
	case depthwiseInput:
		t.input(i/t.s.C, i%t.s.C, s)
	case depthwiseWeight:
		t.weight(i, s)
	}
}

func (t *depthwiseTask) biasOf(c int) float32 {
	if t.bias == nil {
		return 0
	}
	return t.bias[c]
}

func (t *depthwiseTask) forward(n, c int, w *scratch) {
	s, g := &t.s, &t.space
	plane, line := w.floats(g.size()), w.floats(g.line)
	g.lay(plane, t.p[(n*s.C+c)*s.H*s.W:], s.H, s.W)
	for k := c * s.KG; k < (c+1)*s.KG; k++ {
		weightedSum(line, plane, t.offsets, t.q[k*s.Len:][:s.Len], g.line)
		bias := t.biasOf(k)
		for y := range s.OH {
			row, from := t.dst[((n*s.K+k)*s.OH+y)*s.OW:][:s.OW], line[y*g.cols:]
			if bias == 0 && t.floor != 0 {
				copy(row, from)
				continue
			}
			for x, v := range from[:s.OW] {
				if v += bias; v < t.floor {
					v = t.floor
				}
				row[x] = v
			}
		}
	}
}

func (t *depthwiseTask) input(n, c int, w *scratch) {
	s, g := &t.s, &t.space
	planes, lines := w.floats(s.KG*g.size()), w.floats(s.Stride[1]*g.line)
	weights := w.floats(len(t.offsets))
	for k := range s.KG {
		g.lay(planes[k*g.size():][:g.size()], t.p[(n*s.K+c*s.KG+k)*s.OH*s.OW:], s.OH, s.OW)
	}
	for i, at := range t.index {
		weights[i] = t.q[c*s.KG*s.Len+at]
	}
	bias := t.biasOf(c)
	for top := range min(s.Stride[0], s.H) {
		for left := range s.Stride[1] {
			r, line := top*s.Stride[1]+left, lines[left*g.line:][:g.line]
			if from, to := t.from[r], t.from[r+1]; from < to {
				weightedSum(line, planes, t.offsets[from:to], weights[from:to], g.line)
			} else {
				clear(line)
			}
		}
		if bias != 0 {
			for i := range lines {
				lines[i] += bias
			}
		}
		for y := top; y < s.H; y += s.Stride[0] {
			row, at := t.dst[((n*s.C+c)*s.H+y)*s.W:][:s.W], y/s.Stride[0]*g.cols
			weave(row, lines[at:], g.line, s.Stride[1])
		}
	}
}

// weave fills row by turns from n lines, which are size apart.
func weave(row, lines []float32, size, n int) {
	switch n {
	case 1:
		copy(row, lines)
	case 2:
		interleave(row[:len(row)&^1], lines, lines[size:])
		if i := len(row) - 1; i%2 == 0 {
			row[i] = lines[i/2]
		}
	default:
		for i := range row {
			row[i] = lines[i%n*size+i/n]
		}
	}
}

// weight adds the sums of the images up in their order.
func (t *depthwiseTask) weight(c int, w *scratch) {
	s, g := &t.s, &t.space
	plane, line := w.floats(g.size()), w.floats(g.line)
	sums := w.floats(lanes * s.Len)
	dw := t.dst[c*s.KG*s.Len:][:s.KG*s.Len]
	clear(dw)
	for n := range s.N {
		g.lay(plane, t.q[(n*s.C+c)*s.H*s.W:], s.H, s.W)
		for k := range s.KG {
			clear(line)
			dy := t.p[(n*s.K+c*s.KG+k)*s.OH*s.OW:]
			for y := range s.OH {
				copy(line[y*g.cols:], dy[y*s.OW:][:s.OW])
			}
			dotSums(sums, line, plane, t.offsets, g.line)
			for i := range s.Len {
				sum := float32(0)
				for _, v := range sums[i*lanes:][:lanes] {
					sum += v
				}
				dw[k*s.Len+i] += sum
			}
		}
	}
}

// weightedSumPortable sets dst[i], i < n, to the sum over t of
// weights[t] src[i+offsets[t]/4].
func weightedSumPortable(dst, src []float32, offsets []int, weights []float32, n int) {
	for i := range n {
		var sum float32
		for t, at := range offsets {
			sum += weights[t] * src[i+at/4]
		}
		dst[i] = sum
	}
}

// dotSumsPortable sets, for each t, 8 sums that add up to the sum over i < n of
// x[i] src[i+offsets[t]/4].
func dotSumsPortable(sums, x, src []float32, offsets []int, n int) {
	for t, at := range offsets {
		s := sums[t*lanes:][:lanes]
		clear(s)
		for i, v := range x[:n] {
			s[i%lanes] += v * src[i+at/4]
		}
	}
}
