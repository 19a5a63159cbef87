package picture

import "image"

// webpRow converts row y of a lossy WebP to RGB as libwebp does: chroma weighted
// 9:3:3:1 in its rounding (dsp/upsampling.c) and BT.601 of limited range in
// 14-bit fixed point (dsp/yuv.h). m starts at (0, 0) and is 4:2:0.
func webpRow(out []byte, m *image.YCbCr, y int) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	near := y / 2
	far := min(max(near-1+y%2*2, 0), (h+1)/2-1)
	cols := (w + 1) / 2
	nearU, farU := m.Cb[near*m.CStride:][:cols], m.Cb[far*m.CStride:][:cols]
	nearV, farV := m.Cr[near*m.CStride:][:cols], m.Cr[far*m.CStride:][:cols]
	for x, luma := range m.Y[y*m.YStride:][:w] {
		n := x / 2
		f := n - 1 + x%2*2
		if f < 0 || f >= cols {
			f = n
		}
		u := weigh(int(nearU[n]), int(nearU[f]), int(farU[n]), int(farU[f]), f == n)
		v := weigh(int(nearV[n]), int(nearV[f]), int(farV[n]), int(farV[f]), f == n)
		yy := int(luma) * 19077 >> 8
		out[3*x] = clip14(yy + v*26149>>8 - 14234)
		out[3*x+1] = clip14(yy - u*6419>>8 - v*13320>>8 + 8708)
		out[3*x+2] = clip14(yy + u*33050>>8 - 17685)
	}
}

// weigh mixes the nearest chroma sample a, its neighbour b along the row, c down
// the column, and d across; at an edge of the row only a and c.
func weigh(a, b, c, d int, edge bool) int {
	if edge {
		return (3*a + c + 2) >> 2
	}
	return ((a+b+c+d+8+2*(b+c))>>3 + a) >> 1
}

// clip14 drops the fraction bits of libwebp's fixed point.
func clip14(v int) byte { return byte(min(max(v>>6, 0), 255)) }
