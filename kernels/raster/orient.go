package raster

// Orient makes dst the upright form of src, which was stored under the EXIF
// orientation (tag 0x0112, Exif 2.3 section 4.6.4): 1 is upright, 2 to 4 are
// mirrored or upside down, 5 to 8 lie on a side and swap width and height. Any
// other value counts as 1.
func Orient(dst, src *RGB, orientation int) {
	w, h := src.Width, src.Height
	// Output pixel (x, y) is source pixel origin + x*dx + y*dy.
	origin, dx, dy := 0, 1, w
	outW, outH := w, h
	switch orientation {
	case 2:
		origin, dx, dy = w-1, -1, w
	case 3:
		origin, dx, dy = w*h-1, -1, -w
	case 4:
		origin, dx, dy = w*(h-1), 1, -w
	case 5:
		outW, outH, dx, dy = h, w, w, 1
	case 6:
		outW, outH, origin, dx, dy = h, w, w*(h-1), -w, 1
	case 7:
		outW, outH, origin, dx, dy = h, w, w*h-1, -w, -1
	case 8:
		outW, outH, origin, dx, dy = h, w, w-1, w, -1
	}
	dst.Reset(outW, outH)
	if dx == 1 {
		for y := range outH {
			copy(dst.Pix[3*outW*y:][:3*outW], src.Pix[3*(origin+y*dy):])
		}
		return
	}
	orientTiles(dst, src, origin, dx, dy)
}

// orientTiles walks the output in squares: both images then stay in the cache
// when one of them is read down its columns.
func orientTiles(dst, src *RGB, origin, dx, dy int) {
	const tile = 32
	for y0 := 0; y0 < dst.Height; y0 += tile {
		for x0 := 0; x0 < dst.Width; x0 += tile {
			for y := y0; y < min(y0+tile, dst.Height); y++ {
				from := origin + x0*dx + y*dy
				d := dst.Pix[3*(y*dst.Width+x0):][:3*min(tile, dst.Width-x0)]
				for len(d) > 0 {
					s := src.Pix[3*from:][:3]
					d[0], d[1], d[2] = s[0], s[1], s[2]
					d = d[3:]
					from += dx
				}
			}
		}
	}
}
