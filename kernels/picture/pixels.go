package picture

import (
	"image"
	"image/color"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// toRGB copies img, of dst's size, to dst: alpha dropped, high bytes kept.
func toRGB(dst *raster.RGB, img image.Image) error {
	w := dst.Width
	var palette *[256][3]byte
	if m, ok := img.(*image.Paletted); ok {
		palette = colours(m.Palette)
	}
	for y := range dst.Height {
		out := dst.Pix[3*w*y:][:3*w]
		switch m := img.(type) {
		case *image.Gray:
			greys(out, m.Pix[y*m.Stride:], 1)
		case *image.Gray16:
			greys(out, m.Pix[y*m.Stride:], 2)
		case *image.RGBA: // of opaque files only, so nothing is premultiplied
			pick(out, m.Pix[y*m.Stride:], 4, 1)
		case *image.NRGBA:
			pick(out, m.Pix[y*m.Stride:], 4, 1)
		case *image.RGBA64:
			pick(out, m.Pix[y*m.Stride:], 8, 2)
		case *image.NRGBA64:
			pick(out, m.Pix[y*m.Stride:], 8, 2)
		case *image.Paletted:
			look(out, m.Pix[y*m.Stride:][:w], palette)
		case *image.YCbCr:
			webpRow(out, m, y)
		case *image.NYCbCrA:
			webpRow(out, &m.YCbCr, y)
		default:
			return fault.New(fault.Bug, "picture: a decoder gave %T", img)
		}
	}
	return nil
}

// greys repeats the first of every step bytes.
func greys(out, pix []byte, step int) {
	for i := 0; i < len(out); i += 3 {
		v := pix[i/3*step]
		out[i], out[i+1], out[i+2] = v, v, v
	}
}

// pick takes the first byte of each of three samples, size bytes each, of
// pixels of step bytes.
func pick(out, pix []byte, step, size int) {
	for i := 0; i < len(out); i += 3 {
		p := pix[i/3*step:][:3*size]
		out[i], out[i+1], out[i+2] = p[0], p[size], p[2*size]
	}
}

// look replaces indices by their colours.
func look(out, indices []byte, palette *[256][3]byte) {
	for i, v := range indices {
		copy(out[3*i:3*i+3], palette[v][:])
	}
}

// colours returns the colours of a palette before alpha; what is beyond it is
// black.
func colours(p color.Palette) *[256][3]byte {
	var out [256][3]byte
	for i, c := range p[:min(len(p), 256)] {
		switch c := c.(type) { // what the decoders make of an opaque and of another entry
		case color.RGBA:
			out[i] = [3]byte{c.R, c.G, c.B}
		case color.NRGBA:
			out[i] = [3]byte{c.R, c.G, c.B}
		}
	}
	return &out
}

// withAlpha makes dst the colours of rgb with the alpha of img, which has the
// same size or is nil.
func withAlpha(dst *image.NRGBA, rgb *raster.RGB, img image.Image) {
	w, h := rgb.Width, rgb.Height
	if n := 4 * w * h; cap(dst.Pix) < n {
		dst.Pix = make([]byte, n)
	} else {
		dst.Pix = dst.Pix[:n]
	}
	dst.Stride, dst.Rect = 4*w, image.Rect(0, 0, w, h)
	for i := range w * h {
		p, q := rgb.Pix[3*i:][:3], dst.Pix[4*i:][:4]
		q[0], q[1], q[2], q[3] = p[0], p[1], p[2], 255
		switch m := img.(type) {
		case *image.NRGBA:
			q[3] = m.Pix[i/w*m.Stride+i%w*4+3]
		case *image.NRGBA64:
			q[3] = m.Pix[i/w*m.Stride+i%w*8+6]
		case *image.NYCbCrA:
			q[3] = m.A[i/w*m.AStride+i%w]
		case *image.Paletted:
			if c, ok := m.Palette[m.Pix[i/w*m.Stride+i%w]].(color.NRGBA); ok {
				q[3] = c.A
			}
		}
	}
}
