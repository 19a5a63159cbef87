package rle

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/polygon"
)

// upsample is the number of grid steps to a pixel at which outlines are walked
// before they are reduced to pixel columns. Published masks depend on it.
const upsample = 5

// maxCrossings bounds the column crossings of one outline, and with them the
// memory that a hostile annotation can ask for.
const maxCrossings = 1 << 24

// FromPolygon rasterises the outline xy (package polygon says what that is)
// into a mask of h x w pixels, bit for bit as pycocotools' frPyObjects: the
// outline may leave the image, repeat points or cross itself; pixels it winds
// round an even number of times are zeros. Counts reuses buf.
//
// An outline that polygon.Validate refuses is fault.InvalidAnnotation, one that
// crosses pixel columns more than 1<<24 times fault.TooLarge.
func FromPolygon(xy []float64, h, w int, buf []uint32) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	if err := polygon.Validate(xy); err != nil {
		return Mask{}, err
	}
	counts, err := rasterise(xy, h, w, buf)
	if err != nil {
		return Mask{}, err
	}
	return Mask{h, w, counts}, nil
}

// FromBox rasterises the box x, y, width, height as the outline of its corners,
// as pycocotools does. Counts reuses buf.
func FromBox(box [4]float64, h, w int, buf []uint32) (Mask, error) {
	x0, y0 := box[0], box[1]
	x1, y1 := x0+box[2], y0+box[3]
	xy := [8]float64{x0, y0, x0, y1, x1, y1, x1, y0}
	return FromPolygon(xy[:], h, w, buf)
}

// FromPolygons returns the union of the outlines, which COCO keeps as a list
// for an object in several parts. No outline at all is
// fault.InvalidAnnotation; the errors are otherwise those of FromPolygon, with
// the index of the part. Counts reuses buf.
func FromPolygons(parts [][]float64, h, w int, buf []uint32) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	if len(parts) == 0 {
		return Mask{}, fault.New(fault.InvalidAnnotation, "rle: no polygons")
	}
	counts, err := polygons(parts, 0, h, w, buf)
	if err != nil {
		return Mask{}, err
	}
	return Mask{h, w, counts}, nil
}

// polygons merges by halves: a linear fold would be quadratic in the number of
// parts. first is the index of parts[0] in the annotation.
func polygons(parts [][]float64, first, h, w int, buf []uint32) ([]uint32, error) {
	if len(parts) == 1 {
		m, err := FromPolygon(parts[0], h, w, buf)
		if err != nil {
			return nil, fault.New(fault.CodeOf(err), "part %d: %w", first, err)
		}
		return m.Counts, nil
	}
	half := len(parts) / 2
	left, right := borrow(), borrow()
	defer giveBack(left)
	defer giveBack(right)
	var err error
	if *left, err = polygons(parts[:half], first, h, w, *left); err != nil {
		return nil, err
	}
	if *right, err = polygons(parts[half:], first+half, h, w, *right); err != nil {
		return nil, err
	}
	return merge(*left, *right, union, buf), nil
}

// rasterise finds where the outline crosses from one pixel column to the next.
// In each column the crossings, in order, are where the pixels change.
//
// buf holds, one after the other: for each column of the outline the index of
// its next crossing, then the crossings, column by column.
func rasterise(xy []float64, h, w int, buf []uint32) ([]uint32, error) {
	x0, x1 := xy[0], xy[0]
	for i := 2; i < len(xy); i += 2 {
		x0, x1 = min(x0, xy[i]), max(x1, xy[i])
	}
	lo, hi := columns(grid(x0), grid(x1), w)
	if lo > hi {
		return append(buf[:0], uint32(h*w)), nil
	}
	if n := 2 * (hi - lo + 1); n > maxCrossings { // out and back
		return nil, tooMany(n)
	}
	base := hi - lo + 2
	buf = grow(buf, base)
	clear(buf)
	total := countCrossings(xy, lo, w, buf)
	if total > maxCrossings {
		return nil, tooMany(total)
	}
	buf = slices.Grow(buf, total)[:base+total]
	next, crossings := buf[:base], buf[base:]
	a := point{grid(xy[len(xy)-2]), grid(xy[len(xy)-1])}
	for i := 0; i < len(xy); i += 2 {
		b := point{grid(xy[i]), grid(xy[i+1])}
		if first, last := columns(a.x, b.x, w); first <= last {
			newEdge(a, b).crossings(first, h, next[first-lo:last-lo+1], crossings)
		}
		a = b
	}
	positions(next, crossings, lo, h)
	return fromPositions(buf, base, h*w), nil
}

func tooMany(n int) error {
	return fault.New(fault.TooLarge, "rle: polygon crosses pixel columns %d times, the limit is %d", n, maxCrossings)
}

// countCrossings turns next, all zero, into the index of each column's first
// crossing, the first column being lo, and returns the number of crossings.
func countCrossings(xy []float64, lo, w int, next []uint32) int {
	total := 0
	a := point{grid(xy[len(xy)-2]), grid(xy[len(xy)-1])}
	for i := 0; i < len(xy); i += 2 {
		b := point{grid(xy[i]), grid(xy[i+1])}
		if first, last := columns(a.x, b.x, w); first <= last {
			next[first-lo]++
			next[last-lo+1]-- // wraps; the running sum below wraps back
			total += last - first + 1
		}
		a = b
	}
	at, here := uint32(0), uint32(0)
	for i, change := range next {
		here += change
		next[i] = at
		at += here
	}
	return total
}

// positions sorts the crossings of each column and turns them from rows into
// positions in the mask. next holds the end of each column's crossings.
func positions(next, crossings []uint32, lo, h int) {
	start := uint32(0)
	top := uint32(lo * h)
	for _, end := range next[:len(next)-1] {
		ys := crossings[start:end]
		if len(ys) > 16 {
			slices.Sort(ys)
		}
		for i, y := range ys { // two, nearly always
			k := i
			for ; k > 0 && ys[k-1] > y+top; k-- {
				ys[k] = ys[k-1]
			}
			ys[k] = y + top
		}
		start = end
		top += uint32(h)
	}
}

// fromPositions turns the ascending positions buf[base:] at which an image of n
// pixels changes into runs at the start of buf. Two changes at one place are
// none. The runs never overtake the positions still to be read, for base > 0.
func fromPositions(buf []uint32, base, n int) []uint32 {
	end := len(buf)
	out, prev := 0, uint32(0)
	for i := base; i < end; i++ {
		p := buf[i]
		if i+1 < end && buf[i+1] == p {
			i++
			continue
		}
		if p == uint32(n) { // a change after the last pixel
			break
		}
		buf[out] = p - prev
		out++
		prev = p
	}
	buf[out] = uint32(n) - prev
	return buf[:out+1]
}
