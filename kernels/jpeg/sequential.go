package jpeg

// sequential decodes a scan of whole blocks (T.81 annex F) and transforms each
// at once.
func (f *frame) sequential(h *scanHeader) error {
	return f.units(h, func(c *plane, x, y int) bool {
		last := f.readBlock(c)
		if last < 0 {
			return false
		}
		if x < c.across && y < c.down {
			f.place(c, &f.block, last, x, y)
		}
		return true
	})
}

// units calls block for every block of a scan, in its order, with the block's
// place in the component. block returns false where the data is not sound.
func (f *frame) units(h *scanHeader, block func(c *plane, x, y int) bool) error {
	across, down := f.mcusX, f.mcusY
	if h.n == 1 { // a unit is a block, and there are no padding blocks (T.81 A.2.2)
		across, down = h.comps[0].across, h.comps[0].down
	}
	for i := range h.n {
		h.comps[i].pred = 0
	}
	for unit := range across * down {
		if f.restart > 0 && unit > 0 && unit%f.restart == 0 {
			if err := f.restartAt(unit / f.restart); err != nil {
				return err
			}
		}
		if !f.unit(h, unit%across, unit/across, block) || f.r.spent() {
			return f.badCode()
		}
	}
	return nil
}

func (f *frame) unit(h *scanHeader, x, y int, block func(c *plane, x, y int) bool) bool {
	if h.n == 1 {
		return block(h.comps[0], x, y)
	}
	for i := range h.n {
		c := h.comps[i]
		for v := range c.v {
			for u := range c.h {
				if !block(c, x*c.h+u, y*c.v+v) {
					return false
				}
			}
		}
	}
	return true
}

// readBlock decodes one block into f.block. It returns the index, in the scan's
// order, of the last coefficient that is there, -1 where a code does not fit.
func (f *frame) readBlock(c *plane) int {
	r, block := &f.r, &f.block
	*block = [64]int16{}
	if !f.readDC(c) {
		return -1
	}
	block[0] = int16(c.pred)
	t := c.acTable
	bits, n := r.bits, r.n
	last := 0
	for k := 1; k < 64; k++ {
		if n < 32 {
			r.bits, r.n = bits, n
			r.fill()
			bits, n = r.bits, r.n
		}
		if e := t.value[bits>>(64-valueBits)]; e != 0 {
			bits <<= uint(e) & 63
			n -= int(e & 63)
			run := int(e>>8) & 127
			if k += run; run == endOfBlock {
				break
			}
			block[zigzag[k&127]&63] = int16(e >> 16)
			last = k
			continue
		}
		r.bits, r.n = bits, n
		s := t.next(r)
		bits, n = r.bits, r.n
		if s < 0 {
			return -1
		}
		size := s & 15
		if k += s >> 4; size == 0 {
			if s != 0xF0 {
				break
			}
			continue
		}
		block[zigzag[k]&63] = int16(extend(int(bits>>(64-uint(size))), size))
		last = k
		bits <<= uint(size)
		n -= size
	}
	r.bits, r.n = bits, n
	return last
}

// readDC reads a DC difference and adds it to the prediction.
func (f *frame) readDC(c *plane) bool {
	r := &f.r
	if r.n < 32 {
		r.fill()
	}
	size := c.dcTable.next(r)
	if size <= 0 {
		return size == 0
	}
	c.pred += int32(extend(int(r.bits>>(64-uint(size))), size))
	r.bits <<= uint(size)
	r.n -= size
	return true
}

// place transforms a block whose last coefficient is last and puts its samples
// where they belong. A block at the right or lower border may reach beyond dst.
func (f *frame) place(c *plane, block *[64]int16, last, x, y int) {
	x, y = 8*x, 8*y
	if x+8 <= c.dstW && y+8 <= c.dstH {
		samples(c.dst[y*c.stride+x:], c.stride, block, &c.q, last)
		return
	}
	samples(f.pixels[:], 8, block, &c.q, last)
	if x >= c.dstW {
		return
	}
	for row := range min(8, c.dstH-y) {
		copy(c.dst[(y+row)*c.stride+x:][:min(8, c.dstW-x)], f.pixels[8*row:])
	}
}

// samples is inverse with a short way for a block of one level.
func samples(dst []byte, stride int, block *[64]int16, q *[64]uint16, last int) {
	if last > 0 {
		inverse(dst, stride, block, q)
		return
	}
	v := clampSample((int32(block[0]*int16(q[0])<<midBits) + 1<<(midBits+2)) >> (midBits + 3))
	for y := range 8 {
		row := dst[y*stride : y*stride+8 : y*stride+8]
		for x := range row {
			row[x] = v
		}
	}
}
