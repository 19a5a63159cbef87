package cpu

// toLanes is toLanesPortable, in assembly where it serves.
func toLanes(dst []float32, dstStride int, src []float32, srcStride, rows, n int) {
	if rows < lanes || n <= 0 || !useAVX2 {
		toLanesPortable(dst, dstStride, src, srcStride, rows, n)
		return
	}
	_, _ = dst[(n-1)*dstStride+lanes-1], src[(lanes-1)*srcStride+n-1]
	toLanesAVX2(&dst[0], 4*dstStride, &src[0], 4*srcStride, n)
}

// fromLanes is fromLanesPortable, in assembly where it serves.
func fromLanes(dst []float32, dstStride int, src []float32, srcStride, rows, n int) {
	if rows < lanes || n <= 0 || !useAVX2 {
		fromLanesPortable(dst, dstStride, src, srcStride, rows, n)
		return
	}
	_, _ = src[(n-1)*srcStride+lanes-1], dst[(lanes-1)*dstStride+n-1]
	fromLanesAVX2(&dst[0], 4*dstStride, &src[0], 4*srcStride, n)
}

// convColumn is convColumnPortable, in assembly where it serves.
func convColumn(tiles int, c []float32, crs int, a []float32, ars, acs int, b []float32, brs, k int, add bool) {
	if tiles < 1 || k < 1 || !useAVX2 {
		convColumnPortable(tiles, c, crs, a, ars, acs, b, brs, k, add)
		return
	}
	last := tiles*gemmMR - 1
	_, _, _ = c[last*crs+gemmNR-1], a[last*ars+(k-1)*acs], b[(k-1)*brs+gemmNR-1]
	convColumnAVX2(tiles, &c[0], 4*crs, &a[0], 4*ars, 4*acs, &b[0], 4*brs, k, add)
}

// pack is packPortable, in assembly where it serves.
func (g *convSource) pack(dst []float32, tapStride, planeStride int, src []float32, planes int, at *convPixels, taps []convTap) {
	if !useAVX2 {
		g.packPortable(dst, tapStride, planeStride, src, planes, at, taps)
		return
	}
	n := len(taps)
	_ = dst[(n-1)*tapStride+(planes-1)*planeStride+convPanel-1]
	packPanelAVX2(&dst[0], 4*tapStride, 4*planeStride, &src[0], 4*g.h*g.w, planes, &at.offset[0], &taps[0].offset, n, g.h, g.w, at.apart)
}

// weightedSum is weightedSumPortable, in assembly where it serves. n is a
// multiple of 8.
func weightedSum(dst, src []float32, offsets []int, weights []float32, n int) {
	if !useAVX2 || n == 0 {
		weightedSumPortable(dst, src, offsets, weights, n)
		return
	}
	_ = dst[n-1]
	weightedSumAVX2(&dst[0], &src[0], &offsets[0], &weights[0], len(offsets), n)
}

// dotSums is dotSumsPortable, in assembly where it serves. n is a multiple of 16.
func dotSums(sums, x, src []float32, offsets []int, n int) {
	if !useAVX2 || n == 0 {
		dotSumsPortable(sums, x, src, offsets, n)
		return
	}
	_, _ = sums[lanes*len(offsets)-1], x[n-1]
	dotSumsAVX2(&sums[0], &x[0], &src[0], &offsets[0], len(offsets), n)
}

// interleave is interleavePortable, in assembly where it serves.
func interleave(dst, a, b []float32) {
	n := 0
	if useAVX2 && len(dst) >= 2*lanes {
		n = len(dst) / 2 &^ (lanes - 1)
		_, _ = a[n-1], b[n-1]
		interleaveAVX2(&dst[0], &a[0], &b[0], n)
	}
	interleavePortable(dst[2*n:], a[n:], b[n:])
}

// separate is separatePortable, in assembly where it serves.
func separate(a, b, src []float32) {
	n := 0
	if useAVX2 && len(b) >= lanes {
		n = len(b) &^ (lanes - 1)
		_, _ = a[n-1], src[2*n-1]
		separateAVX2(&a[0], &b[0], &src[0], n)
	}
	separatePortable(a[n:], b[n:], src[2*n:])
}
