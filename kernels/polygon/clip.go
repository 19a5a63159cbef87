package polygon

// Clip appends to dst the part of the outline xy inside the rectangle of corner
// (x, y) and size w x h, and returns the extended slice. Nothing is appended
// where the polygon and the rectangle share no area that three points could
// bound. xy and dst must not overlap.
//
// The algorithm is Sutherland and Hodgman's, "Reentrant Polygon Clipping",
// CACM 17(1), 1974: one half-plane after the other. Coordinates are those of
// xy: use Shift to move the result into the rectangle's frame.
func Clip(dst, xy []float64, x, y, w, h float64) []float64 {
	n := len(dst)
	planes := [4]halfPlane{{0, x, 1}, {0, x + w, -1}, {1, y, 1}, {1, y + h, -1}}
	in := xy
	for _, p := range planes {
		// Each pass reads the one before it from the same buffer: append may
		// move the buffer, but the old one keeps what in holds.
		start := len(dst)
		dst = p.clip(dst, in)
		in = dst[start:]
	}
	k := copy(dst[n:cap(dst)], in)
	if k < 6 {
		k = 0
	}
	return dst[:n+k]
}

// halfPlane is the set of points whose coordinate on axis (0: x, 1: y) is at
// least bound (sign 1) or at most bound (sign -1).
type halfPlane struct {
	axis        int
	bound, sign float64
}

// depth is how far inside the point (x, y) lies; negative is outside.
func (p halfPlane) depth(x, y float64) float64 {
	if p.axis == 0 {
		return (x - p.bound) * p.sign
	}
	return (y - p.bound) * p.sign
}

func (p halfPlane) clip(dst, xy []float64) []float64 {
	n := len(xy)
	if n < 2 {
		return dst
	}
	px, py := xy[n-2], xy[n-1]
	pd := p.depth(px, py)
	for i := 0; i+1 < n; i += 2 {
		qx, qy := xy[i], xy[i+1]
		qd := p.depth(qx, qy)
		if (pd < 0) != (qd < 0) {
			dst = p.cross(dst, px, py, qx, qy, pd/(pd-qd))
		}
		if qd >= 0 {
			dst = append(dst, qx, qy)
		}
		px, py, pd = qx, qy, qd
	}
	return dst
}

// cross appends the point at fraction t of the segment from (ax, ay) to
// (bx, by), exactly on the boundary.
func (p halfPlane) cross(dst []float64, ax, ay, bx, by, t float64) []float64 {
	if p.axis == 0 {
		return append(dst, p.bound, ay+float64(t*(by-ay)))
	}
	return append(dst, ax+float64(t*(bx-ax)), p.bound)
}
