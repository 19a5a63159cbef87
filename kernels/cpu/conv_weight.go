package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

// convWeight is the gradient of filters as a product over pixels: the columns of x
// (rows here, for their pixels lie side by side) times dy with its channels side by
// side. A part takes the columns of some channels and a range of the pixels; the sums
// over the ranges are added in order.
type convWeight struct {
	phase convWeightPhase

	src       convSource
	taps      []convTap
	n, groups int
	cg, kg    int // channels of x and of dy in a group
	dw, dy, x []float32

	g        []float32 // dy: for each 16 channels of a group count x 16
	maps     []float32 // panelMaps of all pixels
	sums     []float32 // for each range and group the columns x kr
	kr       int       // distance of a column of sums from the next
	channels int       // of x in a part
	blocks   int       // parts that the channels make
	height   int       // columns of a part, in sixes
	ranges   int
}

type convWeightPhase uint8

const (
	convGradients convWeightPhase = iota // a part turns 8 channels of dy
	convSums                             // a part sums up
	convResults                          // a part writes the filters' values for some channels
)

const (
	convWeightColumns = 96
	convWeightPixels  = 256 // in one pass: a panel of dy stays in the first cache
	convWeightRow     = convWeightPixels + 16
)

func (e *Engine) runConvWeight(s *ops.ConvShape, dw, dy, x []float32) {
	t := &e.convState.weight
	taps := tapsOf(s, t.taps[:0])
	*t = convWeight{
		src:  convSource{c: s.C, h: s.H, w: s.W, rows: s.OH, cols: s.OW, count: s.N * s.OH * s.OW, step: s.Stride},
		taps: taps,
		n:    s.N, groups: s.Groups, cg: s.CG, kg: s.KG, dw: dw, dy: dy, x: x,
	}
	t.kr = roundUp(t.kg, convPanel)
	t.channels = max(1, min(t.cg, convWeightColumns/len(taps)))
	t.blocks = (t.cg + t.channels - 1) / t.channels
	t.height = roundUp(t.channels*len(taps), convRows)
	t.ranges = max(1, min(8/(t.blocks*t.groups), (t.src.count+convWeightPixels-1)/convWeightPixels))

	t.g = e.borrow(t.groups * t.kr * t.src.count)
	t.sums = e.borrow(t.ranges * t.groups * t.blocks * t.height * t.kr)
	t.phase = convGradients
	e.run(t.groups*((t.kg+lanes-1)/lanes), t)
	t.phase = convSums
	e.run(t.ranges*t.groups*t.blocks, t)
	t.phase = convResults
	e.run(t.groups*t.blocks, t)
	e.giveBack(t.g)
	e.giveBack(t.sums)
	*t = convWeight{taps: taps}
}

func (t *convWeight) part(i int, s *scratch) {
	switch t.phase {
	case convGradients:
		t.gradients(i)
	case convSums:
		t.sum(i/(t.groups*t.blocks), i/t.blocks%t.groups, i%t.blocks, s)
	case convResults:
		t.result(i/t.blocks, i%t.blocks)
	}
}

// gradients puts 8 channels of dy side by side.
func (t *convWeight) gradients(i int) {
	eights := (t.kg + lanes - 1) / lanes
	group, k := i/eights, i%eights*lanes
	area := t.src.rows * t.src.cols
	g := t.g[(group*t.kr+k/convPanel*convPanel)*t.src.count+k%convPanel:]
	for n := range t.n {
		dy := t.dy[((n*t.groups+group)*t.kg+k)*area:]
		toLanes(g[n*area*convPanel:], convPanel, dy, area, min(lanes, t.kg-k), area)
	}
}

// sum adds up the products of one range of the pixels.
func (t *convWeight) sum(r, group, block int, s *scratch) {
	taps := len(t.taps)
	c := block * t.channels
	count := min(t.channels, t.cg-c)
	height := roundUp(count*taps, convRows)
	rows := s.floats(t.height * convWeightRow)
	size := t.src.h * t.src.w
	sums := t.sums[((r*t.groups+group)*t.blocks+block)*t.height*t.kr:]
	passes := (t.src.count + convWeightPixels - 1) / convWeightPixels
	from, to := split(passes, t.ranges, r)
	var at convPixels
	for pass := from; pass < to; pass++ {
		first := pass * convWeightPixels
		pixels := min(convWeightPixels, t.src.count-first)
		for p := 0; p < pixels; p += convPanel {
			t.src.locate(&at, first+p)
			t.src.pack(rows[p:], convWeightRow, taps*convWeightRow, t.x[(group*t.cg+c)*size:], count, &at, t.taps)
		}
		for k := 0; k < t.kr; k += convPanel {
			g := t.g[(group*t.kr+k)*t.src.count+first*convPanel:]
			convColumn(height/convRows, sums[k:], t.kr, rows, convWeightRow, 1, g, convPanel, pixels, pass > from)
		}
	}
}

// result adds the ranges up and writes the values of the filters.
func (t *convWeight) result(group, block int) {
	taps := len(t.taps)
	size := t.height * t.kr
	sums := t.sums[(group*t.blocks+block)*size:][:size]
	for r := 1; r < t.ranges; r++ {
		for i, v := range t.sums[((r*t.groups+group)*t.blocks+block)*size:][:size] {
			sums[i] += v
		}
	}
	c := block * t.channels
	count := min(t.channels, t.cg-c)
	for k := 0; k < t.kg; k += lanes {
		dw := t.dw[((group*t.kg+k)*t.cg+c)*taps:]
		fromLanes(dw, t.cg*taps, sums[k:], t.kr, min(lanes, t.kg-k), count*taps)
	}
}
