package cpu

// maxLines sets lines to the greatest values along each row of the image. Phases
// of row r are left at r*step in w.row.
func (t *poolTask) maxLines(w *poolWork, x []float32, step int) {
	n := t.cols.Out
	for r := range t.rows.In {
		row := w.row[r*step:]
		t.spread(row, x[r*t.cols.In:][:t.cols.In])
		line := w.lines[r*n:][:n]
		switch t.cols.Kernel {
		case 1:
			copy(line, row)
		case 3:
			max3(line, row[t.tap(0):], row[t.tap(1):], row[t.tap(2):])
		default:
			max2(line, row[t.tap(0):], row[t.tap(1):])
			for k := 2; k < t.cols.Kernel; k++ {
				max2(line, line, row[t.tap(k):])
			}
		}
	}
}

func (t *poolTask) max(w *poolWork, y, x []float32) {
	t.maxLines(w, x, 0)
	n, step := t.cols.Out, t.rows.Dilation*t.cols.Out
	for o := range t.rows.Out {
		d := y[o*n:][:n]
		from, to, row := t.window(o)
		lines := w.lines[min(row, t.rows.In)*n:]
		switch to - from {
		case 0:
			vecFill(d, t.fill)
		case 1:
			copy(d, lines)
		case 3:
			max3(d, lines, lines[step:], lines[2*step:])
		default:
			max2(d, lines, lines[step:])
			for k := 2; k < to-from; k++ {
				max2(d, d, lines[k*step:])
			}
		}
	}
}

// maxGrad gives each dy to the first row of its window that holds the greatest
// value, and there to the first column: the first place in reading order. What no
// place before has taken is the last one's, without a look.
func (t *poolTask) maxGrad(w *poolWork, dx, dy, x, y []float32) {
	width := t.cols.Stride * t.phase
	t.maxLines(w, x, width)
	t.maxGradRows(w, dy, y)
	n := t.cols.Out
	for r := range t.rows.In {
		row, line, open := w.row[r*width:], w.lines[r*n:], w.back[r*n:][:n]
		if min(t.period, t.cols.Kernel) < t.cols.Stride {
			clear(w.grad) // some phases are of no window
		}
		for k := range t.cols.Kernel {
			at := t.tap(k)
			first := k < t.period // of its phase
			if first {
				clear(w.grad[at+n : at-at%t.phase+t.phase])
				clear(w.grad[at-at%t.phase : at])
			}
			passOn(w.grad[at:][:n], row[at:], line, open, first, k == t.cols.Kernel-1)
		}
		t.gather(dx[r*t.cols.In:][:t.cols.In], w.grad)
	}
}

// maxGradRows sets w.back, the gradient of w.lines.
func (t *poolTask) maxGradRows(w *poolWork, dy, y []float32) {
	n, done := t.cols.Out, 0 // rows before done have been set
	for o := range t.rows.Out {
		copy(w.open, dy[o*n:][:n])
		from, to, row := t.window(o)
		for k := from; k < to; k++ {
			for ; done < row; done++ {
				clear(w.back[done*n:][:n])
			}
			passOn(w.back[row*n:][:n], w.lines[row*n:], y[o*n:], w.open, done == row, k == to-1)
			done = max(done, row+1)
			row += t.rows.Dilation
		}
	}
	clear(w.back[done*n:])
}

// passOn is give to a dst that was 0 where first is true, of everything where last is.
func passOn(dst, value, most, open []float32, first, last bool) {
	switch {
	case first && last:
		copy(dst, open)
	case last:
		addTo(dst, open)
	case first:
		giveFirst(dst, value, most, open)
	default:
		give(dst, value, most, open)
	}
}

// maxIndices is max that also says where. It goes through the windows one by one.
func (t *poolTask) maxIndices(y []float32, indices []int64, x []float32) {
	a, b := t.rows, t.cols
	for o := range y {
		top, left := o/b.Out*a.Stride-a.Padding, o%b.Out*b.Stride-b.Padding
		best, at := t.fill, -1
		for i := range a.Kernel {
			r := top + i*a.Dilation
			if r < 0 || r >= a.In {
				continue
			}
			for j := range b.Kernel {
				c := left + j*b.Dilation
				if c < 0 || c >= b.In {
					continue
				}
				if v := x[r*b.In+c]; at < 0 || v > best || v != v {
					best, at = v, r*b.In+c
				}
			}
		}
		y[o], indices[o] = best, int64(max(at, 0))
	}
}
