package picture

import (
	"bytes"
	"image"
	"image/gif"
	"image/png"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// Format is what a file's first bytes say it is.
type Format string

// The formats. HTML is what a failed download leaves behind; Other is anything
// unknown, an empty file too.
const (
	JPEG  Format = "jpeg"
	PNG   Format = "png"
	GIF   Format = "gif"
	BMP   Format = "bmp"
	WebP  Format = "webp"
	Gzip  Format = "gzip"
	HTML  Format = "html"
	Other Format = "other"
)

// Sniff tells the format by the first bytes of data.
func Sniff(data []byte) Format {
	has := func(prefix string) bool { return bytes.HasPrefix(data, []byte(prefix)) }
	switch {
	case has("\xFF\xD8"):
		return JPEG
	case has("\x89PNG\r\n\x1A\n"):
		return PNG
	case has("GIF87a"), has("GIF89a"):
		return GIF
	case has("BM"):
		return BMP
	case has("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return WebP
	case has("\x1F\x8B"):
		return Gzip
	}
	text := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], "\xEF\xBB\xBF \t\r\n"))
	for _, tag := range []string{"<!doctype", "<html", "<head", "<?xml", "<!--"} {
		if bytes.HasPrefix(text, []byte(tag)) {
			return HTML
		}
	}
	return Other
}

// Info is what the header of a picture says.
type Info struct {
	Format        Format // of the picture; never Gzip
	Gzip          bool   // it came wrapped in gzip
	Width, Height int    // of the stored raster, before Orientation
	Orientation   int    // EXIF's, 1..8, of a JPEG; else 1
	Planar        bool   // Decoder.Planes takes it: a JPEG of grey or YCbCr
}

// ReadInfo reads the header of a picture; nothing is allocated in proportion to
// its pixels. A wrapping of gzip is unpacked, to at most 64 MiB.
func ReadInfo(data []byte) (Info, error) {
	d := Decoder{}
	_, info, err := d.open(data)
	return info, err
}

// readInfo is ReadInfo without gzip.
func readInfo(data []byte) (info Info, err error) {
	info = Info{Format: Sniff(data), Orientation: 1}
	defer guard(info.Format, &err)
	if info.Format == JPEG {
		j, err := jpeg.ReadInfo(data)
		info.Width, info.Height, info.Orientation, info.Planar = j.Width, j.Height, j.Orientation, j.Planar()
		return info, err
	}
	var c image.Config
	r := bytes.NewReader(data)
	switch info.Format {
	case PNG:
		c, err = png.DecodeConfig(r)
	case GIF:
		c, err = gif.DecodeConfig(r)
	case BMP:
		c, err = bmp.DecodeConfig(r)
	case WebP:
		if len(data) > 20 && string(data[12:16]) == "VP8X" && data[20]&2 != 0 {
			return info, fault.New(fault.Unsupported, "picture: animated webp")
		}
		c, err = webp.DecodeConfig(r)
	case HTML:
		return info, fault.New(fault.Unsupported, "picture: an HTML page, not an image")
	case Gzip:
		return info, fault.New(fault.Unsupported, "picture: gzip within gzip")
	default:
		if len(data) == 0 {
			return info, fault.New(fault.Corrupt, "picture: the file is empty")
		}
		return info, fault.New(fault.Unsupported, "picture: unknown format, first bytes % x", data[:min(len(data), 8)])
	}
	info.Width, info.Height = c.Width, c.Height
	if err == nil && (c.Width < 1 || c.Height < 1) {
		err = fault.New(fault.Corrupt, "picture: %s of %dx%d pixels", info.Format, c.Width, c.Height)
	}
	return info, typed(info.Format, err)
}

// Limits bounds what a Decoder takes. Zero fields mean the defaults.
type Limits struct {
	MaxPixels int64 // default jpeg.DefaultMaxPixels, Pillow's 178,956,970
	MaxSide   int   // pixels; default 65535
}

// check refuses a picture over l with fault.TooLarge, and one that data is too
// short for with fault.Corrupt.
func (l Limits) check(info Info, data []byte) error {
	if l.MaxPixels == 0 {
		l.MaxPixels = jpeg.DefaultMaxPixels
	}
	if l.MaxSide == 0 {
		l.MaxSide = 65535
	}
	pixels := int64(info.Width) * int64(info.Height) // sides are below 2^31
	switch {
	case info.Width > l.MaxSide || info.Height > l.MaxSide:
		return fault.New(fault.TooLarge, "picture: %dx%d has a side over %d pixels", info.Width, info.Height, l.MaxSide)
	case pixels > l.MaxPixels:
		return fault.New(fault.TooLarge, "picture: %dx%d is more than %d pixels", info.Width, info.Height, l.MaxPixels)
	}
	if n := most(info.Format, int64(len(data))); pixels > n {
		return fault.New(fault.Corrupt, "picture: %d bytes of %s hold at most %d pixels, not %dx%d",
			len(data), info.Format, n, info.Width, info.Height)
	}
	return nil
}

// most returns a bound on the pixels that n bytes of a format can hold.
func most(f Format, n int64) int64 {
	switch f {
	case PNG: // deflate: 258 bytes from two bits, of eight 1-bit pixels each
		return n * 1032 * 8
	case BMP: // 1-bit pixels, not compressed
		return n * 8
	}
	// JPEG is checked by its own package. GIF shows pixels outside its frame
	// and a WebP of one colour takes no bits for a pixel.
	return int64(1) << 62
}
