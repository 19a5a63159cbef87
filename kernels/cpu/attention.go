package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// attentionState holds the tasks of this family.
type attentionState struct {
	attention     attentionTask
	attentionGrad attentionGradTask
}

const (
	attentionRows = 96  // most queries of a tile of scores
	attentionKeys = 256 // most keys of it
)

// scores is what both directions need to compute a tile of scaled, masked scores.
type scores struct {
	ops.AttentionSize
	scale          float32
	causal, joint  bool
	q, k, v        heads
	bias           []float32
	mask           []int64
	biasAt, maskAt [4]int // distance of neighbours along each axis, 0 where it broadcasts
	rows, cols     int    // of a tile
}

// heads is an operand or a result: a matrix for every head of every batch, whose
// rows are row floats apart.
type heads struct {
	data             []float32
	batch, head, row int
}

// of returns the matrix of a head from a row on.
func (x *heads) of(b, h, row int) []float32 {
	return x.data[b*x.batch+h*x.head+row*x.row:]
}

// attentionTask is attention forward. A part is a block of queries of one head.
// The softmax is taken tile by tile as in Milakov and Gimelshein (arXiv:1805.02867),
// with the sums of FlashAttention (Dao et al., arXiv:2205.14135).
type attentionTask struct {
	scores
	y      heads
	lse    []float32
	blocks int // parts of a head
}

// Attention implements ops.Attender.
func (e *Engine) Attention(y, lse, q, k, v *tensor.Dense, p ops.Attention) error {
	t := &e.attention
	if err := t.set("attention", q, k, v, p); err != nil {
		return err
	}
	if err := t.result("attention", y, lse, p); err != nil {
		return err
	}
	t.y, t.lse = t.onResult(y, p), nil
	if lse != nil {
		t.lse = lse.Float32s()
	}
	t.blocks = (t.N + t.rows - 1) / t.rows
	e.run(t.B*t.H*t.blocks, t)
	*t = attentionTask{}
	return nil
}

// set checks the operands and takes them over.
func (t *scores) set(op string, q, k, v *tensor.Dense, p ops.Attention) error {
	*t = scores{scale: p.Scale, causal: p.Causal}
	if err := ops.WantType(op, tensor.Float32, q); err != nil {
		return err
	}
	t.joint = p.Heads != 0 && k == nil && v == nil
	var ks, vs []int
	if !t.joint {
		if err := ops.WantType(op, tensor.Float32, k, v); err != nil {
			return err
		}
		ks, vs = k.Shape(), v.Shape()
	}
	if p.Bias != nil {
		if err := ops.WantType(op, tensor.Float32, p.Bias); err != nil {
			return err
		}
		t.bias, t.biasAt = p.Bias.Float32s(), broadcastStrides(p.Bias.Shape())
	}
	if p.Mask != nil {
		if err := ops.WantType(op, tensor.Int64, p.Mask); err != nil {
			return err
		}
		t.mask, t.maskAt = p.Mask.Int64s(), broadcastStrides(p.Mask.Shape())
	}
	size, err := p.Size(q.Shape(), ks, vs)
	if err != nil {
		return err
	}
	t.AttentionSize, t.scale = size, p.Factor(size.D)
	t.rows = evenly(t.N, attentionRows, gemmMR)
	t.cols = evenly(t.M, attentionKeys, gemmNR)
	t.q, t.k, t.v = t.onOperands(q, k, v, p)
	return nil
}

// evenly returns the length of tiles of at most most, whole panels, that cut n.
func evenly(n, most, panel int) int {
	tiles := panels(n, most)
	return panels(panels(n, tiles), panel) * panel
}

// onOperands returns how the matrices lie in q, k and v, or in their gradients.
// Those that are nil have none.
func (t *scores) onOperands(q, k, v *tensor.Dense, p ops.Attention) (hq, hk, hv heads) {
	if t.joint && q != nil {
		width := t.H * t.D
		x := heads{q.Float32s(), 3 * t.N * width, t.D, 3 * width}
		hq, hk, hv = x, x, x
		hk.data, hv.data = x.data[width:], x.data[2*width:]
		return hq, hk, hv
	}
	return onTensor(q, t.H, t.N, t.D, p), onTensor(k, t.G, t.M, t.D, p), onTensor(v, t.G, t.M, t.E, p)
}

// onResult returns how the matrices lie in y or its gradient.
func (t *scores) onResult(y *tensor.Dense, p ops.Attention) heads {
	return onTensor(y, t.H, t.N, t.E, p)
}

func onTensor(x *tensor.Dense, count, rows, length int, p ops.Attention) heads {
	switch {
	case x == nil:
		return heads{}
	case p.Heads != 0:
		return heads{x.Float32s(), count * rows * length, length, count * length}
	}
	return heads{x.Float32s(), count * rows * length, rows * length, length}
}

