package jpeg

import (
	"bytes"
	"errors"
	"image"
	stdjpeg "image/jpeg"
	"io"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// goPlanes is Planes with Go's codec. dst takes over the decoder's planes.
func (d *Decoder) goPlanes(dst *image.YCbCr, data []byte, info *Info) error {
	img, err := goDecode(data, info)
	if err != nil {
		return err
	}
	switch m := img.(type) {
	case *image.YCbCr:
		*dst = *m
		return nil
	case *image.Gray:
		resizePlanes(dst, info.Width, info.Height, info.Subsampling)
		for y := range info.Height {
			copy(dst.Y[y*dst.YStride:][:info.Width], m.Pix[y*m.Stride:])
		}
		fill(dst.Cb, 128)
		fill(dst.Cr, 128)
		trimPlanes(dst)
		return nil
	}
	return unsupportedAt(info.sofOffset, "image/jpeg reads this %v file as %T", info.Kind, img)
}

// goRGB is RGB of a grey or three-component file with Go's codec.
func (d *Decoder) goRGB(dst *raster.RGB, data []byte, info *Info) error {
	img, err := goDecode(data, info)
	if err != nil {
		return err
	}
	pix := dst.Pix
	switch m := img.(type) {
	case *image.YCbCr:
		upsample(&d.full, m)
		raster.ToRGB(dst, &d.full)
	case *image.Gray:
		for y := range info.Height {
			for _, v := range m.Pix[y*m.Stride:][:info.Width] {
				pix[0], pix[1], pix[2] = v, v, v
				pix = pix[3:]
			}
		}
	case *image.RGBA:
		for y := range info.Height {
			for row := m.Pix[y*m.Stride:][:4*info.Width]; len(row) > 0; row = row[4:] {
				pix[0], pix[1], pix[2] = row[0], row[1], row[2]
				pix = pix[3:]
			}
		}
	default:
		return unsupportedAt(info.sofOffset, "image/jpeg reads this %v file as %T", info.Kind, img)
	}
	return nil
}

// goCMYK writes the inks of a four-component file to dst.
func (d *Decoder) goCMYK(dst, data []byte, info *Info) error {
	img, err := goDecode(data, info)
	if err != nil {
		return err
	}
	m, ok := img.(*image.CMYK)
	if !ok {
		return unsupportedAt(info.sofOffset, "image/jpeg reads this %v file as %T", info.Kind, img)
	}
	for y := range info.Height {
		copy(dst[4*info.Width*y:][:4*info.Width], m.Pix[y*m.Stride:])
	}
	return nil
}

// goDecode decodes with image/jpeg, repairing first what libjpeg forgives and
// image/jpeg does not: no end marker, segments it does not know, four
// components without Adobe's segment.
func goDecode(data []byte, info *Info) (image.Image, error) {
	if info.Components == 4 && !info.HasAdobe {
		data = withAdobe(nil, data)
	}
	ended, stripped := false, false
	for {
		img, err := stdjpeg.Decode(bytes.NewReader(data))
		var unsupported stdjpeg.UnsupportedError
		switch {
		case err == nil:
			if s := img.Bounds().Size(); s != image.Pt(info.Width, info.Height) {
				return nil, fault.New(fault.Bug, "jpeg: header read as %dx%d, by image/jpeg as %v", info.Width, info.Height, s)
			}
			return img, nil
		case errors.Is(err, io.ErrUnexpectedEOF) && !ended:
			data, ended = withEnd(nil, data), true
		case strings.Contains(err.Error(), "unknown marker") && !stripped:
			data, stripped = withoutUnknown(nil, data), true
		case errors.As(err, &unsupported):
			return nil, unsupportedAt(info.scanOffset, "%w", err)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, corruptAt(len(data), "%w", err)
		default:
			return nil, corruptAt(info.scanOffset, "%w", err)
		}
	}
}

// secondOpinion asks image/jpeg whether a file's entropy data is sound.
func secondOpinion(data []byte, info *Info) error {
	if _, err := goDecode(data, info); fault.CodeOf(err) == fault.Corrupt {
		return err
	}
	return nil
}
