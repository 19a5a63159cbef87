package picture

import (
	"fmt"
	"image"
	"image/png"
	"sync"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// EncodePNG appends src as an 8-bit RGB PNG to dst. The same pixels and the
// same version of Go's compressor give the same bytes. Safe for concurrent use.
func EncodePNG(dst []byte, src *raster.RGB) ([]byte, error) {
	e := encoders.Get().(*pngEncoder)
	defer encoders.Put(e)
	if n := 4 * src.Width * src.Height; cap(e.img.Pix) < n {
		e.img.Pix = make([]byte, n)
	} else {
		e.img.Pix = e.img.Pix[:n]
	}
	e.img.Stride, e.img.Rect = 4*src.Width, image.Rect(0, 0, src.Width, src.Height)
	for i := range src.Width * src.Height {
		p, q := src.Pix[3*i:][:3], e.img.Pix[4*i:][:4]
		q[0], q[1], q[2], q[3] = p[0], p[1], p[2], 255
	}
	out := appender(dst)
	if err := e.png.Encode(&out, &e.img); err != nil {
		return dst, fmt.Errorf("picture: encode %dx%d PNG: %w", src.Width, src.Height, err)
	}
	return out, nil
}

// pngEncoder is the scratch memory of one EncodePNG.
type pngEncoder struct {
	png png.Encoder
	img image.RGBA
	buf *png.EncoderBuffer
}

// Get and Put make the encoder keep its buffers (png.EncoderBufferPool).
func (e *pngEncoder) Get() *png.EncoderBuffer  { return e.buf }
func (e *pngEncoder) Put(b *png.EncoderBuffer) { e.buf = b }

var encoders = sync.Pool{New: func() any {
	e := new(pngEncoder)
	e.png.BufferPool = e
	return e
}}

type appender []byte

func (a *appender) Write(p []byte) (int, error) { *a = append(*a, p...); return len(p), nil }
