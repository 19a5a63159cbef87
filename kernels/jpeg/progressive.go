package jpeg

// progressive decodes one scan of a progressive frame (T.81 annex G) into the
// components' coefficients.
func (f *frame) progressive(h *scanHeader) error {
	f.eobrun = 0
	coefs := func(c *plane, x, y int) *[64]int16 {
		return (*[64]int16)(c.coefs[64*(y*c.paddedX+x):])
	}
	switch {
	case h.first == 0 && h.high == 0:
		return f.units(h, func(c *plane, x, y int) bool {
			ok := f.readDC(c)
			coefs(c, x, y)[0] = int16(c.pred << h.low)
			return ok
		})
	case h.first == 0:
		return f.units(h, func(c *plane, x, y int) bool {
			coefs(c, x, y)[0] |= int16(f.r.take(1) << h.low)
			return true
		})
	case h.high == 0:
		return f.units(h, func(c *plane, x, y int) bool {
			if f.eobrun > 0 {
				f.eobrun--
				return true
			}
			return f.firstAC(coefs(c, x, y), c.acTable, h)
		})
	}
	return f.units(h, func(c *plane, x, y int) bool {
		return f.refineAC(coefs(c, x, y), c.acTable, h)
	})
}

// firstAC reads the highest bits of a block's coefficients (T.81 G.1.2.2).
func (f *frame) firstAC(block *[64]int16, t *huffman, h *scanHeader) bool {
	r := &f.r
	for k := h.first; k <= h.last; k++ {
		if r.n < 32 {
			r.fill()
		}
		if e := t.value[r.bits>>(64-valueBits)]; e != 0 {
			r.bits <<= uint(e) & 63
			r.n -= int(e & 63)
			run := int(e>>8) & 127
			if run == endOfBlock {
				return true
			}
			k += run
			block[zigzag[k&127]&63] = int16(e >> 16 << h.low)
			continue
		}
		s := t.next(r)
		if s < 0 {
			return false
		}
		run, size := s>>4, s&15
		if size == 0 {
			if run < 15 { // this block and more have nothing else
				f.eobrun = 1<<run - 1 + r.take(run)
				return true
			}
			k += 15
			continue
		}
		k += run
		block[zigzag[k]&63] = int16(extend(int(r.bits>>(64-uint(size))), size) << h.low)
		r.bits <<= uint(size)
		r.n -= size
	}
	return true
}

// refineAC adds one bit to a block's coefficients (T.81 G.1.2.3).
func (f *frame) refineAC(block *[64]int16, t *huffman, h *scanHeader) bool {
	r := &f.r
	bit := int16(1) << h.low
	k := h.first
	for ; f.eobrun == 0 && k <= h.last; k++ {
		if r.n < 32 {
			r.fill()
		}
		s := t.next(r)
		if s < 0 || s&15 > 1 {
			return false
		}
		run, value := s>>4, int16(0)
		if s&15 == 1 {
			value = bit
			if r.take(1) == 0 {
				value = -bit
			}
		} else if run < 15 {
			f.eobrun = 1<<run + r.take(run)
			break
		}
		k = f.refine(block, k, h.last, run, bit)
		if value != 0 {
			block[zigzag[k]&63] = value
		}
	}
	if f.eobrun > 0 {
		f.refine(block, k, h.last, 64, bit)
		f.eobrun--
	}
	return true
}

// refine passes over zeros zero coefficients, giving one more bit to each that
// is not zero on the way, and returns the place of the next zero one.
func (f *frame) refine(block *[64]int16, k, last, zeros int, bit int16) int {
	for ; k <= last; k++ {
		c := &block[zigzag[k]&63]
		switch {
		case *c == 0:
			if zeros == 0 {
				return k
			}
			zeros--
		case f.r.take(1) == 0 || *c&bit != 0:
		case *c > 0:
			*c += bit
		default:
			*c -= bit
		}
	}
	return k
}

// inverseAll transforms the coefficients of all scans.
func (f *frame) inverseAll() {
	for i := range f.info.Components {
		c := &f.comps[i]
		for y := range c.down {
			for x := range c.across {
				f.place(c, (*[64]int16)(c.coefs[64*(y*c.paddedX+x):]), 63, x, y)
			}
		}
	}
}
