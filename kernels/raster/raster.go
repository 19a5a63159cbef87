package raster

import "image"

// RGB is an 8-bit colour image: Height rows of Width interleaved R, G, B
// samples, no padding, so Pix holds 3*Width*Height bytes.
type RGB struct {
	Width, Height int
	Pix           []byte
}

// NewRGB returns a black image of w x h pixels.
func NewRGB(w, h int) *RGB {
	return &RGB{Width: w, Height: h, Pix: make([]byte, 3*w*h)}
}

// Reset makes m a w x h image, keeping its buffer when that is large enough.
// The pixels are undefined afterwards.
func (m *RGB) Reset(w, h int) {
	m.Width, m.Height = w, h
	m.Pix = grow(m.Pix, 3*w*h)
}

// ResetPlanes makes m a w x h YCbCr image of the given subsampling, keeping its
// buffers when they are large enough. Strides equal the plane widths; the
// samples are undefined afterwards. The type is the standard library's: full
// range (JFIF) samples, chroma planes of ceil(w/h ratio) size.
func ResetPlanes(m *image.YCbCr, w, h int, ratio image.YCbCrSubsampleRatio) {
	cw, ch := ChromaSize(w, h, ratio)
	m.Rect = image.Rect(0, 0, w, h)
	m.SubsampleRatio = ratio
	m.YStride, m.CStride = w, cw
	m.Y, m.Cb, m.Cr = grow(m.Y, w*h), grow(m.Cb, cw*ch), grow(m.Cr, cw*ch)
}

// ChromaSize returns the size of each chroma plane of a w x h image.
func ChromaSize(w, h int, ratio image.YCbCrSubsampleRatio) (cw, ch int) {
	x, y := SamplesPerChroma(ratio)
	return (w + x - 1) / x, (h + y - 1) / y
}

// SamplesPerChroma returns how many luma samples a chroma sample spans across
// and down.
func SamplesPerChroma(ratio image.YCbCrSubsampleRatio) (x, y int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
