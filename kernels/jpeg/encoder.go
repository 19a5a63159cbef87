package jpeg

import (
	"fmt"
	"image"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Encoder encodes baseline JPEG files with the standard Huffman tables and the
// quality scale of libjpeg. It keeps a native handle and scratch memory; Close
// frees the handle. Not safe for concurrent use.
//
// Each method appends the file to dst and returns the extended slice; the same
// arguments and Codec give the same bytes. quality is 1..100.
type Encoder struct {
	own    bool // use this package's encoder whatever is installed
	tj     *turboHandle
	out    []byte      // native output, which needs room for the worst case
	luma   []byte      // padded to whole chroma samples
	view   image.YCbCr // the caller's chroma with luma
	writer writer      // this package's encoder
	padded raster.RGB  // RGB that reaches to whole blocks
	planes image.YCbCr // of RGB
}

// NewEncoder returns an Encoder of the codec that Codec names.
func NewEncoder() *Encoder { return &Encoder{} }

// Close frees the native handle. The Encoder may be used again.
func (e *Encoder) Close() {
	if e.tj != nil {
		e.tj.close()
		e.tj = nil
	}
}

// Planes encodes src without colour conversion, in src's subsampling (4:1:0 is
// fault.Unsupported). src is not changed.
func (e *Encoder) Planes(dst []byte, src *image.YCbCr, quality int) ([]byte, error) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	native, err := e.begin(w, h, src.SubsampleRatio, quality)
	if err != nil {
		return dst, err
	}
	if err := checkPlanes(src); err != nil {
		return dst, err
	}
	if !native {
		return e.writer.encode(dst, src, w, h, quality), nil
	}
	n, err := e.tj.fromPlanes(e.out, e.whole(src), quality)
	if err != nil {
		return dst, fmt.Errorf("jpeg: encode %dx%d: %w", w, h, err)
	}
	return append(dst, e.out[:n]...), nil
}

// RGB encodes src with chroma of the given subsampling.
func (e *Encoder) RGB(dst []byte, src *raster.RGB, quality int, ratio image.YCbCrSubsampleRatio) ([]byte, error) {
	w, h := src.Width, src.Height
	native, err := e.begin(w, h, ratio, quality)
	if err != nil {
		return dst, err
	}
	if !native {
		raster.ToPlanes(&e.planes, e.whole8(src, ratio), ratio)
		return e.writer.encode(dst, &e.planes, w, h, quality), nil
	}
	n, err := e.tj.fromRGB(e.out, src.Pix[:3*w*h], w, h, ratio, quality)
	if err != nil {
		return dst, fmt.Errorf("jpeg: encode %dx%d: %w", w, h, err)
	}
	return append(dst, e.out[:n]...), nil
}

// begin checks the arguments, and makes the native handle and room for its
// output where there is a library.
func (e *Encoder) begin(w, h int, ratio image.YCbCrSubsampleRatio, quality int) (bool, error) {
	switch {
	case w < 1 || h < 1:
		return false, fault.New(fault.Bug, "jpeg: encode %dx%d pixels", w, h)
	case w > maxSide || h > maxSide:
		return false, fault.New(fault.TooLarge, "jpeg: encode %dx%d pixels: a side holds at most %d", w, h, maxSide)
	case quality < 1 || quality > 100:
		return false, fault.New(fault.Usage, "jpeg: quality %d is not in 1..100", quality)
	case ratio == image.YCbCrSubsampleRatio410:
		return false, fault.New(fault.Unsupported, "jpeg: encode 4:1:0 chroma")
	}
	lib, _ := library()
	if lib == nil || e.own {
		return false, nil
	}
	if e.tj == nil {
		tj, err := lib.open(lib.initCompress)
		if err != nil {
			return false, err
		}
		e.tj = tj
	}
	n, err := e.tj.bound(w, h, ratio)
	if err != nil {
		return false, err
	}
	if len(e.out) < n {
		e.out = make([]byte, n)
	}
	return true, nil
}

// checkPlanes refuses planes that start inside a chroma sample, and planes
// shorter than their size says, which C would read past.
func checkPlanes(m *image.YCbCr) error {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	sh, sv := raster.SamplesPerChroma(m.SubsampleRatio)
	if x, y := m.Rect.Min.X, m.Rect.Min.Y; x%sh != 0 || y%sv != 0 {
		return fault.New(fault.Bug, "jpeg: planes begin inside a chroma sample, at (%d, %d)", x, y)
	}
	cw, ch := up(w, sh)/sh, up(h, sv)/sv
	if !holds(m.Y, m.YStride, w, h) || !holds(m.Cb, m.CStride, cw, ch) || !holds(m.Cr, m.CStride, cw, ch) {
		return fault.New(fault.Bug, "jpeg: planes are shorter than %dx%d %v needs", w, h, m.SubsampleRatio)
	}
	return nil
}

// holds reports whether b has h rows of w samples.
func holds(b []byte, stride, w, h int) bool { return stride >= w && len(b) >= (h-1)*stride+w }

// whole returns src with luma that reaches to whole chroma samples, the last
// sample repeated: a copy where src's does not.
func (e *Encoder) whole(src *image.YCbCr) *image.YCbCr {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	sh, sv := raster.SamplesPerChroma(src.SubsampleRatio)
	pw, ph := up(w, sh), up(h, sv)
	if pw == w && ph == h {
		return src
	}
	if n := pw * ph; cap(e.luma) < n {
		e.luma = make([]byte, n)
	}
	luma := e.luma[:pw*ph]
	for r := range ph {
		row := luma[r*pw:][:pw]
		copy(row, src.Y[min(r, h-1)*src.YStride:][:w])
		fill(row[w:], row[w-1])
	}
	e.view = *src
	e.view.Y, e.view.YStride = luma, pw
	return &e.view
}

// whole8 returns src with rows that reach to whole blocks of chroma, and as many
// of them as chroma samples cover, the last pixel and row repeated: libjpeg widens
// pixels and not samples.
func (e *Encoder) whole8(src *raster.RGB, ratio image.YCbCrSubsampleRatio) *raster.RGB {
	w, h := src.Width, src.Height
	sh, sv := raster.SamplesPerChroma(ratio)
	pw, ph := up(w, 8*sh), up(h, sv)
	if pw == w && ph == h {
		return src
	}
	e.padded.Reset(pw, ph)
	for y := range ph {
		row := e.padded.Pix[3*pw*y:][:3*pw]
		copy(row, src.Pix[3*w*min(y, h-1):][:3*w])
		for x := w; x < pw; x++ {
			copy(row[3*x:3*x+3], row[3*w-3:3*w])
		}
	}
	return &e.padded
}
