package picture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"image"
	"image/png"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// maxUnpacked bounds what a gzip wrapping may unpack to.
const maxUnpacked = 64 << 20

// Decoder decodes pictures. It keeps scratch memory and a native handle, so use
// one for many files; Close frees the handle. Not safe for concurrent use.
//
// Every method refuses a picture over Limits with fault.TooLarge before it
// allocates, a damaged one with fault.Corrupt, and what nothing here reads with
// fault.Unsupported; dst is undefined after an error. An error without a code
// is the machinery's.
type Decoder struct {
	Limits Limits

	jpeg   jpeg.Decoder
	plain  bytes.Buffer // an unpacked file
	planes image.YCbCr  // what Check decodes to
	rgb    raster.RGB
}

// NewDecoder returns a Decoder with the given limits.
func NewDecoder(limits Limits) *Decoder { return &Decoder{Limits: limits} }

// Close frees the native handle. The Decoder may be used again.
func (d *Decoder) Close() { d.jpeg.Close() }

// RGB decodes data to dst, whose buffer is used again when it is large enough.
func (d *Decoder) RGB(dst *raster.RGB, data []byte) error {
	data, info, err := d.open(data)
	if err != nil {
		return err
	}
	_, err = d.decode(dst, data, info)
	return err
}

// RGBA decodes data to dst, not premultiplied, whose buffer is used again when
// it is large enough. What has no alpha is opaque, and so is a GIF.
func (d *Decoder) RGBA(dst *image.NRGBA, data []byte) error {
	data, info, err := d.open(data)
	if err != nil {
		return err
	}
	img, err := d.decode(&d.rgb, data, info)
	if err != nil {
		return err
	}
	withAlpha(dst, &d.rgb, img)
	return nil
}

// Planes decodes a JPEG that is grey or YCbCr to planes, as jpeg.Decoder.Planes
// does. For any other picture ok is false and RGB is the way.
func (d *Decoder) Planes(dst *image.YCbCr, data []byte) (ok bool, err error) {
	data, info, err := d.open(data)
	if err != nil || !info.Planar {
		return false, err
	}
	return true, d.jpeg.Planes(dst, data)
}

// Check decodes data in full and keeps nothing: nil means that RGB works.
func (d *Decoder) Check(data []byte) error {
	ok, err := d.Planes(&d.planes, data)
	if ok || err != nil {
		return err
	}
	return d.RGB(&d.rgb, data)
}

// Check is Decoder.Check with the default limits.
func Check(data []byte) error {
	d := NewDecoder(Limits{})
	defer d.Close()
	return d.Check(data)
}

// open unpacks data where it is gzip, reads the header and checks the limits.
func (d *Decoder) open(data []byte) ([]byte, Info, error) {
	packed := Sniff(data) == Gzip
	if packed {
		if err := d.unpack(data); err != nil {
			return nil, Info{}, err
		}
		data = d.plain.Bytes()
	}
	info, err := readInfo(data)
	if info.Gzip = packed; err != nil {
		return nil, info, err
	}
	d.jpeg.MaxPixels = d.Limits.MaxPixels
	return data, info, d.Limits.check(info, data)
}

func (d *Decoder) unpack(data []byte) error {
	d.plain.Reset()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fault.New(fault.Corrupt, "picture: gzip: %w", err)
	}
	z.Multistream(false) // whatever follows the picture is not looked at
	if _, err := d.plain.ReadFrom(io.LimitReader(z, maxUnpacked+1)); err != nil {
		return fault.New(fault.Corrupt, "picture: gzip: %w", err)
	}
	if d.plain.Len() > maxUnpacked {
		d.plain = bytes.Buffer{} // a bomb's memory is not kept
		return fault.New(fault.TooLarge, "picture: gzip unpacks to more than %d bytes", maxUnpacked)
	}
	return nil
}

// decode fills dst from a picture whose header has been checked, and returns
// what it was copied from where that may have alpha.
func (d *Decoder) decode(dst *raster.RGB, data []byte, info Info) (img image.Image, err error) {
	if info.Format == JPEG {
		return nil, d.jpeg.RGB(dst, data)
	}
	defer guard(info.Format, &err)
	dst.Reset(info.Width, info.Height)
	r := bytes.NewReader(data)
	switch info.Format {
	case PNG:
		img, err = png.Decode(r)
	case GIF:
		return nil, decodeGIF(dst, data)
	case BMP:
		img, err = bmp.Decode(r)
	case WebP:
		img, err = webp.Decode(r)
	}
	if err != nil {
		return nil, typed(info.Format, err)
	}
	if s := img.Bounds().Size(); s != image.Pt(info.Width, info.Height) {
		return nil, fault.New(fault.Corrupt, "picture: %s of %v, its header says %dx%d", info.Format, s, info.Width, info.Height)
	}
	return img, toRGB(dst, img)
}

// typed gives an error of a decoder that reads from memory its code.
func typed(f Format, err error) error {
	var pngUnsupported png.UnsupportedError
	switch {
	case err == nil, fault.CodeOf(err) != "":
		return err
	case errors.As(err, &pngUnsupported), errors.Is(err, bmp.ErrUnsupported):
		return fault.New(fault.Unsupported, "picture: %s: %w", f, err)
	}
	return fault.New(fault.Corrupt, "picture: %s: %w", f, err)
}

// guard turns a panic of a decoder into an error: the bytes are not ours, and
// neither is the decoder.
func guard(f Format, err *error) {
	if p := recover(); p != nil {
		*err = fault.New(fault.Bug, "picture: the %s decoder panicked: %v", f, p)
	}
}
