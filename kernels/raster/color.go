package raster

import "image"

// Luma writes the luma of src to dst, one byte a pixel, rows without padding:
// ITU-R BT.601 in 16-bit fixed point, Pillow's convert("L").
func Luma(dst []byte, src *RGB) {
	n := src.Width * src.Height
	dst, pix := dst[:n], src.Pix[:3*n]
	for i := range dst {
		p := pix[3*i:][:3]
		dst[i] = luma(int32(p[0]), int32(p[1]), int32(p[2]))
	}
}

// The constants are those of JFIF 1.02 times 65536, rounded, as in libjpeg.
const (
	half = 1 << 15

	yR, yG, yB = 19595, 38470, 7471
	bR, bG, bB = -11059, -21709, 32768
	rR, rG, rB = 32768, -27439, -5329

	crToR, cbToB = 91881, 116130
	cbToG, crToG = -22554, -46802
)

func luma(r, g, b int32) byte {
	return byte((yR*r + yG*g + yB*b + half) >> 16)
}

// chroma returns Cb and Cr. A half rounds down: 128.5 would not fit else.
func chroma(r, g, b int32) (cb, cr int32) {
	const bias = 128<<16 + half - 1
	return (bR*r + bG*g + bB*b + bias) >> 16, (rR*r + rG*g + rB*b + bias) >> 16
}

// ToRGB makes dst the image of src. Chroma is repeated, not interpolated.
func ToRGB(dst *RGB, src *image.YCbCr) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst.Reset(w, h)
	hs, _ := SamplesPerChroma(src.SubsampleRatio)
	minX, minY := src.Rect.Min.X, src.Rect.Min.Y
	for y := range h {
		yo, co := src.YOffset(minX, minY+y), src.COffset(minX, minY+y)
		luma, cb, cr := src.Y[yo:][:w], src.Cb[co:], src.Cr[co:]
		skew := minX - floorDiv(minX, hs)*hs
		d := dst.Pix[3*w*y:][:3*w]
		switch {
		case hs == 1:
			rgbRow(d, luma, cb, cr)
		case hs == 2 && skew == 0:
			rgbRowPairs(d, luma, cb, cr)
		default:
			rgbRowShared(d, luma, cb, cr, hs, skew)
		}
	}
}

func rgbRow(dst, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, y := range luma {
		r, g, b := offsets(cb[x], cr[x])
		d := dst[3*x:][:3]
		d[0], d[1], d[2] = clip(int32(y)+r), clip(int32(y)+g), clip(int32(y)+b)
	}
}

// rgbRowPairs converts a row of which every two neighbours share a chroma sample.
func rgbRowPairs(dst, luma, cb, cr []byte) {
	n := len(luma) / 2
	cb, cr = cb[:len(luma)-n], cr[:len(luma)-n]
	for c := range n {
		r, g, b := offsets(cb[c], cr[c])
		d, y := dst[6*c:][:6], luma[2*c:][:2]
		y0, y1 := int32(y[0]), int32(y[1])
		d[0], d[1], d[2] = clip(y0+r), clip(y0+g), clip(y0+b)
		d[3], d[4], d[5] = clip(y1+r), clip(y1+g), clip(y1+b)
	}
	if len(luma)%2 == 1 {
		rgbRow(dst[6*n:], luma[2*n:], cb[n:], cr[n:])
	}
}

// rgbRowShared converts a row of which hs neighbours share a chroma sample; the
// first sample began skew pixels before the row.
func rgbRowShared(dst, luma, cb, cr []byte, hs, skew int) {
	for c := 0; len(luma) > 0; c++ {
		n := min(hs-skew, len(luma))
		skew = 0
		r, g, b := offsets(cb[c], cr[c])
		for i, y := range luma[:n] {
			d := dst[3*i:][:3]
			d[0], d[1], d[2] = clip(int32(y)+r), clip(int32(y)+g), clip(int32(y)+b)
		}
		luma, dst = luma[n:], dst[3*n:]
	}
}

// offsets is what the chroma adds to the luma of each colour.
func offsets(cb, cr byte) (r, g, b int32) {
	u, v := int32(cb)-128, int32(cr)-128
	return (crToR*v + half) >> 16, (cbToG*u + crToG*v + half) >> 16, (cbToB*u + half) >> 16
}

func clip(v int32) byte {
	if uint32(v) > 255 {
		v = ^(v >> 31) & 255 // 0 below, 255 above
	}
	return byte(v)
}

// ToPlanes makes dst the planes of src in the given ratio. A chroma sample is
// the mean of its pixels' chroma, the last row and column repeated to fill it.
func ToPlanes(dst *image.YCbCr, src *RGB, ratio image.YCbCrSubsampleRatio) {
	ResetPlanes(dst, src.Width, src.Height, ratio)
	hs, vs := SamplesPerChroma(ratio)
	Luma(dst.Y, src)
	for cy := range (src.Height + vs - 1) / vs {
		cb, cr := dst.Cb[cy*dst.CStride:][:dst.CStride], dst.Cr[cy*dst.CStride:][:dst.CStride]
		done := 0
		if ratio == image.YCbCrSubsampleRatio420 && 2*cy+1 < src.Height {
			done = quarterRow(cb, cr, src.Pix[6*src.Width*cy:][:6*src.Width], src.Width)
		}
		for cx := done; cx < len(cb); cx++ {
			u, v := chromaSum(src, cx*hs, cy*vs, hs, vs)
			n := int32(hs * vs)
			bias := rounding(cx, hs, vs)
			cb[cx], cr[cx] = byte((u+bias)/n), byte((v+bias)/n)
		}
	}
}

// quarterRow writes the chroma of all whole 2 x 2 blocks of two rows of w
// pixels, and returns how many there are. It is the common case of ToPlanes,
// without the clamping at the edges.
func quarterRow(cb, cr, rows []byte, w int) int {
	above, below := rows[:3*w], rows[3*w:]
	for i := range w / 2 {
		p, q := above[6*i:][:6], below[6*i:][:6]
		u0, v0 := chroma(int32(p[0]), int32(p[1]), int32(p[2]))
		u1, v1 := chroma(int32(p[3]), int32(p[4]), int32(p[5]))
		u2, v2 := chroma(int32(q[0]), int32(q[1]), int32(q[2]))
		u3, v3 := chroma(int32(q[3]), int32(q[4]), int32(q[5]))
		bias := 1 + int32(i&1)
		cb[i], cr[i] = byte((u0+u1+u2+u3+bias)>>2), byte((v0+v1+v2+v3+bias)>>2)
	}
	return w / 2
}

// rounding is what libjpeg adds before it divides: for the common ratios it
// alternates along the row, which keeps the mean of a flat region.
func rounding(cx, hs, vs int) int32 {
	switch {
	case hs == 2 && vs == 2:
		return 1 + int32(cx&1)
	case hs == 2 && vs == 1:
		return int32(cx & 1)
	}
	return int32(hs*vs) / 2
}

// chromaSum adds the chroma of hs x vs pixels from (x, y) on.
func chromaSum(src *RGB, x, y, hs, vs int) (u, v int32) {
	for j := range vs {
		row := src.Pix[3*src.Width*min(y+j, src.Height-1):]
		for i := range hs {
			p := row[3*min(x+i, src.Width-1):][:3]
			cb, cr := chroma(int32(p[0]), int32(p[1]), int32(p[2]))
			u, v = u+cb, v+cr
		}
	}
	return u, v
}

func floorDiv(a, b int) int {
	if a < 0 {
		a -= b - 1
	}
	return a / b
}
