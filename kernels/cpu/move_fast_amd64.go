package cpu

//go:generate go run ./asm/move -out move_rows_amd64.s -stubs move_rows_stub_amd64.go -pkg cpu

// The fast forms say whether, or how far, they have done the work. Slices have
// the lengths that the portable forms ask for.

func fastMax2(dst, a, b []float32) bool {
	if !useAVX2 || len(dst) == 0 {
		return false
	}
	max2AVX2(&dst[0], &a[0], &b[0], len(dst))
	return true
}

func fastMax3(dst, a, b, c []float32) bool {
	if !useAVX2 || len(dst) == 0 {
		return false
	}
	max3AVX2(&dst[0], &a[0], &b[0], &c[0], len(dst))
	return true
}

func fastGive(dst, value, most, open []float32) bool {
	if !useAVX2 || len(dst) == 0 {
		return false
	}
	giveAVX2(&dst[0], &value[0], &most[0], &open[0], len(dst))
	return true
}

// fastSplit and fastJoin return how many elements of each half are done.
func fastSplit(even, odd, src []float32) int {
	n := min(len(even), len(odd), len(src)/2) &^ 7
	if !useAVX2 || n == 0 {
		return 0
	}
	splitAVX2(&even[0], &odd[0], &src[0], n)
	return n
}

func fastJoin(dst, even, odd []float32) int {
	n := min(len(even), len(odd), len(dst)/2) &^ 7
	if !useAVX2 || n == 0 {
		return 0
	}
	joinAVX2(&dst[0], &even[0], &odd[0], n)
	return n
}

// fastTranspose turns what rows and columns are whole eights, and returns how
// many rows those are.
func fastTranspose(dst, src []float32, to, from, dstStride, srcStride, rows, cols int) int {
	rows, cols = rows&^7, cols&^7
	if !useAVX2 || rows == 0 || cols == 0 {
		return 0
	}
	for i := 0; i < rows; i += 8 {
		transposeAVX2(&dst[to+i*dstStride], &src[from+i], dstStride, srcStride, cols)
	}
	return rows
}

// fastWeigh returns how many places are done.
func fastWeigh(dst, src []float32, index []int32, weight []float32, taps, stride int) int {
	n := len(dst) &^ 7
	if !useAVX2 || n == 0 {
		return 0
	}
	weighAVX2(&dst[0], &src[0], &index[0], &weight[0], taps, stride, n)
	return n
}

func fastGiveFirst(dst, value, most, open []float32) bool {
	if !useAVX2 || len(dst) == 0 {
		return false
	}
	giveFirstAVX2(&dst[0], &value[0], &most[0], &open[0], len(dst))
	return true
}

func fastMeans(dst, src []float32, n int) bool {
	if !useAVX2 {
		return false
	}
	meansAVX2(&dst[0], &src[0], len(dst), n, 1/float32(n))
	return true
}

// fastRuns leaves long runs to the runtime's copy, which is better at them.
func fastRuns(dst, src []float32, to, from, dstStride, srcStride, count, n int, add bool) bool {
	switch {
	case !useAVX2:
		return false
	case add:
		addRunsAVX2(&dst[to], &src[from], dstStride, srcStride, count, n)
	case n <= 256:
		copyRunsAVX2(&dst[to], &src[from], dstStride, srcStride, count, n)
	default:
		return false
	}
	return true
}
