package chain

import (
	"image"
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

// NoCodec is the codec of a chain that stores the original bytes.
const NoCodec = "none"

// Codec names what decodes and encodes the pixels of this chain in this
// process. It is part of what a dataset is: other bits, other name.
func (c *Chain) Codec() string {
	if c.Keep() {
		return NoCodec
	}
	return jpeg.Codec()
}

// keptPixels is the size of image, in pixels, up to which a Worker holds on to
// its buffers between examples: memory must not stay where one giant has been.
const keptPixels = 2 << 20

// Worker applies a chain: Open, Decode, Transform, Encode, in that order, to one
// example after another. It is for one goroutine at a time; Close frees its
// codec handles.
type Worker struct {
	chain *Chain
	dec   *picture.Decoder
	enc   *jpeg.Encoder
	size  resize.Resizer

	ex     *datasets.Example
	data   []byte
	info   picture.Info
	planar bool        // on planes, else on rgb
	planes image.YCbCr // the image as it stands
	rgb    raster.RGB
	spare  image.YCbCr // where the next step puts it
	other  raster.RGB
}

// NewWorker returns a Worker for c.
func (c *Chain) NewWorker() *Worker {
	return &Worker{chain: c, dec: picture.NewDecoder(picture.Limits{}), enc: jpeg.NewEncoder()}
}

// Close frees native handles.
func (w *Worker) Close() {
	w.dec.Close()
	w.enc.Close()
}

// Open reads the header of an example's encoded image, without decoding, and
// sets the original size. It returns the bytes of pixels that the chain will
// hold at a time. Where the annotations state a size and it is another,
// the error is fault.InvalidAnnotation. data must stay as it is until Encode.
func (w *Worker) Open(ex *datasets.Example, data []byte) (need int64, err error) {
	w.ex, w.data = ex, data
	if w.info, err = w.dec.Info(data); err != nil {
		return 0, err
	}
	iw, ih := w.info.Width, w.info.Height
	if dw, dh := ex.OriginalWidth, ex.OriginalHeight; (dw != 0 || dh != 0) && (dw != iw || dh != ih) {
		hint := ""
		if dw == ih && dh == iw && w.info.Orientation > 4 {
			hint = " (an orientation tag was applied before annotating)"
		}
		return 0, fault.New(fault.InvalidAnnotation, "the annotations are for %d x %d pixels, the image has %d x %d%s", dw, dh, iw, ih, hint)
	}
	ex.OriginalWidth, ex.OriginalHeight = iw, ih
	ex.Width, ex.Height = iw, ih
	w.planar = w.onPlanes()
	return w.pixelBytes(), nil
}

// onPlanes reports whether the chain can stay on YCbCr planes.
func (w *Worker) onPlanes() bool {
	if w.chain.Keep() {
		return true
	}
	for _, s := range w.chain.steps {
		switch s.op.name {
		case "decode":
			if s.arg("orient").b && w.info.Orientation != 1 {
				return false
			}
		case "encode":
			if s.arg("form").text != "jpeg" {
				return false
			}
		case "resize":
		default:
			return false
		}
	}
	return true
}

// Decode decodes the image, in full, also where its bytes are kept.
func (w *Worker) Decode() error {
	if w.chain.Keep() {
		return w.dec.Check(w.data)
	}
	if w.planar {
		ok, err := w.dec.Planes(&w.planes, w.data)
		if ok || err != nil {
			return err
		}
		w.planar = false
	}
	return w.dec.RGB(&w.rgb, w.data)
}

// Transform runs the steps between decode and encode; the annotations follow.
func (w *Worker) Transform() error {
	if w.chain.Keep() {
		return nil
	}
	for _, s := range w.chain.steps {
		g, ok := w.plan(s)
		if !ok {
			continue
		}
		w.move(s, g)
		if err := g.follow(w.ex); err != nil {
			return err
		}
		w.ex.Width, w.ex.Height = g.w2, g.h2
	}
	return nil
}

// plan turns a step into what it does to the raster; false means nothing.
func (w *Worker) plan(s step) (geometry, bool) {
	g := geometry{w: w.ex.Width, h: w.ex.Height}
	switch s.op.name {
	case "decode":
		g.kind, g.orient = turning, w.info.Orientation
		g.w2, g.h2 = g.w, g.h
		if g.orient > 4 {
			g.w2, g.h2 = g.h, g.w
		}
		return g, s.arg("orient").b && g.orient > 1
	case "resize":
		g.kind = scaling
	case "center_crop":
		g.kind = windowing
	case "pad":
		g.kind = windowing
	default:
		return g, false
	}
	g.w2, g.h2, _ = s.target(g.w, g.h)
	if s.op.name == "center_crop" || s.op.name == "pad" && s.arg("place").text == "center" {
		g.x, g.y = raster.Centre(g.w, g.w2), raster.Centre(g.h, g.h2)
	}
	return g, g.w != g.w2 || g.h != g.h2
}

// target is the size that a step makes of w x h.
func (s step) target(w, h int) (int, int, bool) {
	switch s.op.name {
	case "resize":
		w2, h2 := s.resized(w, h)
		return w2, h2, true
	case "center_crop":
		return s.arg("width").n, s.arg("height").n, true
	case "pad":
		return max(w, s.arg("width").n), max(h, s.arg("height").n), true
	}
	return w, h, false
}

// resized rounds half to even, as Pillow's callers do with round().
func (s step) resized(w, h int) (int, int) {
	if s.arg("width").set {
		return s.arg("width").n, s.arg("height").n
	}
	from, to := min(w, h), s.arg("short").n
	if s.arg("long").set {
		from, to = max(w, h), s.arg("long").n
	}
	if to > from && !s.arg("enlarge").b {
		return w, h
	}
	scale := float64(to) / float64(from)
	side := func(v int) int { return max(1, int(math.RoundToEven(float64(v)*scale))) }
	return side(w), side(h)
}

// move changes the pixels.
func (w *Worker) move(s step, g geometry) {
	if g.kind == scaling {
		f, err := resize.ParseFilter(s.arg("filter").text)
		if err != nil {
			panic(err) // the chain's own table names the filter
		}
		o := resize.Options{Filter: f, NoAntialias: !s.arg("antialias").b}
		if w.planar {
			raster.ResetPlanes(&w.spare, g.w2, g.h2, w.chain.subsampling())
			w.size.Planes(&w.spare, &w.planes, o)
			w.planes, w.spare = w.spare, w.planes
			return
		}
		w.other.Reset(g.w2, g.h2)
		w.size.RGB(&w.other, &w.rgb, o)
	} else if g.kind == turning {
		raster.Orient(&w.other, &w.rgb, g.orient)
	} else {
		fill := raster.Color{}
		if s.op.name == "pad" {
			c := s.arg("color").rgb
			fill = raster.Color{R: c[0], G: c[1], B: c[2]}
		}
		w.other.Reset(g.w2, g.h2)
		raster.Crop(&w.other, &w.rgb, g.x, g.y, fill)
	}
	w.rgb, w.other = w.other, w.rgb
}

// subsampling is that of the encode step.
func (c *Chain) subsampling() image.YCbCrSubsampleRatio {
	switch c.steps[len(c.steps)-1].arg("subsampling").text {
	case "444":
		return image.YCbCrSubsampleRatio444
	case "422":
		return image.YCbCrSubsampleRatio422
	}
	return image.YCbCrSubsampleRatio420
}

// Encode sets the example's image, in buf where that is large enough; buf may be
// the data given to Open. It returns the buffer that holds it.
func (w *Worker) Encode(buf []byte) ([]byte, error) {
	defer w.shrink()
	if w.chain.Keep() {
		ext, ok := extensions[w.info.Format]
		if !ok || w.info.Gzip {
			return buf, fault.New(fault.Unsupported, "keep stores JPEG, PNG, GIF, BMP and WebP files; this one is %s", w.packed())
		}
		w.ex.Image, w.ex.Ext = w.data, ext
		return buf, nil
	}
	s := w.chain.steps[len(w.chain.steps)-1]
	var err error
	out := buf[:0]
	if s.arg("form").text == "png" {
		out, err = picture.EncodePNG(out, &w.rgb)
		w.ex.Image, w.ex.Ext = out, "png"
		return out, err
	}
	if w.planar {
		out, err = w.enc.Planes(out, w.asked(), s.arg("quality").n)
	} else {
		out, err = w.enc.RGB(out, &w.rgb, s.arg("quality").n, w.chain.subsampling())
	}
	w.ex.Image, w.ex.Ext = out, "jpg"
	return out, err
}

func (w *Worker) packed() string {
	if w.info.Gzip {
		return "wrapped in gzip"
	}
	return string(w.info.Format)
}

var extensions = map[picture.Format]string{
	picture.JPEG: "jpg", picture.PNG: "png", picture.GIF: "gif", picture.BMP: "bmp", picture.WebP: "webp",
}

// asked brings planes that no resize has touched to the subsampling that encode
// asks for.
func (w *Worker) asked() *image.YCbCr {
	want := w.chain.subsampling()
	if w.planes.SubsampleRatio == want {
		return &w.planes
	}
	raster.ResetPlanes(&w.spare, w.ex.Width, w.ex.Height, want)
	w.size.Planes(&w.spare, &w.planes, resize.Options{Filter: resize.Bilinear})
	return &w.spare
}

// shrink gives back the buffers that an unusually large image has left.
func (w *Worker) shrink() {
	w.ex, w.data = nil, nil
	if max(cap(w.planes.Y), cap(w.spare.Y), cap(w.rgb.Pix)/3, cap(w.other.Pix)/3) <= keptPixels {
		return
	}
	w.planes, w.spare, w.rgb, w.other = image.YCbCr{}, image.YCbCr{}, raster.RGB{}, raster.RGB{}
	w.size = resize.Resizer{}
	w.Close()
	w.dec, w.enc = picture.NewDecoder(picture.Limits{}), jpeg.NewEncoder()
}
