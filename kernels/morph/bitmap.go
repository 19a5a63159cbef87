package morph

// Bitmap is a binary image: Height rows of Width bytes without padding, 0 for
// the background and anything else for the foreground. Functions of this package
// write 0 and 255.
type Bitmap struct {
	Width, Height int
	Pix           []byte
}

// New returns an empty bitmap of w x h pixels.
func New(w, h int) *Bitmap { return &Bitmap{Width: w, Height: h, Pix: make([]byte, w*h)} }

// Reset makes b a w x h bitmap, keeping its buffer when that is large enough.
// The pixels are undefined afterwards.
func (b *Bitmap) Reset(w, h int) {
	b.Width, b.Height = w, h
	if cap(b.Pix) < w*h {
		b.Pix = make([]byte, w*h)
	}
	b.Pix = b.Pix[:w*h]
}
