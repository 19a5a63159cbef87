package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// attentionGradTask is attention backward (arXiv:2205.14135, algorithm 4). A part
// is one head of k and v with the heads of q that share it. Where the gradient of
// a bias is asked for that several of them share, these are cut into a few parts
// that sum up copies of it, which are added up in the end.
type attentionGradTask struct {
	scores
	y, dy      heads
	lse        []float32
	dq, dk, dv heads
	db         []float32 // copies of the gradient of the bias, one after the other
	dbSize     int
	batches    int // batches that share a bias, 1 where no gradient of one is asked for
	shared     int // heads of k and v that share it
	copies     int
}

const (
	attentionCopies = 16      // parts that suffice where a bias is shared
	attentionCopied = 4 << 20 // floats in copies
)

// AttentionGrad implements ops.Attender.
func (e *Engine) AttentionGrad(g ops.AttentionGrads, dy, y, lse, q, k, v *tensor.Dense, p ops.Attention) error {
	const op = "attention gradient"
	t := &e.attentionGrad
	if err := t.set(op, q, k, v, p); err != nil {
		return err
	}
	if lse == nil {
		return fault.New(fault.Usage, "%s: the log-sum-exp of %v is missing", op, q.Shape())
	}
	if err := t.result(op, y, lse, p); err != nil {
		return err
	}
	if err := t.result(op, dy, nil, p); err != nil {
		return err
	}
	for _, x := range [...][2]*tensor.Dense{{g.Q, q}, {g.K, k}, {g.V, v}, {g.Bias, p.Bias}} {
		if err := fitsShape(op, x[0], x[1]); err != nil {
			return err
		}
	}
	t.y, t.dy, t.lse = t.onResult(y, p), t.onResult(dy, p), lse.Float32s()
	t.dq, t.dk, t.dv = t.onOperands(g.Q, g.K, g.V, p)
	t.share(g.Bias)
	parts := t.B * t.G / (t.batches * t.shared) * t.copies
	if t.copies > 1 {
		t.db = e.borrow(t.copies * t.dbSize)
	}
	clear(t.db)
	e.run(parts, t)
	if t.copies > 1 {
		sumCopies(g.Bias.Float32s(), t.db)
		e.giveBack(t.db)
	}
	*t = attentionGradTask{}
	return nil
}

// share decides which heads are one part or several with copies.
func (t *attentionGradTask) share(bias *tensor.Dense) {
	t.batches, t.shared, t.copies = 1, 1, 1
	if bias == nil {
		return
	}
	t.db = bias.Float32s()
	t.dbSize = len(t.db)
	if t.biasAt[0] == 0 {
		t.batches = t.B
	}
	if t.biasAt[1] == 0 {
		t.shared = t.G
	}
	sharing := t.batches * t.shared
	t.copies = max(1, min(sharing, panels(attentionCopies*sharing, t.B*t.G), attentionCopied/t.dbSize))
}

// sumCopies sets dst to the sum of the copies in their order.
func sumCopies(dst, copies []float32) {
	copy(dst, copies)
	for at := len(dst); at < len(copies); at += len(dst) {
		for i, v := range copies[at : at+len(dst)] {
			dst[i] += v
		}
	}
}

func (t *attentionGradTask) part(p int, s *scratch) {
	copied, kept := p%t.copies, p/t.copies
	across := t.G / t.shared
	from, to := split(t.batches*t.shared, t.copies, copied)
	mark := s.mark()
	for i := from; i < to; i++ {
		b, g := kept/across*t.batches+i/t.shared, kept%across*t.shared+i%t.shared
		t.dk.clear(b, g, t.M, t.D)
		t.dv.clear(b, g, t.M, t.E)
		size := t.H / t.G
		for h := g * size; h < (g+1)*size; h++ {
			mark.rewind(s)
			t.headGrad(s, copied, b, h)
		}
	}
	mark.end(s)
}

// clear sets the matrix of a head to zeros, where there is one.
func (x *heads) clear(b, h, rows, length int) {
	if x.data == nil {
		return
	}
	for r := range rows {
		clear(x.of(b, h, r)[:length])
	}
}

// headGrad adds what one head of q gives to the gradients.
func (t *attentionGradTask) headGrad(s *scratch, copied, b, h int) {
	rows := min(t.N, t.rows)
	size := rows * tileStride(min(t.M, t.cols))
	probs, grads, delta := s.floats(size), s.floats(size), s.floats(rows)
	mark := s.mark()
	for i := 0; i < t.N; i += t.rows {
		rows := min(t.rows, t.N-i)
		for r := range rows {
			delta[r] = dotFloats(t.dy.of(b, h, i+r)[:t.E], t.y.of(b, h, i+r))
		}
		for j := 0; j < t.keys(i+rows); j += t.cols {
			mark.rewind(s)
			cols := min(t.cols, t.M-j)
			t.tileGrad(s, probs, grads, delta, b, h, i, j, rows, cols)
			if t.db != nil {
				t.biasGrad(t.db[copied*t.dbSize:], grads, b, h, i, j, rows, cols)
			}
		}
	}
	mark.end(s)
}

// tileGrad adds what one tile gives, and leaves the gradient of its scores in grads.
// delta holds the sums of dy y of the rows.
func (t *attentionGradTask) tileGrad(s *scratch, probs, grads, delta []float32, b, h, i, j, rows, cols int) {
	stride, g := tileStride(cols), h/(t.H/t.G)
	dy, lse := t.dy.of(b, h, i), t.lse[(b*t.H+h)*t.N+i:]
	mark := s.mark()
	t.tile(s, probs, stride, b, h, i, j, rows, cols)
	for r := range rows {
		expFrom(probs[r*stride:(r+1)*stride], lse[r])
	}
	if t.dv.data != nil {
		mark.rewind(s)
		gemmPart(s, cols, t.E, rows, 1, probs, 1, stride, dy, t.dy.row, 1, 1, t.dv.of(b, g, j), t.dv.row)
	}
	mark.rewind(s)
	gemmPart(s, rows, cols, t.E, 1, dy, t.dy.row, 1, t.v.of(b, g, j), 1, t.v.row, 0, grads, stride)
	for r := range rows {
		scoreGrad(grads[r*stride:(r+1)*stride], probs[r*stride:(r+1)*stride], delta[r])
	}
	if t.dq.data != nil {
		mark.rewind(s)
		gemmPart(s, rows, t.D, cols, t.scale, grads, stride, 1, t.k.of(b, g, j), t.k.row, 1, betaAt(j, 0), t.dq.of(b, h, i), t.dq.row)
	}
	if t.dk.data != nil {
		mark.rewind(s)
		gemmPart(s, cols, t.D, rows, t.scale, grads, 1, stride, t.q.of(b, h, i), t.q.row, 1, 1, t.dk.of(b, g, j), t.dk.row)
	}
	mark.end(s)
}

// biasGrad adds the gradient of a tile of scores to that of the bias.
func (t *attentionGradTask) biasGrad(db, grads []float32, b, h, i, j, rows, cols int) {
	stride, step := tileStride(cols), t.biasAt[3]
	for r := range rows {
		at := b*t.biasAt[0] + h*t.biasAt[1] + (i+r)*t.biasAt[2] + j*step
		row := grads[r*stride : r*stride+cols]
		if step == 1 {
			to := db[at : at+cols]
			for c, g := range row {
				to[c] += g
			}
			continue
		}
		for c, g := range row {
			db[at+c*step] += g
		}
	}
}
