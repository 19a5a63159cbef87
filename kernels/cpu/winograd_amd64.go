package cpu

// winogradInput writes B^T d B of n patches, patch after patch.
func winogradInput(dst []float32, d grid, src []float32, s grid, n int) {
	if !useAVX2 {
		winogradPortable(winogradBT, dst, d, src, 0, s, n)
		return
	}
	_, _ = dst[d.end(6, n)], src[s.end(6, n)]
	winogradInputAVX2(&dst[0], 4*d.row, 4*d.col, 4*d.next, &src[0], 4*s.row, 4*s.col, 4*s.next, n)
}

// winogradOutput writes A^T m A of n tiles, plus edge[:8], at least edge[8:].
func winogradOutput(dst []float32, d grid, src []float32, s grid, n int, edge []float32) {
	if !useAVX2 {
		winogradOutputPortable(dst, d, src, s, n, edge)
		return
	}
	_, _, _ = dst[d.end(4, n)], src[s.end(6, n)], edge[2*lanes-1]
	winogradOutputAVX2(&dst[0], 4*d.row, 4*d.col, 4*d.next, &src[0], 4*s.row, 4*s.col, 4*s.next, n, &edge[0])
}

// winogradFilter writes G g G^T of n filters that begin at src[at]; rows and
// columns of s may run backwards.
func winogradFilter(dst []float32, d grid, src []float32, at int, s grid, n int) {
	if !useAVX2 {
		winogradPortable(winogradG, dst, d, src, at, s, n)
		return
	}
	_, _ = dst[d.end(6, n)], src[at+max(s.end(3, n), s.next*(n-1))]
	winogradFilterAVX2(&dst[0], 4*d.row, 4*d.col, 4*d.next, &src[at], 4*s.row, 4*s.col, 4*s.next, n)
}

// winogradGrad writes A dy A^T of n tiles.
func winogradGrad(dst []float32, d grid, src []float32, s grid, n int) {
	if !useAVX2 {
		winogradPortable(winogradA, dst, d, src, 0, s, n)
		return
	}
	_, _ = dst[d.end(6, n)], src[s.end(4, n)]
	winogradGradAVX2(&dst[0], 4*d.row, 4*d.col, 4*d.next, &src[0], 4*s.row, 4*s.col, 4*s.next, n)
}

// winogradFilterGrad writes G^T u G of n filters.
func winogradFilterGrad(dst []float32, d grid, src []float32, s grid, n int) {
	if !useAVX2 {
		winogradPortable(winogradGT, dst, d, src, 0, s, n)
		return
	}
	_, _ = dst[d.end(3, n)], src[s.end(6, n)]
	winogradFilterGradAVX2(&dst[0], 4*d.row, 4*d.col, 4*d.next, &src[0], 4*s.row, 4*s.col, 4*s.next, n)
}

// end returns the index of the last value of n blocks with so many vectors a side.
func (g grid) end(side, n int) int { return (side-1)*(g.row+g.col) + (n-1)*g.next + lanes - 1 }
