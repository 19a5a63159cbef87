package inpaint

// near is a pixel within a radius of another: where it lies, and how its distance
// weighs.
type near struct {
	dx, dy int
	weight float32
}

// disk lists the pixels within radius of one, without itself, row by row. The
// order is that of the sums, which are of 32 bits.
func disk(radius int, weight func(square float64) float64) []near {
	var d []near
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			if s := dx*dx + dy*dy; s > 0 && s <= radius*radius {
				d = append(d, near{dx, dy, float32(weight(float64(s)))})
			}
		}
	}
	return d
}

// tap says which samples of a line stand for a pixel and its neighbours in a
// difference; in bytes.
//
// Beside the edge of the picture OpenCV takes, for the pixel and the one before
// it, those one step on along the first line, and for the pixel and the one after
// it those one step back along the last. Its results are the reference, so the
// same is done here.
type tap struct {
	at, before  int // as the middle and the end of a backward difference
	at2, behind int // as the middle and the end of a forward difference
}

// taps fills t for a line of n samples, step bytes apart.
func taps(t []tap, n, step int) []tap {
	t = sized(t, n)
	for i := range t {
		m, p := i, i
		if i == 0 {
			m = 1
		}
		if i == n-1 {
			p = n - 2
		}
		in := func(v int) int { return min(max(v, 0), n-1) * step }
		t[i] = tap{in(m), in(m - 1), in(p), in(p + 1)}
	}
	return t
}
