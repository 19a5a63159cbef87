package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

func (t *poolTask) avg(w *poolWork, y, x []float32) {
	n := t.cols.Out
	for r := range t.rows.In {
		t.spread(w.row, x[r*t.cols.In:][:t.cols.In])
		line := w.lines[r*n:][:n]
		copy(line, w.row)
		for k := 1; k < t.cols.Kernel; k++ {
			addTo(line, w.row[t.tap(k):])
		}
	}
	shared := 0
	for o := range t.rows.Out {
		shared = t.shares(w, o, shared)
		d := y[o*n:][:n]
		clear(d)
		from, to, row := t.window(o)
		for range to - from {
			addTo(d, w.lines[row*n:])
			row++
		}
		vecBinary(ops.BinaryMul, d, d, w.share)
	}
}

func (t *poolTask) avgGrad(w *poolWork, dx, dy []float32) {
	n := t.cols.Out
	clear(w.back)
	shared := 0
	for o := range t.rows.Out {
		shared = t.shares(w, o, shared)
		copy(w.open, dy[o*n:][:n])
		vecBinary(ops.BinaryMul, w.open, w.open, w.share)
		from, to, row := t.window(o)
		for range to - from {
			addTo(w.back[row*n:][:n], w.open)
			row++
		}
	}
	for r := range t.rows.In {
		clear(w.grad)
		for k := range t.cols.Kernel {
			addTo(w.grad[t.tap(k):][:n], w.back[r*n:])
		}
		t.gather(dx[r*t.cols.In:][:t.cols.In], w.grad)
	}
}

// shares sets w.share to what an element counts in the windows of row o. It has
// been set for windows of had rows before; how many rows it is for now is returned.
func (t *poolTask) shares(w *poolWork, o, had int) int {
	rows := t.rows.Count(o, t.ExcludePad)
	if t.Divisor > 0 {
		rows = t.Divisor
	}
	if rows == had {
		return had
	}
	for j := range w.share {
		cols := t.cols.Count(j, t.ExcludePad)
		if t.Divisor > 0 {
			cols = 1
		}
		w.share[j] = 0
		if n := rows * cols; n > 0 {
			w.share[j] = 1 / float32(n)
		}
	}
	return rows
}
