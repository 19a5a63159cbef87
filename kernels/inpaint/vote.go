package inpaint

import "slices"

// vote gathers what the patches over a pixel say of its colour.
type vote struct{ r, g, b, weight float32 }

// nearness tabulates exp(-d / 2 sigma^2) over d / sigma^2 in steps of 1/8, up to
// 16. It is a product, not an exponential, so that all machines have the same
// bits.
var nearness = func() (t [8*16 + 1]float32) {
	v := 1.0
	for i := range t {
		t[i] = float32(v)
		v = float64(v * 0.9394130628134758) // exp(-1/16)
	}
	return t
}()

// trust tabulates the weight of a patch by the depth of its centre: what is known
// lies outside, and should go inwards (Wexler et al., section 3.2).
var trust = func() (t [64]float32) {
	v := 1.0
	for i := range t {
		t[i] = float32(v)
		v = float64(v / 1.3)
	}
	return t
}()

// vote gives each pixel of the hole the weighted mean of what the sources of all
// patches over it have in its place. A source counts less the less it resembles
// its target; sigma^2 is the 75th percentile of the differences (Wexler et al.,
// section 3.2).
func (p *PatchMatch) vote(l *level) {
	p.votes = zeroed(p.votes, l.w*l.h)
	sigma2 := p.percentile(l)
	half := l.side / 2
	for _, t := range l.targets {
		w := nearness[min(int64(len(nearness)-1), 8*int64(l.apart[t])/sigma2)]
		d := l.depth[int(t)+half*l.w+half]
		p.cast(l, int(t), float32(w*trust[min(int(d), len(trust)-1)]))
	}
	for i, d := range l.depth {
		if d > 0 {
			v := p.votes[i]
			l.pix[3*i], l.pix[3*i+1], l.pix[3*i+2] = level8(v.r, v.weight), level8(v.g, v.weight), level8(v.b, v.weight)
		}
	}
}

func level8(sum, weight float32) byte { return byte(min(sum/weight+0.5, 255)) }

func (p *PatchMatch) percentile(l *level) int64 {
	p.sorted = p.sorted[:0]
	for _, t := range l.targets {
		p.sorted = append(p.sorted, l.apart[t])
	}
	slices.Sort(p.sorted)
	return max(int64(p.sorted[len(p.sorted)*3/4]), 1)
}

// cast adds the patch's source to the votes on its pixels, weighted.
func (p *PatchMatch) cast(l *level, t int, weight float32) {
	s := int(l.like[t])
	for r := range l.side {
		votes, depth := p.votes[t+r*l.w:][:l.side], l.depth[t+r*l.w:][:l.side]
		pix := l.pix[3*(s+r*l.w):][:3*l.side]
		for c := range votes {
			if depth[c] == 0 {
				continue
			}
			v := &votes[c]
			v.r += float32(weight * float32(pix[3*c]))
			v.g += float32(weight * float32(pix[3*c+1]))
			v.b += float32(weight * float32(pix[3*c+2]))
			v.weight += weight
		}
	}
}
