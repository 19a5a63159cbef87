package morph

import "math"

// Kernel is a flat structuring element: the set of offsets around its anchor
// that a pixel looks at. The zero value is the anchor alone, which changes
// nothing. A Kernel is immutable and may be shared.
type Kernel struct {
	w, h  int
	rects []rect
}

// rect is a rectangle of offsets from the anchor, both ends within. Every one
// holds the anchor's column and row, so x0, y0 <= 0 <= x1, y1.
type rect struct{ x0, y0, x1, y1 int }

func (r rect) holds(o rect) bool {
	return r.x0 <= o.x0 && r.y0 <= o.y0 && o.x1 <= r.x1 && o.y1 <= r.y1
}

// Rect is the full rectangle of w x h pixels. Sizes below 1 count as 1, here and
// in the other constructors.
func Rect(w, h int) Kernel {
	w, h = max(w, 1), max(h, 1)
	return Kernel{w, h, []rect{{-(w / 2), -(h / 2), w - 1 - w/2, h - 1 - h/2}}}
}

// Cross is the row and the column through the anchor of an n x n square.
func Cross(n int) Kernel {
	n = max(n, 1)
	lo, hi := -(n / 2), n-1-n/2
	return Kernel{n, n, []rect{{lo, 0, hi, 0}, {0, lo, 0, hi}}}
}

// Disk is the ellipse of 2r+1 x 2r+1 pixels.
func Disk(r int) Kernel { return Ellipse(2*max(r, 0)+1, 2*max(r, 0)+1) }

// Ellipse is the ellipse inscribed in w x h pixels as OpenCV's MORPH_ELLIPSE
// draws it: with half axes c = w/2 and r = h/2 in integers, the row at distance
// dy from the anchor reaches round(c*sqrt(r^2-dy^2)/r) pixels to both sides, cut
// at the rectangle. For w and h of at most 4096.
func Ellipse(w, h int) Kernel {
	w, h = min(max(w, 1), 4096), min(max(h, 1), 4096)
	c, r := w/2, h/2
	if r == 0 || c == 0 {
		return Rect(w, h)
	}
	rows := make([]rect, h)
	inverse := 1 / float64(r*r)
	for i := range rows {
		dy := i - r
		dx := int(math.RoundToEven(float64(c) * math.Sqrt(float64(r*r-dy*dy)*inverse)))
		rows[i] = rect{max(-dx, -c), dy, min(dx, w-1-c), dy}
	}
	return Kernel{w, h, cover(rows)}
}

// cover returns the largest rectangles in a stack of rows, one for each
// different row: their union is that of the rows.
func cover(rows []rect) []rect {
	var rects []rect
	for i, r := range rows {
		for j := i - 1; j >= 0 && rows[j].x0 <= r.x0 && r.x1 <= rows[j].x1; j-- {
			r.y0 = rows[j].y0
		}
		for j := i + 1; j < len(rows) && rows[j].x0 <= r.x0 && r.x1 <= rows[j].x1; j++ {
			r.y1 = rows[j].y1
		}
		// Equal rows side by side, and the lower half of a symmetric element.
		known := false
		for _, o := range rects {
			known = known || o.holds(r)
		}
		if !known {
			rects = append(rects, r)
		}
	}
	return rects
}

// Size returns the width and height of the box around the element.
func (k Kernel) Size() (w, h int) { return max(k.w, 1), max(k.h, 1) }

// At tells whether the element has the pixel in column x and row y of its box.
func (k Kernel) At(x, y int) bool {
	w, h := k.Size()
	at := rect{x - w/2, y - h/2, x - w/2, y - h/2}
	for _, r := range k.rects {
		if r.holds(at) {
			return true
		}
	}
	return len(k.rects) == 0 && at == rect{}
}
