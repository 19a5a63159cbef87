package rle

import "github.com/tailorbird/tailorbird/internal/fault"

// Union returns the pixels that are one in any of parts. All must be valid and
// of one size: another size is fault.InvalidAnnotation, and so is no part at
// all. The result of two or more parts is canonical. Counts reuses buf, which
// must not overlap the parts.
func Union(parts []Mask, buf []uint32) (Mask, error) { return mergeAll(parts, union, buf) }

// Intersection returns the pixels that are one in all parts, on the terms of
// Union.
func Intersection(parts []Mask, buf []uint32) (Mask, error) {
	return mergeAll(parts, intersection, buf)
}

// rule says in how many of two masks a pixel must be one.
type rule int

const (
	union        rule = 1
	intersection rule = 2
)

func mergeAll(parts []Mask, r rule, buf []uint32) (Mask, error) {
	if len(parts) == 0 {
		return Mask{}, fault.New(fault.InvalidAnnotation, "rle: no masks to merge")
	}
	h, w := parts[0].Height, parts[0].Width
	for i, p := range parts {
		if err := p.Validate(); err != nil {
			return Mask{}, fault.New(fault.CodeOf(err), "part %d: %w", i, err)
		}
		if p.Height != h || p.Width != w {
			return Mask{}, fault.New(fault.InvalidAnnotation, "rle: part %d is %d x %d, part 0 is %d x %d", i, p.Height, p.Width, h, w)
		}
	}
	return Mask{h, w, mergeHalves(parts, r, buf)}, nil
}

// mergeHalves merges by halves: a linear fold would be quadratic in the number
// of parts.
func mergeHalves(parts []Mask, r rule, buf []uint32) []uint32 {
	switch len(parts) {
	case 1:
		return append(buf[:0], parts[0].Counts...)
	case 2:
		return merge(parts[0].Counts, parts[1].Counts, r, buf)
	}
	left, right := borrow(), borrow()
	defer giveBack(left)
	defer giveBack(right)
	half := len(parts) / 2
	*left = mergeHalves(parts[:half], r, *left)
	*right = mergeHalves(parts[half:], r, *right)
	return merge(*left, *right, r, buf)
}

// merge combines two masks of as many pixels into buf.
func merge(a, b []uint32, r rule, buf []uint32) []uint32 {
	out := runs{counts: buf[:0]}
	p := pair{a: a, b: b}
	for {
		ones, n := p.next()
		if n == 0 {
			return out.finish()
		}
		v := 0
		if ones >= int(r) {
			v = 1
		}
		out.add(v, n)
	}
}

// pair walks two lists of runs side by side.
type pair struct {
	a, b         []uint32
	i, j         int    // runs taken
	leftA, leftB uint32 // pixels left of the last one
}

// next returns the length of the next stretch in which neither list changes,
// and how many of the two are one there. At the end the length is 0.
func (p *pair) next() (ones int, n uint32) {
	for p.leftA == 0 && p.i < len(p.a) {
		p.leftA = p.a[p.i]
		p.i++
	}
	for p.leftB == 0 && p.j < len(p.b) {
		p.leftB = p.b[p.j]
		p.j++
	}
	n = min(p.leftA, p.leftB)
	p.leftA -= n
	p.leftB -= n
	// Run number k, counted from one, holds ones where k is even.
	return 2 - p.i&1 - p.j&1, n
}
