package jpeg

import (
	"image"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// DefaultMaxPixels is the largest picture that a Decoder takes unless told
// otherwise: Pillow's limit, twice its MAX_IMAGE_PIXELS.
const DefaultMaxPixels = 178_956_970

// Decoder decodes JPEG files. It keeps a native handle and scratch memory, so
// use one for many files; Close frees the handle. Not safe for concurrent use.
//
// Every method refuses a picture over MaxPixels with fault.TooLarge before it
// allocates, an incomplete or damaged one with fault.Corrupt, and leaves dst
// undefined after an error. An error without a code is the machinery's.
type Decoder struct {
	MaxPixels int64 // 0 is DefaultMaxPixels

	own   bool // use this package's decoder whatever is installed
	tj    *turboHandle
	fixed []byte // a repaired copy of the file
	inks  []byte

	frame frame // of this package's decoder, and what it decodes to
	part  [4][]byte
	full  [4][]byte
	line  []byte
	rgb   raster.RGB
}

// NewDecoder returns a Decoder of the codec that Codec names.
func NewDecoder() *Decoder { return &Decoder{} }

// Close frees the native handle. The Decoder may be used again.
func (d *Decoder) Close() {
	if d.tj != nil {
		d.tj.close()
		d.tj = nil
	}
}

// Planes decodes a grey or YCbCr file (Info.Planar; others are
// fault.Unsupported) to its planes, with the file's own subsampling and no
// colour conversion. A grey file gives 4:2:0 with chroma of 128. Strides may be
// larger than the planes are wide: rows reach to whole chroma samples.
// dst's buffers are used again when they are large enough.
func (d *Decoder) Planes(dst *image.YCbCr, data []byte) error {
	info, data, err := d.prepare(data)
	if err != nil {
		return err
	}
	if !info.planar {
		return unsupportedAt(info.sofOffset, "a %v file of these sampling factors has no planes here", info.Kind)
	}
	native, err := d.open(&info)
	if err != nil {
		return err
	}
	if !native {
		return d.ownPlanes(dst, data, &info)
	}
	return d.turboPlanes(dst, data, &info)
}

// RGB decodes any file to RGB as Pillow's convert("RGB") does: triangle-filtered
// chroma, grey repeated, CMYK by r = max(0, (255-k) - c*(255-k)/255).
func (d *Decoder) RGB(dst *raster.RGB, data []byte) error {
	info, data, err := d.prepare(data)
	if err != nil {
		return err
	}
	native, err := d.open(&info)
	if err != nil {
		return err
	}
	dst.Reset(info.Width, info.Height)
	switch {
	case info.Components == 4:
		if d.inks, err = d.cmyk(d.inks, data, &info, native); err == nil {
			inksToRGB(dst.Pix, d.inks)
		}
		return err
	case native:
		return d.turbo(data, &info, func(data []byte) error {
			return d.tj.toPixels(dst.Pix, info.Width, info.Height, tjRGB, data)
		})
	}
	return d.ownRGB(dst, data, &info)
}

// CMYK decodes a four-component file to the inks C, M, Y, K of each pixel, 255
// being full ink, in dst if that is large enough. The file's samples are taken
// as inverted, as Adobe writes them and Pillow assumes.
func (d *Decoder) CMYK(dst []byte, data []byte) ([]byte, error) {
	info, data, err := d.prepare(data)
	if err != nil {
		return dst, err
	}
	if info.Components != 4 {
		return dst, unsupportedAt(info.sofOffset, "no inks in a %v file", info.Kind)
	}
	native, err := d.open(&info)
	if err != nil {
		return dst, err
	}
	return d.cmyk(dst, data, &info, native)
}

func (d *Decoder) cmyk(dst, data []byte, info *Info, native bool) ([]byte, error) {
	if n := 4 * info.Width * info.Height; cap(dst) >= n {
		dst = dst[:n]
	} else {
		dst = make([]byte, n)
	}
	var err error
	if native {
		err = d.turbo(data, info, func(data []byte) error {
			return d.tj.toPixels(dst, info.Width, info.Height, tjCMYK, data)
		})
	} else {
		err = d.ownCMYK(dst, data, info)
	}
	for i, s := range dst {
		dst[i] = 255 - s
	}
	return dst, err
}

// prepare reads the header, checks what the limits are about, and returns the
// bytes to decode: data, or a copy with the height that a DNL segment gives.
func (d *Decoder) prepare(data []byte) (Info, []byte, error) {
	info, err := ReadInfo(data)
	if err != nil {
		return info, nil, err
	}
	limit := d.MaxPixels
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	if err := info.check(data, limit); err != nil {
		return info, nil, err
	}
	if info.Progressive || !info.interleave {
		sc, err := readScans(data, &info)
		if err != nil {
			return info, nil, err
		}
		if !sc.end && !sc.complete {
			return info, nil, corruptAt(len(data), "the file ends before its last scan")
		}
		info.partial = !sc.complete
	}
	if at := info.sofOffset; data[at+1]|data[at+2] == 0 {
		d.fixed = withHeight(d.fixed[:0], data, &info)
		data = d.fixed
	}
	return info, data, nil
}

// open makes the native handle and reports whether there is one for this file.
// libjpeg smooths what a progressive file leaves out, each version otherwise.
func (d *Decoder) open(info *Info) (bool, error) {
	lib, _ := library()
	if lib == nil || d.own || info.partial {
		return false, nil
	}
	if d.tj == nil {
		tj, err := lib.open(lib.initDecompress)
		if err != nil {
			return false, err
		}
		d.tj = tj
	}
	return true, nil
}

// turboPlanes is Planes with libturbojpeg.
func (d *Decoder) turboPlanes(dst *image.YCbCr, data []byte, info *Info) error {
	grey := info.Components == 1
	resizePlanes(dst, info.Width, info.Height, info.Subsampling)
	if grey {
		fill(dst.Cb, 128)
		fill(dst.Cr, 128)
	}
	err := d.turbo(data, info, func(data []byte) error {
		// TurboJPEG writes as many samples as its own reading of the header says.
		w, h, sub, err := d.tj.readHeader(data)
		if err != nil {
			return err
		}
		if w != info.Width || h != info.Height || (sub == tjGrey) != grey || !grey && uintptr(sub) != tjSubsampling[info.Subsampling] {
			return fault.New(fault.Bug, "jpeg: header read as %dx%d %v, by libturbojpeg as %dx%d, subsampling %d",
				info.Width, info.Height, info.Subsampling, w, h, sub)
		}
		return d.tj.toPlanes(dst, grey, data)
	})
	trimPlanes(dst)
	return err
}

// turbo runs a decode of libturbojpeg. Its messages say what became of the
// pixels: decode again without the segments it does not know, or with an end
// marker where only that is missing; accept what is harmless, refuse the rest.
func (d *Decoder) turbo(data []byte, info *Info, decode func(data []byte) error) error {
	file := data
	err := decode(data)
	if isUnknownMarker(err) {
		data = withoutUnknown(nil, data)
		err = decode(data)
	}
	if isMissingEnd(err) {
		data = withEnd(nil, data)
		err = decode(data)
	}
	switch {
	case err == nil || message(err) == "":
		return err
	case isMissingEnd(err):
		return corruptAt(len(data)-2, "%w", err)
	case !isHarmless(err):
		return corruptAt(info.scanOffset, "%w", err)
	}
	// Only the first warning of a file is told. Our decoder stops at what a
	// harmless one may have hidden.
	return d.components(file, info)
}

// message returns what TurboJPEG said, "" for no error or another's.
func message(err error) string {
	text, _ := err.(turboError)
	return string(text)
}

// isUnknownMarker reports libjpeg's JERR_UNKNOWN_MARKER, and JERR_SOF_UNSUPPORTED
// of the reserved marker JPG: ReadInfo has refused the others.
func isUnknownMarker(err error) bool {
	return strings.HasPrefix(message(err), "Unsupported marker type") || strings.HasPrefix(message(err), "Unsupported JPEG process")
}

// isMissingEnd reports libjpeg's JWRN_JPEG_EOF.
func isMissingEnd(err error) bool {
	return strings.HasPrefix(message(err), "Premature end of JPEG file")
}

// isHarmless reports libjpeg's warnings that cost no pixel: JWRN_EXTRANEOUS_DATA,
// JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM, JWRN_NOT_SEQUENTIAL, JWRN_BOGUS_PROGRESSION.
func isHarmless(err error) bool {
	for _, text := range []string{" extraneous bytes before marker", "Warning: unknown JFIF revision",
		"Unknown Adobe color transform", "Invalid SOS parameters for sequential", "Inconsistent progression sequence"} {
		if strings.Contains(message(err), text) {
			return true
		}
	}
	return false
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}
