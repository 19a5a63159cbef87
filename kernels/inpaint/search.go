package inpaint

import "math/rand/v2"

// scatter gives each target any source.
func (l *level) scatter(random *rand.PCG) {
	for _, t := range l.targets {
		l.like[t] = l.sources[below(random, len(l.sources))]
		l.apart[t] = 0
	}
}

// refine takes each target's source over from the patch of the coarser level that
// has its centre.
func (l *level) refine(coarse *level, random *rand.PCG) {
	half := l.side / 2
	centre := func(v, n int) int { return min(max((v+half)/2-half, 0), n-l.side) }
	for _, t := range l.targets {
		x, y := int(t)%l.w, int(t)/l.w
		from := coarse.like[centre(y, coarse.h)*coarse.w+centre(x, coarse.w)]
		l.like[t], l.apart[t] = -1, 0
		if from >= 0 {
			sx := 2*(int(from)%coarse.w+half) + (x+half)%2 - half
			sy := 2*(int(from)/coarse.w+half) + (y+half)%2 - half
			s := min(max(sy, 0), l.h-l.side)*l.w + min(max(sx, 0), l.w-l.side)
			if l.source[s] {
				l.like[t] = int32(s)
			}
		}
		if l.like[t] < 0 {
			l.like[t] = l.sources[below(random, len(l.sources))]
		}
	}
}

// measure brings the differences up to date after the estimate has changed.
func (l *level) measure() {
	for _, t := range l.targets {
		l.apart[t] = l.difference(t, l.like[t], 1<<30)
	}
}

// search is one pass of PatchMatch over the targets, backwards or forwards: each
// takes over what its neighbours on the way have found, then looks around at
// random, ever nearer (Barnes et al., section 3.2).
func (l *level) search(backwards bool, random *rand.PCG) {
	step := -1
	if backwards {
		step = 1
	}
	for i := range l.targets {
		t := l.targets[i]
		if backwards {
			t = l.targets[len(l.targets)-1-i]
		}
		best := candidate{l.like[t], l.apart[t]}
		x, y := int(t)%l.w, int(t)/l.w
		if x+step >= 0 && x+step < l.w {
			l.follow(&best, t, step)
		}
		if y+step >= 0 && y+step < l.h {
			l.follow(&best, t, step*l.w)
		}
		l.wander(&best, t, random)
		l.like[t], l.apart[t] = best.patch, best.apart
	}
}

// candidate is a source and how far it is from a target.
type candidate struct{ patch, apart int32 }

// follow tries the source that continues the one of the neighbour at that offset.
func (l *level) follow(best *candidate, t int32, offset int) {
	from := l.like[int(t)+offset]
	if from < 0 {
		return
	}
	// A step beyond the end of a row lands where no patch fits, and source is false;
	// for patches of one pixel it lands on another pixel, which is as good as any.
	if s := int(from) - offset; s >= 0 && s < len(l.source) {
		l.try(best, t, int32(s))
	}
}

// wander tries sources at random distances from the best one, the limits of which
// halve from the size of the picture down to one pixel.
func (l *level) wander(best *candidate, t int32, random *rand.PCG) {
	for r := max(l.w, l.h); r > 0; r /= 2 {
		x, y := int(best.patch)%l.w, int(best.patch)/l.w
		x0, x1 := max(x-r, 0), min(x+r, l.w-l.side)
		y0, y1 := max(y-r, 0), min(y+r, l.h-l.side)
		sx := x0 + below(random, x1-x0+1)
		sy := y0 + below(random, y1-y0+1)
		l.try(best, t, int32(sy*l.w+sx))
	}
}

func (l *level) try(best *candidate, t, s int32) {
	if !l.source[s] || s == best.patch {
		return
	}
	if d := l.difference(t, s, best.apart); d < best.apart {
		*best = candidate{s, d}
	}
}

// difference is the sum of the squared differences between two patches. It gives
// up, with a number that is no less, when it has reached limit.
func (l *level) difference(t, s, limit int32) int32 {
	stride := 3 * l.w
	a, b := l.pix[3*int(t):], l.pix[3*int(s):]
	sum := int32(0)
	if l.side != patchSide {
		for r := range l.side {
			sum += squares(a[r*stride:][:3*l.side], b[r*stride:][:3*l.side])
		}
		return sum
	}
	for r := 0; r < patchSide; r++ {
		sum += squares21((*[3 * patchSide]byte)(a[r*stride:]), (*[3 * patchSide]byte)(b[r*stride:]))
		if sum >= limit {
			break
		}
	}
	return sum
}

func squares(a, b []byte) (sum int32) {
	b = b[:len(a)]
	for i, v := range a {
		d := int32(v) - int32(b[i])
		sum += d * d
	}
	return sum
}

func squares21(a, b *[3 * patchSide]byte) (sum int32) {
	for i := 0; i < 3*patchSide; i += 3 {
		x, y, z := int32(a[i])-int32(b[i]), int32(a[i+1])-int32(b[i+1]), int32(a[i+2])-int32(b[i+2])
		sum += x*x + y*y + z*z
	}
	return sum
}
