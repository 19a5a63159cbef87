package cpu

// The loops over rows that pooling is made of. Results are as long as dst. Each has
// a fast form with the same result to the last bit, but for the bits of a NaN.

// splitRow sets even[i] = src[2i] and odd[i] = src[2i+1].
func splitRow(even, odd, src []float32) {
	done := fastSplit(even, odd, src)
	for i := done; i < len(even); i++ {
		even[i] = src[2*i]
	}
	for i := done; i < len(odd); i++ {
		odd[i] = src[2*i+1]
	}
}

// joinRow undoes splitRow.
func joinRow(dst, even, odd []float32) {
	done := fastJoin(dst, even, odd)
	for i := done; i < len(even); i++ {
		dst[2*i] = even[i]
	}
	for i := done; i < len(odd); i++ {
		dst[2*i+1] = odd[i]
	}
}

// pickRow sets dst[i] = src[i*stride].
func pickRow(dst, src []float32, stride int) {
	if stride == 1 {
		copy(dst, src)
		return
	}
	for i := range dst {
		dst[i] = src[i*stride]
	}
}

// putRow sets dst[i*stride] = src[i].
func putRow(dst, src []float32, stride int) {
	if stride == 1 {
		copy(dst, src)
		return
	}
	for i, v := range src {
		dst[i*stride] = v
	}
}

// greater returns the greater of two values; a NaN is greater than all.
func greater(a, b float32) float32 {
	if b > a || b != b {
		return b
	}
	return a
}

func max2(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if fastMax2(dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = greater(a[i], b[i])
	}
}

func max3(dst, a, b, c []float32) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	if fastMax3(dst, a, b, c) {
		return
	}
	for i := range dst {
		dst[i] = greater(greater(a[i], b[i]), c[i])
	}
}

// give adds open to dst where value is most, and sets it to 0 there: it is given
// away. Where one is a NaN they are taken for equal.
func give(dst, value, most, open []float32) {
	value, most, open = value[:len(dst)], most[:len(dst)], open[:len(dst)]
	if fastGive(dst, value, most, open) {
		return
	}
	for i := range dst {
		if !(value[i] < most[i] || value[i] > most[i]) {
			dst[i] += open[i]
			open[i] = 0
		}
	}
}

// giveFirst is give to a dst that was 0.
func giveFirst(dst, value, most, open []float32) {
	value, most, open = value[:len(dst)], most[:len(dst)], open[:len(dst)]
	if fastGiveFirst(dst, value, most, open) {
		return
	}
	for i := range dst {
		if value[i] < most[i] || value[i] > most[i] {
			dst[i] = 0
			continue
		}
		dst[i], open[i] = open[i], 0
	}
}

// planeMeans sets dst to the means of planes of n elements. Each is the sum of eight
// sums: rounding errors grow with an eighth of n.
func planeMeans(dst, src []float32, n int) {
	if fastMeans(dst, src, n) {
		return
	}
	share := 1 / float32(n)
	for i := range dst {
		var sum [8]float32
		for k, v := range src[i*n:][:n] {
			sum[k&7] += v
		}
		dst[i] = share * (((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7])))
	}
}

// weigh sets dst[o] to the sum over k < taps of weight[k*stride + o] * src[index[k*stride + o]].
// Elements of weight 0 are not read.
func weigh(dst, src []float32, index []int32, weight []float32, taps, stride int) {
	for o := fastWeigh(dst, src, index, weight, taps, stride); o < len(dst); o++ {
		sum := float32(0)
		for k := range taps {
			if w := weight[k*stride+o]; w != 0 {
				sum += float32(w * src[index[k*stride+o]])
			}
		}
		dst[o] = sum
	}
}

// addTo adds s to dst.
func addTo(dst, s []float32) { vecAxpy(dst, s[:len(dst)], 1) }