// result checks the shapes of y and lse.
func (t *scores) result(op string, y, lse *tensor.Dense, p ops.Attention) error {
	if err := ops.WantType(op, tensor.Float32, y); err != nil {
		return err
	}
	s := y.Shape()
	switch {
	case p.Heads != 0 && (len(s) != 3 || s[0] != t.B || s[1] != t.N || s[2] != t.H*t.E):
		return fault.New(fault.Usage, "%s: the result has shape %v, want [%d %d %d]", op, s, t.B, t.N, t.H*t.E)
	case p.Heads == 0 && (len(s) != 4 || s[0] != t.B || s[1] != t.H || s[2] != t.N || s[3] != t.E):
		return fault.New(fault.Usage, "%s: the result has shape %v, want [%d %d %d %d]", op, s, t.B, t.H, t.N, t.E)
	case lse == nil:
		return nil
	}
	if err := ops.WantType(op, tensor.Float32, lse); err != nil {
		return err
	}
	if s := lse.Shape(); len(s) != 3 || s[0] != t.B || s[1] != t.H || s[2] != t.N {
		return fault.New(fault.Usage, "%s: the log-sum-exp has shape %v, want [%d %d %d]", op, s, t.B, t.H, t.N)
	}
	return nil
}

// broadcastStrides returns how far neighbours along each of four axes are apart.
func broadcastStrides(shape []int) (at [4]int) {
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] > 1 {
			at[4-len(shape)+i] = step
		}
		step *= shape[i]
	}
	return at
}

// tile computes the scores of rows queries from i on and cols keys from j on,
// minus infinity where a query may not attend. Rows of dst are stride apart; what
// lies between them becomes minus infinity too.
func (t *scores) tile(s *scratch, dst []float32, stride, b, h, i, j, rows, cols int) {
	g := h / (t.H / t.G)
	gemmPart(s, rows, cols, t.D, t.scale, t.q.of(b, h, i), t.q.row, 1, t.k.of(b, g, j), 1, t.k.row, 0, dst, stride)
	for r := range rows {
		fillFloats(dst[r*stride+cols:(r+1)*stride], minusInf)
	}
	if t.bias == nil && t.mask == nil && !t.causal {
		return
	}
	for r := range rows {
		row := dst[r*stride : r*stride+cols]
		if t.bias != nil {
			at := b*t.biasAt[0] + h*t.biasAt[1] + (i+r)*t.biasAt[2] + j*t.biasAt[3]
			addBroadcast(row, t.bias[at:], t.biasAt[3])
		}
		if t.mask != nil {
			at := b*t.maskAt[0] + h*t.maskAt[1] + (i+r)*t.maskAt[2] + j*t.maskAt[3]
			for c := range row {
				if t.mask[at+c*t.maskAt[3]] == 0 {
					row[c] = minusInf
				}
			}
		}
		if t.causal {
			fillFloats(row[min(cols, max(0, i+r+1-j)):], minusInf)
		}
	}
}

// addBroadcast adds values that are step apart, 0 or 1, to a row.
func addBroadcast(row, values []float32, step int) {
	if step == 0 {
		for c := range row {
			row[c] += values[0]
		}
		return
	}
	for c, v := range values[:len(row)] {
		row[c] += v
	}
}

// keys returns how many keys the queries before row to may attend to at most.
func (t *scores) keys(to int) int {
	if t.causal {
		return min(t.M, to)
	}
	return t.M
}

func (t *attentionTask) part(p int, s *scratch) {
	head, block := p/t.blocks, p%t.blocks
	b, h, from := head/t.H, head%t.H, block*t.rows
	rows, g := min(t.rows, t.N-from), h/(t.H/t.G)
	out := t.y.of(b, h, from)
	greatest, sum := s.floats(rows), s.floats(rows)
	for r := range rows {
		greatest[r], sum[r] = minusInf, 0
	}
	tile := s.floats(rows * tileStride(min(t.M, t.cols)))
	mark := s.mark()
	for j := 0; j < t.keys(from+rows); j += t.cols {
		cols := min(t.cols, t.M-j)
		stride := tileStride(cols)
		mark.rewind(s)
		t.tile(s, tile, stride, b, h, from, j, rows, cols)
		for r := range rows {
			c := softmaxStep(tile[r*stride:(r+1)*stride], &greatest[r], &sum[r])
			if j > 0 && c != 1 {
				scaleFloats(out[r*t.y.row:][:t.E], c)
			}
		}
		mark.rewind(s)
		gemmPart(s, rows, t.E, cols, 1, tile, stride, 1, t.v.of(b, g, j), t.v.row, 1, betaAt(j, 0), out, t.y.row)
	}
	mark.end(s)
	for r := range rows {
		if sum[r] != 0 {
			scaleFloats(out[r*t.y.row:][:t.E], 1/sum[r])
		}
		if t.lse != nil {
			t.lse[head*t.N+from+r] = greatest[r] + float32(math.Log(float64(sum[r])))
		}
	}
}

// tileStride returns the distance of rows of scores: whole vectors.
func tileStride(cols int) int { return (cols + 7) &^ 7 }

// fitsShape refuses a gradient whose shape is not its operand's.
func fitsShape(op string, grad, of *tensor.Dense) error {
	if grad == nil {
		return nil
	}
	if of == nil {
		return fault.New(fault.Usage, "%s: gradient %v of an operand that is not there", op, grad.Shape())
	}
	if err := ops.WantType(op, tensor.Float32, grad); err != nil {
		return err
	}
	return ops.SameShape(op, grad, of)
}
