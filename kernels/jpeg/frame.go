package jpeg

import "encoding/binary"

// frame is one picture while it is decoded. Its memory is used again for the next.
type frame struct {
	data  []byte
	info  Info
	comps [4]plane

	mcusX, mcusY int // of an interleaved scan
	restart      int // MCUs between restart markers, 0 for none

	quants [4]struct {
		q       [64]uint16
		defined bool
	}
	dc, ac [4]huffman
	r      bitReader
	eobrun int // blocks still to come without coefficients in this scan

	block  [64]int16
	coefs  []int16 // of all components, where several scans send a block
	pixels [64]byte
}

// plane is a component of a frame.
type plane struct {
	id            byte
	h, v, tq      int
	width, height int // samples that the picture needs
	across, down  int // blocks that hold them
	paddedX       int // blocks a row, whole MCUs
	paddedY       int
	q             [64]uint16 // row by row, latched at the component's first scan
	latched       bool       // so a scan has sent it
	coefs         []int16    // paddedX * paddedY blocks
	pred          int32      // of the DC coefficient
	dst           []byte     // where samples go
	stride        int
	dstW, dstH    int // the part of the samples that dst has room for
	dcTable       *huffman
	acTable       *huffman
}

// parse reads the frame header, which ReadInfo has checked.
func (f *frame) parse(data []byte, info *Info) {
	f.data, f.info, f.restart = data, *info, 0
	for i := range f.quants {
		f.quants[i].defined = false
		f.dc[i].defined, f.ac[i].defined = false, false
	}
	b := data[info.sofOffset:]
	maxH, maxV := 1, 1
	for i := range info.Components {
		c := &f.comps[i]
		s := b[6+3*i:]
		*c = plane{id: s[0], h: int(s[1] >> 4), v: int(s[1] & 15), tq: int(s[2])}
		maxH, maxV = max(maxH, c.h), max(maxV, c.v)
	}
	f.mcusX, f.mcusY = (info.Width+8*maxH-1)/(8*maxH), (info.Height+8*maxV-1)/(8*maxV)
	for i := range info.Components {
		c := &f.comps[i]
		c.width, c.height = (info.Width*c.h+maxH-1)/maxH, (info.Height*c.v+maxV-1)/maxV
		c.across, c.down = (c.width+7)/8, (c.height+7)/8
		c.paddedX, c.paddedY = f.mcusX*c.h, f.mcusY*c.v
	}
}

// decode decodes the scans into the components' dst.
func (f *frame) decode() error {
	if f.info.Progressive {
		f.makeCoefs()
	}
	at := 2
	for {
		s, err := nextSegment(f.data, at)
		if err != nil {
			if f.allScanned() { // all there but the end marker
				break
			}
			return err
		}
		if at = s.end; s.marker == mEOI {
			break
		}
		if s.marker == mSOS {
			if at, err = f.scan(s); err != nil {
				return err
			}
			if !f.info.Progressive && f.allScanned() {
				break
			}
			continue
		}
		if err := f.tables(s); err != nil {
			return err
		}
	}
	if !f.allScanned() {
		return corruptAt(len(f.data), "a component has no scan")
	}
	if f.info.Progressive {
		f.inverseAll()
	}
	return nil
}

func (f *frame) allScanned() bool {
	for i := range f.info.Components {
		if !f.comps[i].latched {
			return false
		}
	}
	return true
}

// makeCoefs takes memory for the coefficients. Info.check has held the size
// against the bytes of the file.
func (f *frame) makeCoefs() {
	n := 0
	for i := range f.info.Components {
		n += 64 * f.comps[i].paddedX * f.comps[i].paddedY
	}
	if cap(f.coefs) < n {
		f.coefs = make([]int16, n)
	}
	f.coefs = f.coefs[:n]
	clear(f.coefs)
	rest := f.coefs
	for i := range f.info.Components {
		c := &f.comps[i]
		n := 64 * c.paddedX * c.paddedY
		c.coefs, rest = rest[:n:n], rest[n:]
	}
}

// tables takes in a segment with tables; others are passed over.
func (f *frame) tables(s segment) error {
	switch s.marker {
	case mDQT:
		return f.quantisers(s)
	case mDHT:
		return f.huffmans(s)
	case mDRI:
		if len(s.body) != 2 {
			return corruptAt(s.offset, "restart interval of %d bytes", len(s.body))
		}
		f.restart = int(binary.BigEndian.Uint16(s.body))
	}
	return nil
}

// quantisers reads a DQT segment (T.81 B.2.4.1).
func (f *frame) quantisers(s segment) error {
	for b := s.body; len(b) > 0; {
		wide, id := b[0]>>4, b[0]&15
		size := 64 << min(wide, 1)
		if id > 3 || wide > 1 || len(b) < 1+size {
			return corruptAt(s.offset, "a quantisation table is broken")
		}
		t := &f.quants[id]
		for k := range 64 {
			if wide == 1 {
				t.q[zigzag[k]] = binary.BigEndian.Uint16(b[1+2*k:])
			} else {
				t.q[zigzag[k]] = uint16(b[1+k])
			}
		}
		t.defined = true
		b = b[1+size:]
	}
	return nil
}

