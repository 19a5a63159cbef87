package rle

// transpose turns the runs of an image of w lines of h pixels into the runs of
// its h lines of w pixels, without decoding: from columns to rows and back. The
// runs must cover h*w pixels.
//
// A pixel of row y changes value between columns x-1 and x exactly where the
// mask differs from itself moved on by one column, so the changes of all rows
// come out of one merge of the runs with themselves, in time linear in the runs
// read and written.
func transpose(counts []uint32, h, w int, buf []uint32) []uint32 {
	if h == 1 || w == 1 {
		return append(buf[:0], counts...)
	}
	scratch := borrow()
	defer giveBack(scratch)
	*scratch = grow(*scratch, h+1)
	next := *scratch
	clear(next)
	eachChange(counts, h, w, func(_, y0, y1 int) {
		next[y0]++
		next[y1]-- // wraps; the running sum below wraps back
	})
	total, here := uint32(0), uint32(0)
	for y, change := range next {
		here += change
		next[y] = total
		total += here
	}
	changes := borrow()
	defer giveBack(changes)
	*changes = grow(*changes, int(total))
	xs := *changes
	eachChange(counts, h, w, func(x, y0, y1 int) {
		for y := y0; y < y1; y++ {
			xs[next[y]] = uint32(x)
			next[y]++
		}
	})
	out := runs{counts: buf[:0]}
	start := uint32(0)
	for _, end := range next[:h] {
		v, at := 0, uint32(0)
		for _, x := range xs[start:end] {
			out.add(v, x-at)
			v, at = 1-v, x
		}
		out.add(v, uint32(w)-at)
		start = end
	}
	return out.finish()
}

// eachChange calls visit for each stretch of rows y0..y1-1 whose pixels in
// column x differ from those in column x-1, or are one where x is 0, columns in
// ascending order.
func eachChange(counts []uint32, h, w int, visit func(x, y0, y1 int)) {
	end := h * w
	// The next change of the mask is at p, behind run i, that of the mask
	// moved on at q, behind run j.
	p, q := int(counts[0]), h+int(counts[0])
	i, j := 0, 0
	x, top := 0, 0 // column of the last change, and its first pixel
	from, differs := 0, false
	for {
		to := min(p, q, end)
		if differs && to > from {
			for ; to > top+h; top += h { // goes on in the next column
				visit(x, from-top, h)
				x++
				from = top + h
			}
			visit(x, from-top, to-top)
		}
		if to == end {
			return
		}
		if p == to {
			i++
			p += int(counts[i])
		} else {
			j++
			q += int(counts[j])
		}
		differs = !differs
		from = to
		if from-top >= h {
			x = from / h
			top = x * h
		}
	}
}
