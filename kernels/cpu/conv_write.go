package cpu

// stretch is a run of pixels that lie side by side in a part and evenly in y: pixel
// from+i begins at y[at+i*sides]. The last one may have fewer sides than the others.
type stretch struct{ from, to, at, last int }

// stretches lists where pixels first to first+count lie in the first channel of y.
func (t *convTask) stretches(list []stretch, first, count int) []stretch {
	area, channels, sides := t.src.rows*t.src.cols, t.groups*t.kg, len(t.sides)
	whole := t.stride == 1 && sides == 1
	for p := first; p < first+count; {
		n, i, j := p/area, p%area/t.src.cols, p%t.src.cols
		length := t.src.cols - j
		if whole {
			length = area - p%area
		}
		length = min(length, first+count-p)
		at := (n*channels*t.oh+t.first+i*t.stride)*t.ow + j*sides
		last := sides
		if !whole {
			last = min(sides, t.ow-(j+length-1)*sides)
		}
		list = append(list, stretch{p - first, p - first + length, at, last})
		p += length
	}
	return list
}

// write adds the bias to channels low to high of group g and puts them in place. The
// sides are size apart in out.
func (t *convTask) write(out []float32, size, g, from, low, high int) {
	var room [convBlock]stretch
	list := t.stretches(room[:0], from, min(convBlock, t.src.count-from))
	sides := len(t.sides)
	plain := t.bias == nil && t.floor != 0
	for k := low; k < high; k++ {
		rows := out[(k-low)*convBlock:]
		if !plain {
			for i := range sides {
				t.finish(rows[i*size:][:convBlock], g*t.kg+k)
			}
		}
		y := t.y[(g*t.kg+k)*t.oh*t.ow:]
		for _, s := range list {
			n := s.to - s.from
			switch sides {
			case 1:
				copy(y[s.at:], rows[s.from:s.to])
			case 2:
				if s.last < sides {
					y[s.at+2*(n-1)] = rows[s.to-1]
					n--
				}
				interleave(y[s.at:][:2*n], rows[s.from:], rows[size+s.from:])
			default:
				for i := range sides {
					for j := range n {
						if j < n-1 || i < s.last {
							y[s.at+j*sides+i] = rows[i*size+s.from+j]
						}
					}
				}
			}
		}
	}
}

// writeEmpty sets pixels that no tap reads to the bias, or to 0.
func (t *convTask) writeEmpty(g, from, low, high int) {
	var room [convBlock]stretch
	list := t.stretches(room[:0], from, min(convBlock, t.src.count-from))
	for k := g*t.kg + low; k < g*t.kg+high; k++ {
		for _, s := range list {
			row := t.y[k*t.oh*t.ow+s.at:][:(s.to-s.from-1)*len(t.sides)+s.last]
			clear(row)
			if t.bias != nil {
				t.finish(row, k)
			}
		}
	}
}

// interleavePortable sets dst to a[0], b[0], a[1], b[1] and so on.
func interleavePortable(dst, a, b []float32) {
	n := len(dst) / 2
	a, b = a[:n], b[:n]
	for i, v := range a {
		d := dst[2*i:][:2]
		d[0], d[1] = v, b[i]
	}
}

// separatePortable is the opposite: it sets a to src[0], src[2] and so on and b, of
// the same length, to src[1], src[3] and so on.
func separatePortable(a, b, src []float32) {
	for i := range b {
		d := src[2*i:][:2]
		a[i], b[i] = d[0], d[1]
	}
}

// finish adds the bias of channel k and cuts off what is below the floor.
func (t *convTask) finish(row []float32, k int) {
	bias := float32(0)
	if t.bias != nil {
		bias = t.bias[k]
	}
	for i, v := range row {
		if v += bias; v < t.floor {
			v = t.floor
		}
		row[i] = v
	}
}
