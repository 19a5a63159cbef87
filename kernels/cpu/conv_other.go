//go:build !amd64

package cpu

func toLanes(dst []float32, dstStride int, src []float32, srcStride, rows, n int) {
	toLanesPortable(dst, dstStride, src, srcStride, rows, n)
}

func fromLanes(dst []float32, dstStride int, src []float32, srcStride, rows, n int) {
	fromLanesPortable(dst, dstStride, src, srcStride, rows, n)
}

func convColumn(tiles int, c []float32, crs int, a []float32, ars, acs int, b []float32, brs, k int, add bool) {
	convColumnPortable(tiles, c, crs, a, ars, acs, b, brs, k, add)
}

func (g *convSource) pack(dst []float32, tapStride, planeStride int, src []float32, planes int, at *convPixels, taps []convTap) {
	g.packPortable(dst, tapStride, planeStride, src, planes, at, taps)
}

func weightedSum(dst, src []float32, offsets []int, weights []float32, n int) {
	weightedSumPortable(dst, src, offsets, weights, n)
}

func dotSums(sums, x, src []float32, offsets []int, n int) {
	dotSumsPortable(sums, x, src, offsets, n)
}

func interleave(dst, a, b []float32) { interleavePortable(dst, a, b) }

func separate(a, b, src []float32) { separatePortable(a, b, src) }
