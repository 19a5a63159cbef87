package raster

import (
	"image"
	"math"
)

// Color is the colour that fills what no pixel covers. The zero value is black.
type Color struct {
	R, G, B uint8
}

// Crop fills dst, which has its size already, from src with the pixel (x, y)
// of src at the top left. What lies outside src becomes fill: a negative x or y
// pads.
func Crop(dst, src *RGB, x, y int, fill Color) {
	x0, x1 := max(0, -x), min(dst.Width, src.Width-x)
	for row := range dst.Height {
		d := dst.Pix[3*dst.Width*row:][:3*dst.Width]
		from := row + y
		if from < 0 || from >= src.Height || x0 >= x1 {
			paint(d, fill)
			continue
		}
		paint(d[:3*x0], fill)
		copy(d[3*x0:3*x1], src.Pix[3*(src.Width*from+x+x0):])
		paint(d[3*x1:], fill)
	}
}

func paint(row []byte, c Color) {
	if c == (Color{}) {
		clear(row)
		return
	}
	for i := 0; i+2 < len(row); i += 3 {
		row[i], row[i+1], row[i+2] = c.R, c.G, c.B
	}
}

// Pad fills dst, which has its size already, with fill and puts src into it at
// the fractions atX and atY of the room that is left: 0 is the left or top
// edge, 0.5 the middle, 1 the right or bottom edge, as ImageOps.pad has it.
// Where src is larger than dst the same fractions choose what is cut off.
func Pad(dst, src *RGB, atX, atY float64, fill Color) {
	x := math.RoundToEven(float64(dst.Width-src.Width) * atX)
	y := math.RoundToEven(float64(dst.Height-src.Height) * atY)
	Crop(dst, src, -int(x), -int(y), fill)
}

// CenterCrop makes dst the w x h pixels in the middle of src, filled where src
// is smaller; see Centre.
func CenterCrop(dst, src *RGB, w, h int, fill Color) {
	dst.Reset(w, h)
	Crop(dst, src, Centre(src.Width, w), Centre(src.Height, h), fill)
}

// Centre is the first pixel of the middle want of have, negative where want is
// more: half to even when it cuts, the smaller half first when it pads, as
// torchvision's CenterCrop has it.
func Centre(have, want int) int {
	if want > have {
		return -((want - have) / 2)
	}
	return int(math.RoundToEven(float64(have-want) / 2))
}

// RoundBox rounds a box to pixels as Pillow's Image.crop does, half to even.
func RoundBox(x0, y0, x1, y1 float64) image.Rectangle {
	r := func(v float64) int { return int(math.RoundToEven(v)) }
	return image.Rectangle{Min: image.Pt(r(x0), r(y0)), Max: image.Pt(r(x1), r(y1))}
}

// FitBox returns the largest box of a w x h image that has the shape of an
// outW x outH one, at the fractions atX and atY of the rest. Resized from that
// box the image is what ImageOps.fit makes of it.
func FitBox(w, h, outW, outH int, atX, atY float64) (x0, y0, x1, y1 float64) {
	cropW, cropH := float64(w), float64(h)
	have, want := cropW/cropH, float64(outW)/float64(outH)
	if have > want {
		cropW = want * cropH
	} else if have < want {
		cropH = cropW / want
	}
	x0 = float64((float64(w) - cropW) * atX)
	y0 = float64((float64(h) - cropH) * atY)
	return x0, y0, x0 + cropW, y0 + cropH
}
