package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

// convTask is a convolution as a product of filters and columns: the columns, the
// values that a pixel of the result reads, are laid out in panels of 16 pixels a few
// at a time and never as a whole (im2col without the memory). The gradient of the
// input is of the same kind: pixels of x that lie a stride apart read dy with the same
// taps, so there is a task for each remainder of the rows and a side of it for each
// of the columns.
type convTask struct {
	phase convPhase

	src           convSource
	sides         []convSide // what pixels beside each other read, for each a side
	groups        int
	cg, kg        int // channels of the source and of the result in a group
	y, x, w, bias []float32
	floor         float32
	oh, ow        int  // of the whole result
	first, stride int  // rows of y that this task makes
	input         bool // the gradient of the input: filters are read crosswise
	wc, wtaps     int  // channels and values of a channel of a filter in w

	panels          int // of 6 filters in a group
	blocks, kblocks int // parts along the pixels and along the filters
}

// convSide is a set of taps and the filters' values for them.
type convSide struct {
	taps  []convTap
	index []int // of the taps in a filter
	a     []float32
	depth int // values of a column
}

type convPhase uint8

const (
	convFilters convPhase = iota // a part packs 6 filters
	convResult                   // a part makes some pixels of some channels
)

const (
	convBlock    = 8 * convPanel // pixels of a part
	convDepth    = 256           // values of a column in one pass: a panel stays in the first cache
	convRows     = 6             // filters side by side
	convTogether = 16            // times convRows filters in one pass: they stay in the second cache
)

// runConv sets y = w * x + b by columns.
func (e *Engine) runConv(s *ops.ConvShape, y, x, w, b []float32, floor float32) {
	t := &e.convState.gemm
	*t = convTask{
		src:   convSource{c: s.C, h: s.H, w: s.W, rows: s.OH, cols: s.OW, count: s.N * s.OH * s.OW, step: s.Stride},
		sides: t.sides, groups: s.Groups, cg: s.CG, kg: s.KG, y: y, x: x, w: w, bias: b, floor: floor,
		oh: s.OH, ow: s.OW, stride: 1, wc: s.CG, wtaps: s.KH * s.KW,
	}
	t.open(1)
	side := &t.sides[0]
	side.taps = tapsOf(s, side.taps)
	for i := range side.taps {
		side.index = append(side.index, i)
	}
	e.runColumns(t)
}

// runConvInput sets dx to the gradient with respect to the input, plus b.
func (e *Engine) runConvInput(s *ops.ConvShape, dx, dy, w, b []float32, floor float32) {
	t := &e.convState.gemm
	for top := range min(s.Stride[0], s.H) {
		rows, cols := (s.H-top+s.Stride[0]-1)/s.Stride[0], (s.W+s.Stride[1]-1)/s.Stride[1]
		*t = convTask{
			src:   convSource{c: s.K, h: s.OH, w: s.OW, rows: rows, cols: cols, count: s.N * rows * cols, step: [2]int{1, 1}},
			sides: t.sides, groups: s.Groups, cg: s.KG, kg: s.CG, y: dx, x: dy, w: w, bias: b, floor: floor,
			oh: s.H, ow: s.W, first: top, stride: s.Stride[0], input: true, wc: s.CG, wtaps: s.KH * s.KW,
		}
		t.open(s.Stride[1])
		for i := range s.KH * s.KW {
			y := top + s.Padding[0] - i/s.KW*s.Dilation[0]
			for left := range t.sides {
				x := left + s.Padding[1] - i%s.KW*s.Dilation[1]
				if y%s.Stride[0] == 0 && x%s.Stride[1] == 0 {
					y, x, side := y/s.Stride[0], x/s.Stride[1], &t.sides[left]
					side.taps = append(side.taps, convTap{int32(y*s.OW + x), int32(y), int32(x)})
					side.index = append(side.index, i)
				}
			}
		}
		e.runColumns(t)
	}
}

// open makes n empty sides, with the memory of earlier ones.
func (t *convTask) open(n int) {
	t.sides = t.sides[:cap(t.sides)]
	for len(t.sides) < n {
		t.sides = append(t.sides, convSide{})
	}
	t.sides = t.sides[:n]
	for i := range t.sides {
		s := &t.sides[i]
		*s = convSide{taps: s.taps[:0], index: s.index[:0]}
	}
}

// tapsOf appends where the values of a filter fall.
func tapsOf(s *ops.ConvShape, taps []convTap) []convTap {
	for i := range s.KH * s.KW {
		y, x := i/s.KW*s.Dilation[0]-s.Padding[0], i%s.KW*s.Dilation[1]-s.Padding[1]
		taps = append(taps, convTap{int32(y*s.W + x), int32(y), int32(x)})
	}
	return taps
}

