package resize

import (
	"fmt"
	"image"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Box is a source rectangle in samples, [X0, X1) x [Y0, Y1), of any fraction.
// The zero value is the whole source. Samples outside the source do not exist:
// the weights of those inside are scaled up instead.
type Box struct {
	X0, Y0, X1, Y1 float64
}

func (b Box) orWhole(w, h int) Box {
	if b == (Box{}) {
		return Box{X1: float64(w), Y1: float64(h)}
	}
	return b
}

// check panics on a box without an area or absurdly far away.
func (b Box) check() {
	const limit = 1 << 30
	if !(-limit < b.X0 && b.X0 < b.X1 && b.X1 < limit && -limit < b.Y0 && b.Y0 < b.Y1 && b.Y1 < limit) {
		panic(fmt.Sprintf("resize: box %v", b))
	}
}

// Options say how to resize. The zero value is Pillow's default for a colour
// image: bicubic, antialiased, from the whole source.
type Options struct {
	Filter Filter
	Box    Box
	// NoAntialias keeps the filter at its own width when the image shrinks, as
	// a plain interpolation does. Nearest never widens.
	NoAntialias bool
}

// Resizer resizes images. It keeps coefficient tables and row buffers, so that
// a call allocates nothing once sizes repeat or shrink; the tables kept are
// bounded to 48 and 8 MiB. The zero value is ready. A Resizer is for one
// goroutine at a time.
type Resizer struct {
	axes     axisCache
	rows     []byte
	floats   []float32
	sums     []int32
	portable bool // tests: leave the assembly out
}

// plane is a strided view of 8-bit samples: h rows of w*channels bytes.
type plane struct {
	pix    []byte
	stride int
	w, h   int
}

// check panics on a view that is larger than its buffer: a caller's bug.
func (p plane) check(name string, channels int) {
	if p.w < 0 || p.h < 0 || p.w > 0 && p.h > 0 && (p.stride < p.w*channels || (p.h-1)*p.stride+p.w*channels > len(p.pix)) {
		panic(fmt.Sprintf("resize: %s of %d x %d x %d, stride %d, in %d bytes", name, p.w, p.h, channels, p.stride, len(p.pix)))
	}
}

// Plane resizes one 8-bit plane of sw x sh samples into one of dw x dh; strides
// are in bytes. The result equals Pillow's for mode L to the level. dst and src
// must not overlap. It panics when a plane does not fit its slice, when the box
// has no area, or when there is something to fill and nothing to fill it from.
func (r *Resizer) Plane(dst []byte, dstStride, dw, dh int, src []byte, srcStride, sw, sh int, o Options) {
	r.resize(plane{dst, dstStride, dw, dh}, plane{src, srcStride, sw, sh}, 1, o)
}

// RGB resizes src into dst, which has its size already. The result equals
// Pillow's for mode RGB to the level.
func (r *Resizer) RGB(dst, src *raster.RGB, o Options) {
	r.resize(plane{dst.Pix, 3 * dst.Width, dst.Width, dst.Height}, plane{src.Pix, 3 * src.Width, src.Width, src.Height}, 3, o)
}

// Planes resizes the three planes of src into dst, which has its size and its
// subsampling ratio already. The box is in luma samples of src, counted from
// its Rect.Min. Chroma samples are centred between the luma samples that they
// stand for, as JPEG has them (JFIF 1.02, "Spatial Relationship of Components"):
// the chroma boxes follow from that, for odd sizes too.
func (r *Resizer) Planes(dst, src *image.YCbCr, o Options) {
	db, sb := dst.Rect, src.Rect
	b := o.Box.orWhole(sb.Dx(), sb.Dy())
	d := plane{dst.Y[dst.YOffset(db.Min.X, db.Min.Y):], dst.YStride, db.Dx(), db.Dy()}
	s := plane{src.Y[src.YOffset(sb.Min.X, sb.Min.Y):], src.YStride, sb.Dx(), sb.Dy()}
	o.Box = b
	r.resize(d, s, 1, o)

	dx, sx := chromaSpan(db.Min.X, db.Max.X, ratioX(dst)), chromaSpan(sb.Min.X, sb.Max.X, ratioX(src))
	dy, sy := chromaSpan(db.Min.Y, db.Max.Y, ratioY(dst)), chromaSpan(sb.Min.Y, sb.Max.Y, ratioY(src))
	o.Box.X0, o.Box.X1 = chromaBox(b.X0, b.X1, d.w, dx, sx)
	o.Box.Y0, o.Box.Y1 = chromaBox(b.Y0, b.Y1, d.h, dy, sy)
	do, so := dst.COffset(db.Min.X, db.Min.Y), src.COffset(sb.Min.X, sb.Min.Y)
	for _, c := range [2][2][]byte{{dst.Cb, src.Cb}, {dst.Cr, src.Cr}} {
		r.resize(plane{c[0][do:], dst.CStride, dx.n, dy.n}, plane{c[1][so:], src.CStride, sx.n, sy.n}, 1, o)
	}
}

// span is one direction of a chroma plane: n samples, each ratio luma samples
// wide; the first one begins skew luma samples before the image does.
type span struct {
	n, ratio, skew int
}

func chromaSpan(lo, hi, ratio int) span {
	first := floorDiv(lo, ratio)
	return span{n: floorDiv(hi+ratio-1, ratio) - first, ratio: ratio, skew: lo - first*ratio}
}

// chromaBox maps the luma interval [lo, hi) of the source, which becomes size
// luma samples, to the interval of the source's chroma plane that becomes the
// whole chroma plane of the destination.
func chromaBox(lo, hi float64, size int, dst, src span) (c0, c1 float64) {
	scale := (hi - lo) / float64(size)
	at := func(luma int) float64 {
		return (lo + float64(float64(luma)*scale) + float64(src.skew)) / float64(src.ratio)
	}
	return at(-dst.skew), at(dst.n*dst.ratio - dst.skew)
}

func ratioX(m *image.YCbCr) int {
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		return 2
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		return 4
	}
	return 1
}

func ratioY(m *image.YCbCr) int {
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio410:
		return 2
	}
	return 1
}

func floorDiv(a, b int) int {
	if a < 0 {
		a -= b - 1
	}
	return a / b
}
