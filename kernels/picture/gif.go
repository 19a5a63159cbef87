package picture

import (
	"bytes"
	"image"
	"image/gif"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// decodeGIF puts the first frame on the canvas, which Pillow fills with the
// transparent colour, or colour 0.
func decodeGIF(dst *raster.RGB, data []byte) error {
	data, background := opaqueGIF(data)
	img, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return typed(GIF, err)
	}
	frame, ok := img.(*image.Paletted)
	if !ok || len(frame.Palette) == 0 {
		return fault.New(fault.Corrupt, "picture: gif without colours")
	}
	b := frame.Bounds()
	if !b.In(image.Rect(0, 0, dst.Width, dst.Height)) {
		return fault.New(fault.Corrupt, "picture: gif frame %v is outside %dx%d", b, dst.Width, dst.Height)
	}
	palette := colours(frame.Palette)
	if b.Dx() < dst.Width || b.Dy() < dst.Height {
		for i := 0; i < len(dst.Pix); i += 3 {
			copy(dst.Pix[i:i+3], palette[background][:])
		}
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		look(dst.Pix[3*(y*dst.Width+b.Min.X):], frame.Pix[(y-b.Min.Y)*frame.Stride:][:b.Dx()], palette)
	}
	return nil
}

// opaqueGIF returns a GIF whose first frame has no transparent colour, and that
// colour's index or 0. image/gif would blank the colour, which Pillow's
// convert("RGB") shows. data is copied where it must change (GIF89a, section 23).
func opaqueGIF(data []byte) (opaque []byte, transparent int) {
	const header = 13
	if len(data) < header {
		return data, 0
	}
	at := header + tableBytes(data[10])
	for at+8 <= len(data) && data[at] == 0x21 { // extension
		const control = 0xF9
		if data[at+1] == control && data[at+2] == 4 && data[at+3]&1 != 0 {
			transparent = int(data[at+6])
			if opaque == nil {
				opaque = append([]byte(nil), data...)
			}
			opaque[at+3] &^= 1
		}
		for at += 2; at < len(data) && data[at] != 0; at += 1 + int(data[at]) {
		}
		at++
	}
	if opaque == nil {
		opaque = data
	}
	return opaque, transparent
}

// tableBytes is the size of the colour table that a flag byte announces.
func tableBytes(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}