func (e *Engine) runColumns(t *convTask) {
	t.panels = (t.kg + convRows - 1) / convRows
	for i := range t.sides {
		s := &t.sides[i]
		if s.depth = t.cg * len(s.taps); s.depth > 0 {
			s.a = e.borrow(t.groups * t.panels * convRows * s.depth)
		}
	}
	t.phase = convFilters
	e.run(t.groups*t.panels, t)
	t.phase = convResult
	t.blocks = (t.src.count + convBlock - 1) / convBlock
	t.kblocks = max(1, min(8/(t.blocks*t.groups), t.panels))
	e.run(t.groups*t.blocks*t.kblocks, t)
	for i := range t.sides {
		if s := &t.sides[i]; s.depth > 0 {
			e.giveBack(s.a)
			s.a = nil
		}
	}
	t.y, t.x, t.w, t.bias = nil, nil, nil, nil
}

func (t *convTask) part(i int, s *scratch) {
	if t.phase == convFilters {
		for j := range t.sides {
			side := &t.sides[j]
			t.packFilters(side, i/t.panels, i%t.panels*convRows)
		}
		return
	}
	g, rest := i/(t.blocks*t.kblocks), i%(t.blocks*t.kblocks)
	from, to := split(t.panels, t.kblocks, rest%t.kblocks)
	t.pixels(g, rest/t.kblocks*convBlock, from, to, s)
}

// panel returns panel p of group g: depth x 6.
func (t *convTask) panel(s *convSide, g, p int) []float32 {
	return s.a[(g*t.panels+p)*convRows*s.depth:]
}

// packFilters lays filters k to k+6 of group g side by side.
func (t *convTask) packFilters(s *convSide, g, k int) {
	if s.depth == 0 {
		return
	}
	a := t.panel(s, g, k/convRows)
	for r := range convRows {
		if k+r >= t.kg {
			for p := range s.depth {
				a[p*convRows+r] = 0
			}
			continue
		}
		at, next := (g*t.kg+k+r)*t.wc*t.wtaps, t.wtaps
		if t.input {
			at, next = (g*t.cg*t.wc+k+r)*t.wtaps, t.wc*t.wtaps
		}
		p := r
		for range t.cg {
			for _, i := range s.index {
				a[p] = t.w[at+i]
				p += convRows
			}
			at += next
		}
	}
}

// pixels makes pixels from on of the filters of panels low to high of group g.
func (t *convTask) pixels(g, from, low, high int, s *scratch) {
	depth := t.deepest()
	if depth == 0 {
		t.writeEmpty(g, from, low*convRows, min(high*convRows, t.kg))
		return
	}
	var at [convBlock / convPanel]convPixels
	panels := (min(convBlock, t.src.count-from) + convPanel - 1) / convPanel
	for p := range panels {
		t.src.locate(&at[p], from+p*convPanel)
	}
	size := (high - low) * convRows * convBlock
	out := s.floats(len(t.sides) * size)
	b := s.floats(panels * convPanel * depth)
	for i := range t.sides {
		t.products(&t.sides[i], out[i*size:][:size], b, g, low, high, at[:panels])
	}
	t.write(out, size, g, from, low*convRows, min(high*convRows, t.kg))
}

// channelsOf returns how many channels of the source go into one pass.
func (t *convTask) channelsOf(s *convSide) int {
	return min(t.cg, max(1, convDepth/len(s.taps)))
}

// deepest returns the most values of a column in one pass.
func (t *convTask) deepest() int {
	n := 0
	for i := range t.sides {
		if s := &t.sides[i]; s.depth > 0 {
			n = max(n, t.channelsOf(s)*len(s.taps))
		}
	}
	return n
}

// products multiplies panels low to high of group g with the columns of the pixels
// at. b is room for the columns.
func (t *convTask) products(s *convSide, out, b []float32, g, low, high int, at []convPixels) {
	if s.depth == 0 {
		clear(out)
		return
	}
	taps, channels, size := len(s.taps), t.channelsOf(s), t.src.h*t.src.w
	for c := 0; c < t.cg; c += channels {
		count := min(channels, t.cg-c)
		depth := count * taps
		for p := range at {
			t.src.pack(b[p*depth*convPanel:], convPanel, taps*convPanel, t.x[(g*t.cg+c)*size:], count, &at[p], s.taps)
		}
		beta := float32(min(c, 1)) // the first pass sets, the others add
		for k := low; k < high; k += convTogether {
			a, rows := t.panel(s, g, k)[c*taps*convRows:], min(convTogether, high-k)*convRows
			for p := range at {
				gemmColumn(rows, convPanel, depth, 1, a, s.depth*convRows, b[p*depth*convPanel:], beta, out[(k-low)*convRows*convBlock+p*convPanel:], convBlock)
			}
		}
	}
}
