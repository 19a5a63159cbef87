package jpeg

// forwardPortable is the forward DCT of libjpeg's "islow" (jfdctint.c) on the
// 8x8 samples at src, whose rows are stride apart, and the quantisation of its
// result: out holds the coefficients row by row.
func forwardPortable(out *[64]int16, src []byte, stride int, q *divisors) {
	var mid [64]int32
	for y := range 8 {
		d := (*[8]byte)(src[y*stride:])
		row := (*[8]int32)(mid[8*y:])
		row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = spectrum(int32(d[0])-128, int32(d[1])-128, int32(d[2])-128, int32(d[3])-128,
			int32(d[4])-128, int32(d[5])-128, int32(d[6])-128, int32(d[7])-128, dctBits-midBits)
	}
	for x := range 8 {
		m := (*[57]int32)(mid[x:])
		m[0], m[8], m[16], m[24], m[32], m[40], m[48], m[56] = spectrum(m[0], m[8], m[16], m[24], m[32], m[40], m[48], m[56], dctBits+midBits)
	}
	for k, v := range mid {
		d := int32(q.by[k])
		if v < 0 {
			out[k] = int16(-((d/2 - v) / d))
		} else {
			out[k] = int16((v + d/2) / d)
		}
	}
}

// spectrum is the transform of one row or column of eight.
func spectrum(d0, d1, d2, d3, d4, d5, d6, d7 int32, shift uint) (o0, o1, o2, o3, o4, o5, o6, o7 int32) {
	t0, t7, t1, t6 := d0+d7, d0-d7, d1+d6, d1-d6
	t2, t5, t3, t4 := d2+d5, d2-d5, d3+d4, d3-d4
	t10, t13, t11, t12 := t0+t3, t0-t3, t1+t2, t1-t2
	round := int32(1) << (shift - 1)
	z1 := (t12 + t13) * fix0541
	o0 = ((t10+t11)<<dctBits + round) >> shift
	o4 = ((t10-t11)<<dctBits + round) >> shift
	o2 = (z1 + t13*fix0765 + round) >> shift
	o6 = (z1 - t12*fix1847 + round) >> shift

	z3, z4 := t4+t6, t5+t7
	z5 := (z3 + z4) * fix1175
	z1 = (t4 + t7) * -fix0899
	z2 := (t5 + t6) * -fix2562
	z3 = z3*-fix1961 + z5
	z4 = z4*-fix0390 + z5
	o7 = (t4*fix0298 + z1 + z3 + round) >> shift
	o5 = (t5*fix2053 + z2 + z4 + round) >> shift
	o3 = (t6*fix3072 + z2 + z3 + round) >> shift
	o1 = (t7*fix1501 + z1 + z4 + round) >> shift
	return
}

// divisors are a quantiser's steps, row by row, times the 8 that the transform
// leaves in its result, and what divides by them without a division: with x of 16
// bits (x + corr) * recip >> 16 * scale >> 16 is x / by rounded (A. Fog, Optimizing
// subroutines in assembly language, 16.9).
type divisors struct {
	by                 [64]uint16 // row by row
	recip, corr, scale [64]uint16 // in the rows' order of rowPairs
}

// rowPairs is the order of rows in which the assembly has a block at hand.
var rowPairs = [8]int{0, 2, 1, 3, 4, 6, 5, 7}

func newDivisors(q *[64]uint16) *divisors {
	d := &divisors{}
	for i := range 64 {
		k := 8*rowPairs[i/8] + i%8
		by := uint32(q[k]) * 8
		d.by[k] = uint16(by)
		r := uint(16)
		for ; by>>(r-16) > 1; r++ {
		}
		recip, rest, corr := (uint32(1)<<r)/by, (uint32(1)<<r)%by, by/2
		switch {
		case rest == 0: // a power of two
			recip >>= 1
			r--
		case rest <= by/2:
			corr++
		default:
			recip++
		}
		d.recip[i], d.corr[i], d.scale[i] = uint16(recip), uint16(corr), uint16(1<<(32-r))
	}
	return d
}

// presence returns a bit for each coefficient that is not zero.
func presence(block *[64]int16) (bits uint64) {
	for k, v := range block {
		if v != 0 {
			bits |= 1 << k
		}
	}
	return bits
}