// huffmans reads a DHT segment (T.81 B.2.4.2).
func (f *frame) huffmans(s segment) error {
	for b := s.body; len(b) > 0; {
		class, id := b[0]>>4, b[0]&15
		if class > 1 || id > 3 {
			return corruptAt(s.offset, "Huffman table %d of class %d", id, class)
		}
		t := &f.dc[id]
		if class == 1 {
			t = &f.ac[id]
		}
		n := t.define(b[1:], class == 0)
		if n == 0 {
			return corruptAt(s.offset, "Huffman table %d of class %d is broken", id, class)
		}
		b = b[1+n:]
	}
	return nil
}

// scanHeader is what a scan sends of which components.
type scanHeader struct {
	comps       [4]*plane
	n           int
	first, last int // coefficients
	high, low   int // bits: Ah and Al
}

// header reads a scan header (T.81 B.2.3).
func (f *frame) header(s segment) (h scanHeader, err error) {
	b := s.body
	if len(b) < 1 || len(b) != 4+2*int(b[0]) || b[0] < 1 || b[0] > 4 {
		return h, corruptAt(s.offset, "scan header of %d bytes", len(b))
	}
	h.n = int(b[0])
	tail := b[1+2*h.n:]
	h.first, h.last, h.high, h.low = int(tail[0]), int(tail[1]), int(tail[2]>>4), int(tail[2]&15)
	if !f.info.Progressive {
		h.first, h.last, h.high, h.low = 0, 63, 0, 0
	}
	blocks := 0
	for i := range h.n {
		c, err := f.component(b[1+2*i], h.comps[:i], s)
		if err != nil {
			return h, err
		}
		h.comps[i] = c
		blocks += c.h * c.v
		if b[2+2*i]>>4 > 3 || b[2+2*i]&15 > 3 {
			return h, corruptAt(s.offset, "Huffman table %02x", b[2+2*i])
		}
		c.dcTable, c.acTable = &f.dc[b[2+2*i]>>4], &f.ac[b[2+2*i]&15]
		if h.first == 0 && h.high == 0 && !c.dcTable.defined || h.last > 0 && !c.acTable.defined {
			return h, corruptAt(s.offset, "a Huffman table is missing")
		}
	}
	switch {
	case h.n > 1 && blocks > 10:
		return h, corruptAt(s.offset, "%d blocks in a unit", blocks)
	case f.info.Progressive && (h.first > h.last || h.last > 63 || h.first == 0 && h.last != 0 || h.first > 0 && h.n > 1 || h.low > 13 || h.high != 0 && h.high != h.low+1):
		return h, corruptAt(s.offset, "scan of coefficients %d to %d, bits %d to %d", h.first, h.last, h.high, h.low)
	}
	return h, nil
}

// component finds a component that the scan does not hold yet, and latches its
// quantiser.
func (f *frame) component(id byte, taken []*plane, s segment) (*plane, error) {
next:
	for i := range f.info.Components {
		c := &f.comps[i]
		if c.id != id {
			continue
		}
		for _, t := range taken {
			if t == c {
				continue next
			}
		}
		if !c.latched {
			if c.tq > 3 || !f.quants[c.tq].defined {
				return nil, corruptAt(s.offset, "quantisation table %d is missing", c.tq)
			}
			c.q, c.latched = f.quants[c.tq].q, true
		}
		return c, nil
	}
	return nil, corruptAt(s.offset, "the scan names component %d, which the frame does not have", id)
}

// scan decodes one scan and returns the offset behind its data.
func (f *frame) scan(s segment) (int, error) {
	h, err := f.header(s)
	if err != nil {
		return 0, err
	}
	f.r.data = f.data
	f.r.begin(s.end)
	if f.info.Progressive {
		err = f.progressive(&h)
	} else {
		err = f.sequential(&h)
	}
	if err != nil {
		return 0, err
	}
	return f.r.at, nil
}

// restartAt takes in the restart marker before unit i: m of them have passed.
func (f *frame) restartAt(m int) error {
	at := f.r.at
	s, err := nextSegment(f.data, at)
	if err != nil {
		return err
	}
	if want := mRST0 + byte(m-1)&7; s.marker != want {
		return corruptAt(s.offset, "marker FF%02X where restart marker FF%02X should be", s.marker, want)
	}
	f.r.begin(s.end)
	f.eobrun = 0
	for i := range f.info.Components {
		f.comps[i].pred = 0
	}
	return nil
}

// badCode is the error of a scan that cannot be decoded further.
func (f *frame) badCode() error {
	if f.r.n < 0 || f.r.ends && f.r.n == 0 {
		return corruptAt(f.r.at, "the scan ends early")
	}
	return corruptAt(f.r.byteAt(), "no Huffman code fits")
}
