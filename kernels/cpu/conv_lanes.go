package cpu

// lanes is how many channels lie side by side while Winograd's transforms and
// the weight gradient work on them: one vector.
const lanes = 8

// toLanesPortable sets dst[j*dstStride+r] = src[r*srcStride+j] for r < rows <= 8
// and j < n, and 0 for the rows up to 8.
func toLanesPortable(dst []float32, dstStride int, src []float32, srcStride, rows, n int) {
	for j := range n {
		d := dst[j*dstStride:][:lanes]
		for r := range rows {
			d[r] = src[r*srcStride+j]
		}
		clear(d[rows:])
	}
}

// fromLanesPortable sets dst[r*dstStride+j] = src[j*srcStride+r] for r < rows <= 8
// and j < n.
func fromLanesPortable(dst []float32, dstStride int, src []float32, srcStride, rows, n int) {
	for j := range n {
		for r, v := range src[j*srcStride:][:rows] {
			dst[r*dstStride+j] = v
		}
	}
}

// convColumnPortable sets, or with add adds to, c[i*crs+j] the sum over p of
// a[i*ars+p*acs] b[p*brs+j] for 6*tiles rows i, 16 columns j and p < k.
func convColumnPortable(tiles int, c []float32, crs int, a []float32, ars, acs int, b []float32, brs, k int, add bool) {
	beta := float32(0)
	if add {
		beta = 1
	}
	for i := 0; i < tiles*gemmMR; i += gemmMR {
		gemmTilePortable(gemmMR, gemmNR, k, 1, a[i*ars:], ars, acs, b, brs, beta, c[i*crs:], crs)
	}
}
