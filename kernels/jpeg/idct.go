package jpeg

// The inverse DCT of libjpeg's "islow" (jidctint.c), after Loeffler, Ligtenberg
// and Moschytz (ICASSP 1989): 13-bit constants, two more bits between the passes.
// Widths are those of libjpeg-turbo's vector form, so that coefficients no
// encoder writes give its pixels too: products with the quantiser and the sums
// below wrap at 16 bits, and the first pass saturates there.
const (
	fix0298 = 2446  // FIX(0.298631336)
	fix0390 = 3196  // FIX(0.390180644)
	fix0541 = 4433  // FIX(0.541196100)
	fix0765 = 6270  // FIX(0.765366865)
	fix0899 = 7373  // FIX(0.899976223)
	fix1175 = 9633  // FIX(1.175875602)
	fix1501 = 12299 // FIX(1.501321110)
	fix1847 = 15137 // FIX(1.847759065)
	fix1961 = 16069 // FIX(1.961570560)
	fix2053 = 16819 // FIX(2.053119869)
	fix2562 = 20995 // FIX(2.562915447)
	fix3072 = 25172 // FIX(3.072711026)

	dctBits = 13
	midBits = 2
)

// butterfly is the transform of one row or column of eight, without the final shift.
func butterfly(in0, in1, in2, in3, in4, in5, in6, in7 int32) (o0, o1, o2, o3, o4, o5, o6, o7 int32) {
	z1 := (in2 + in6) * fix0541
	even2 := z1 - in6*fix1847
	even3 := z1 + in2*fix0765
	even0 := int32(int16(in0+in4)) << dctBits
	even1 := int32(int16(in0-in4)) << dctBits
	t10, t13 := even0+even3, even0-even3
	t11, t12 := even1+even2, even1-even2

	z3 := int32(int16(in7 + in3))
	z4 := int32(int16(in5 + in1))
	z5 := (z3 + z4) * fix1175
	z1 = (in7 + in1) * -fix0899
	z2 := (in5 + in3) * -fix2562
	z3 = z3*-fix1961 + z5
	z4 = z4*-fix0390 + z5
	odd0 := in7*fix0298 + z1 + z3
	odd1 := in5*fix2053 + z2 + z4
	odd2 := in3*fix3072 + z2 + z3
	odd3 := in1*fix1501 + z1 + z4

	return t10 + odd3, t11 + odd2, t12 + odd1, t13 + odd0, t13 - odd0, t12 - odd1, t11 - odd2, t10 - odd3
}

// inversePortable writes the 8x8 samples of a block, dequantised by q, to dst, whose rows
// are stride apart.
func inversePortable(dst []byte, stride int, block *[64]int16, q *[64]uint16) {
	var mid [64]int32
	flat := firstRowOnly(block)
	for x := range 8 {
		in0 := int32(block[x] * int16(q[x]))
		if flat {
			for v, y := int32(int16(in0<<midBits)), 0; y < 64; y += 8 {
				mid[y+x] = v
			}
			continue
		}
		if block[8+x]|block[16+x]|block[24+x]|block[32+x]|block[40+x]|block[48+x]|block[56+x] == 0 {
			for v, y := saturate16(in0<<midBits), 0; y < 64; y += 8 {
				mid[y+x] = v
			}
			continue
		}
		o0, o1, o2, o3, o4, o5, o6, o7 := butterfly(in0, int32(block[8+x]*int16(q[8+x])), int32(block[16+x]*int16(q[16+x])), int32(block[24+x]*int16(q[24+x])),
			int32(block[32+x]*int16(q[32+x])), int32(block[40+x]*int16(q[40+x])), int32(block[48+x]*int16(q[48+x])), int32(block[56+x]*int16(q[56+x])))
		const shift, half = dctBits - midBits, 1 << (dctBits - midBits - 1)
		mid[x], mid[8+x] = saturate16((o0+half)>>shift), saturate16((o1+half)>>shift)
		mid[16+x], mid[24+x] = saturate16((o2+half)>>shift), saturate16((o3+half)>>shift)
		mid[32+x], mid[40+x] = saturate16((o4+half)>>shift), saturate16((o5+half)>>shift)
		mid[48+x], mid[56+x] = saturate16((o6+half)>>shift), saturate16((o7+half)>>shift)
	}
	for y := range 8 {
		row := (*[8]int32)(mid[8*y:])
		out := (*[8]byte)(dst[y*stride:])
		o0, o1, o2, o3, o4, o5, o6, o7 := butterfly(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])
		const shift, half = dctBits + midBits + 3, 1 << (dctBits + midBits + 2)
		out[0], out[1], out[2], out[3] = clampSample((o0+half)>>shift), clampSample((o1+half)>>shift), clampSample((o2+half)>>shift), clampSample((o3+half)>>shift)
		out[4], out[5], out[6], out[7] = clampSample((o4+half)>>shift), clampSample((o5+half)>>shift), clampSample((o6+half)>>shift), clampSample((o7+half)>>shift)
	}
}

// firstRowOnly says whether only the first row has coefficients. libjpeg-turbo
// then takes a short way, whose first pass wraps and does not saturate.
func firstRowOnly(block *[64]int16) bool {
	var any int16
	for _, v := range block[8:] {
		any |= v
	}
	return any == 0
}

func saturate16(v int32) int32 { return min(max(v, -1<<15), 1<<15-1) }

// clampSample moves a level around zero to a sample.
func clampSample(v int32) byte {
	if v += 128; uint32(v) > 255 {
		v = ^(v >> 31) & 255
	}
	return byte(v)
}
