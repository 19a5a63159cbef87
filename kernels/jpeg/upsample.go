package jpeg

// upsample writes the w x h samples of a component that has cw x ch of them, one
// for sh x sv pixels, with libjpeg's "fancy upsampling" (jdsample.c): a sample sits
// between its pixels, and each pixel takes 3/4 of the nearer sample and 1/4 of the
// farther one in each subsampled direction, with rounding that alternates. Ratios
// other than two, and rows of less than three samples, repeat samples, as there.
// line has room for sh*cw samples.
func upsample(dst []byte, w, h int, src []byte, stride, cw, ch, sh, sv int, line []byte) {
	line = line[:sh*cw]
	for y := range h {
		near := y / sv
		far := near
		if sv == 2 {
			far = min(max(near-1+y%2*2, 0), ch-1)
		}
		a, b := src[near*stride:][:cw], src[far*stride:][:cw]
		switch {
		case sh == 1 && sv == 2:
			blend(line, a, b, 1+y%2)
		case sh == 2 && sv == 1 && cw > 2:
			spread(line, a)
		case sh == 2 && sv == 2 && cw > 2:
			spreadBlend(line, a, b)
		default:
			repeat(line, a, sh)
		}
		copy(dst[y*w:][:w], line)
	}
}

// blend is h1v2: 3/4 of the near row and 1/4 of the far one.
func blend(out, near, far []byte, bias int) {
	for i, n := range near {
		out[i] = byte((3*int(n) + int(far[i]) + bias) >> 2)
	}
}

// spread is h2v1.
func spread(out, in []byte) {
	last := len(in) - 1
	for i, v := range in {
		c := 3 * int(v)
		out[2*i] = byte((c + int(in[max(i-1, 0)]) + 1) >> 2)
		out[2*i+1] = byte((c + int(in[min(i+1, last)]) + 2) >> 2)
	}
	out[0], out[2*last+1] = in[0], in[last]
}

// spreadBlend is h2v2.
func spreadBlend(out, near, far []byte) {
	sum := func(i int) int { return 3*int(near[i]) + int(far[i]) }
	prev, this := sum(0), sum(0)
	for i := range near {
		next := this
		if i+1 < len(near) {
			next = sum(i + 1)
		}
		out[2*i] = byte((3*this + prev + 8) >> 4)
		out[2*i+1] = byte((3*this + next + 7) >> 4)
		prev, this = this, next
	}
}

// repeat writes each sample n times.
func repeat(out, in []byte, n int) {
	for i, v := range in {
		fill(out[n*i:][:n], v)
	}
}

// inksToRGB converts C, M, Y, K, 255 being full ink, by Pillow's rule
// (Convert.c, cmyk2rgb).
func inksToRGB(rgb, inks []byte) {
	for i := 0; i < len(inks); i += 4 {
		white := 255 - int(inks[i+3])
		for c := range 3 {
			t := int(inks[i+c])*white + 128
			rgb[i/4*3+c] = byte(max(0, white-(t>>8+t)>>8)) // the ink's share, divided by 255 and rounded
		}
	}
}
