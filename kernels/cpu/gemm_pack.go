package cpu

// packA writes A as panels of gemmMR rows to dst; see gemm.go for the form. Rows
// beyond the last are zeros.
func packA(dst []float32, m, k int, a []float32, ars, acs int) {
	steps := k
	if ars == 1 {
		steps = min(k, packASteps)
	}
	for p := 0; p < k; p += steps {
		for i := 0; i < m; i += gemmMR {
			packPanel(dst[i*k+p*gemmMR:], gemmMR, min(gemmMR, m-i), min(steps, k-p), a[i*ars+p*acs:], ars, acs)
		}
	}
}

// packASteps is how much of k is packed at a time where a panel is part of a
// cache line: few, so that the next panel finds the line.
const packASteps = 32

// packB writes B as panels of gemmNR columns to dst. Columns beyond the last are zeros.
func packB(dst []float32, k, n int, b []float32, brs, bcs int) {
	for j := 0; j < n; j += gemmNR {
		packPanel(dst[j*k:], gemmNR, min(gemmNR, n-j), k, b[j*bcs:], bcs, brs)
	}
}

// packPanel writes count <= width lanes of k values, lanes lane and values step
// apart in src, side by side to dst. width is gemmMR or gemmNR.
func packPanel(dst []float32, width, count, k int, src []float32, lane, step int) {
	done := 0
	if useAVX2 && count == width && k > 0 {
		// The assembly checks nothing: these are its last elements.
		_, _ = dst[k*width-1], src[(width-1)*lane+(k-1)*step]
		done = packWhole(dst, width, k, src, lane, step)
	}
	if done < k {
		packPortable(dst[done*width:], width, count, k-done, src[done*step:], lane, step)
	}
}

// packWhole packs a panel without missing lanes as far as the assembly can, and
// returns how many of the k values of each lane that are.
func packWhole(dst []float32, width, k int, src []float32, lane, step int) int {
	switch {
	case lane == 1 && width == gemmNR:
		gemmPackRows16AVX2(&dst[0], &src[0], step, k)
		return k
	case lane == 1:
		gemmPackRows6AVX2(&dst[0], &src[0], step, k)
		return k
	case step != 1 || k < 4:
		return 0
	case width == gemmNR:
		gemmPackColumns16AVX2(&dst[0], &src[0], lane, k&^3)
	default:
		gemmPackColumns6AVX2(&dst[0], &src[0], lane, k&^3)
	}
	return k &^ 3
}

// packPortable is packPanel in Go.
func packPortable(dst []float32, width, count, k int, src []float32, lane, step int) {
	if lane == 1 {
		for p := range k {
			row := dst[p*width : p*width+width]
			clear(row[copy(row, src[p*step:p*step+count]):])
		}
		return
	}
	for p := range k {
		row := dst[p*width : p*width+width]
		for i := range count {
			row[i] = src[i*lane+p*step]
		}
		clear(row[count:])
	}
}
