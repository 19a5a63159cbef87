package morph

// Morpher holds the buffers of the package's operations, so that a call
// allocates nothing once sizes repeat or shrink. The zero value is ready. A
// Morpher is for one goroutine at a time.
type Morpher struct {
	plane       // the picture at work
	out, window []uint64

	runs   []run
	rows   []int // index of each row's first run
	parts  []Component
	column []int32
	hull   []parabola
}

// Dilate makes dst the dilation of src: a pixel is set where src has one at any
// offset of k. Beyond the edge there is none.
func (m *Morpher) Dilate(dst, src *Bitmap, k Kernel) {
	m.pack(src)
	m.dilate(k)
	m.unpack(dst)
}

// Erode makes dst the erosion of src: a pixel stays where src has one at every
// offset of k that lies within the picture.
func (m *Morpher) Erode(dst, src *Bitmap, k Kernel) {
	m.pack(src)
	m.erode(k)
	m.unpack(dst)
}

// Close makes dst the dilation of src by k, eroded by k: gaps and holes that k
// does not fit into are filled.
func (m *Morpher) Close(dst, src *Bitmap, k Kernel) {
	m.pack(src)
	m.dilate(k)
	m.erode(k)
	m.unpack(dst)
}

// Open makes dst the erosion of src by k, dilated by k: specks and bridges that
// k does not fit into are dropped.
func (m *Morpher) Open(dst, src *Bitmap, k Kernel) {
	m.pack(src)
	m.erode(k)
	m.dilate(k)
	m.unpack(dst)
}

// erode uses that an erosion is the dilation of the background.
func (m *Morpher) erode(k Kernel) {
	m.invert()
	m.dilate(k)
	m.invert()
}

func (m *Morpher) dilate(k Kernel) {
	if len(k.rects) == 0 || m.w == 0 || m.h == 0 {
		return
	}
	m.out = grow(m.out, len(m.bits))
	clear(m.out)
	for _, r := range k.rects {
		// Offsets beyond the picture's own size reach nothing.
		m.dilateRect(rect{max(r.x0, -m.w), max(r.y0, -m.h), min(r.x1, m.w), min(r.y1, m.h)})
	}
	m.bits, m.out = m.out, m.bits
	m.trim()
}

// dilateRect ors the dilation by r into out. The window holds the picture moved
// by -x0 and -y0, with zeros around it, so that a pixel is the or of those
// from itself to r's width right and r's height down.
func (m *Morpher) dilateRect(r rect) {
	across, down := r.x1-r.x0+1, r.y1-r.y0+1
	stride := (m.w + across + 63) / 64
	rows := m.h + down - 1
	m.window = grow(m.window, rows*stride+1)
	clear(m.window)
	for y := range m.h {
		row := m.bits[y*m.stride:][:m.stride]
		shiftInto(m.window[(y-r.y0)*stride:][:stride], row, -r.x0)
	}

	// Pixels in the padding right of a row collect the next row's, but no
	// pixel within the picture looks beyond it.
	doubling(across, func(by int) { orShifted(m.window, by) })
	doubling(down, func(by int) { orWords(m.window[:(rows-by)*stride], m.window[by*stride:]) })

	for y := range m.h {
		orWords(m.out[y*m.stride:][:m.stride], m.window[y*stride:])
	}
}

// doubling calls step with the distances that widen a window of 1 to n.
func doubling(n int, step func(by int)) {
	have := 1
	for ; 2*have <= n; have *= 2 {
		step(have)
	}
	if have < n {
		step(n - have)
	}
}
