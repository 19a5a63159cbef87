package blur

// OpenCVFloat is OpenCV for float32 samples: the weights are those of float64
// rounded to float32, and sums are in float32. It differs from cv2.GaussianBlur
// in the last bits, by the order of the sums.
func (b *Blurrer) OpenCVFloat(dst, src []float32, w, h, channels int, g Gaussian) error {
	if w < 1 || h < 1 {
		return nil
	}
	g, err := g.resolve(w, h, 4)
	if err != nil {
		return err
	}
	across, down := weights(g.KernelX, g.SigmaX), weights(g.KernelY, g.SigmaY)
	n, rx, ry := w*channels, g.KernelX/2, g.KernelY/2
	b.plane = grow(b.plane, n*h)
	b.wide = grow(b.wide, (w+2*rx)*channels)
	for y := range h {
		pad(b.wide, src[y*n:][:n], rx, channels)
		row := b.plane[y*n:][:n]
		scale(row, b.wide[rx*channels:], float32(across[rx]))
		for i, k := range across[:rx] {
			addPair(row, b.wide[i*channels:], b.wide[(2*rx-i)*channels:], float32(k))
		}
	}
	for y := range h {
		row := dst[y*n:][:n]
		scale(row, b.plane[y*n:], float32(down[ry]))
		for i, k := range down[:ry] {
			addPair(row, b.plane[mirror(y-ry+i, h)*n:], b.plane[mirror(y+ry-i, h)*n:], float32(k))
		}
	}
	return nil
}

func scale(dst, src []float32, k float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = k * v
	}
}

// addPair adds k times the sum of two rows. The product is rounded by itself, on
// every machine.
func addPair(dst, a, b []float32, k float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += float32(k * (a[i] + b[i]))
	}
}
