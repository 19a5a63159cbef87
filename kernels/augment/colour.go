package augment

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Brightness mixes m with black: factor 0 is black, 1 the picture. It is Pillow's
// ImageEnhance.Brightness, in place.
func Brightness(m *raster.RGB, factor float64) { blendFlat(m, 0, factor) }

// Contrast mixes m with its mean luma, as ImageEnhance.Contrast does.
func (a *Augmenter) Contrast(m *raster.RGB, factor float64) {
	luma := a.lumaOf(m)
	sum := uint64(0)
	for _, v := range luma {
		sum += uint64(v)
	}
	blendFlat(m, int(float64(sum)/float64(len(luma))+0.5), factor)
}

// Saturation mixes m with its luma, as ImageEnhance.Color does.
func (a *Augmenter) Saturation(m *raster.RGB, factor float64) {
	luma, f := a.lumaOf(m), float32(factor)
	for i, v := range luma {
		p := m.Pix[3*i : 3*i+3 : 3*i+3]
		for c := range p {
			p[c] = blend(int(v), int(p[c]), f)
		}
	}
}

// Sharpness mixes m with its smoothed form, as ImageEnhance.Sharpness does: the
// 3 x 3 mean whose middle counts five times, the edge as it is.
func (a *Augmenter) Sharpness(m *raster.RGB, factor float64) *raster.RGB {
	dst, n, f := a.other(m, m.Width, m.Height), 3*m.Width, float32(factor)
	copy(dst.Pix, m.Pix)
	for y := 1; y < m.Height-1; y++ {
		for i := y*n + 3; i < (y+1)*n-3; i++ {
			up, at, down := m.Pix[i-n-3:i-n+4:i-n+4], m.Pix[i-3:i+4:i+4], m.Pix[i+n-3:i+n+4:i+n+4]
			sum := int(up[0]) + int(up[3]) + int(up[6]) + int(at[0]) + 5*int(at[3]) + int(at[6]) + int(down[0]) + int(down[3]) + int(down[6])
			// Thirteenths never lie halfway: Pillow's floats round to the same.
			dst.Pix[i] = blend((2*sum+13)/26, int(at[3]), f)
		}
	}
	return dst
}

func (a *Augmenter) lumaOf(m *raster.RGB) []byte {
	if n := m.Width * m.Height; cap(a.luma) < n {
		a.luma = make([]byte, n)
	} else {
		a.luma = a.luma[:n]
	}
	raster.Luma(a.luma, m)
	return a.luma
}

// blend is Pillow's Image.blend of one sample: float32, cut off to 8 bits.
func blend(from, to int, f float32) byte {
	v := float32(from) + float32(f*float32(to-from))
	switch {
	case v <= 0:
		return 0
	case v >= 255:
		return 255
	}
	return byte(v)
}

func blendFlat(m *raster.RGB, from int, factor float64) {
	var table [256]byte
	for i := range table {
		table[i] = blend(from, i, float32(factor))
	}
	lookUp(m, &table)
}

func lookUp(m *raster.RGB, table *[256]byte) {
	for i, v := range m.Pix {
		m.Pix[i] = table[v]
	}
}

// Hue turns the hue of m by a share of the circle, -0.5 to 0.5, in place:
// torchvision's adjust_hue, by way of Pillow's 8-bit HSV.
func Hue(m *raster.RGB, share float64) {
	turn := uint8(int32(share * 255))
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		h, s, v := toHSV(p[0], p[1], p[2])
		p[0], p[1], p[2] = fromHSV(h+turn, s, v)
	}
}

// toHSV has the arithmetic of Pillow's RGB to HSV conversion (Foley and van Dam).
func toHSV(r, g, b uint8) (h, s, v uint8) {
	hi, lo := max(r, g, b), min(r, g, b)
	if hi == lo {
		return 0, 0, hi
	}
	span := float32(hi - lo)
	rc, gc, bc := float32(hi-r)/span, float32(hi-g)/span, float32(hi-b)/span
	var hue float32
	switch hi {
	case r:
		hue = bc - gc
	case g:
		hue = float32(2 + float64(rc) - float64(bc))
	default:
		hue = float32(4 + float64(gc) - float64(rc))
	}
	// Below 2, the rest of a division by 1 is one subtraction, and exact.
	if place := float64(hue)/6 + 1; place >= 1 {
		hue = float32(place - 1)
	} else {
		hue = float32(place)
	}
	sat := span / float32(hi)
	return uint8(float64(hue) * 255), uint8(float64(sat) * 255), hi
}

// sixths holds, of each 8-bit hue, its sixth of the circle and the place in it.
var sixths = func() (t [256]struct {
	sixth uint8
	place float64
}) {
	for h := range t {
		at := float64(h) * 6 / 255
		i := math.Floor(at)
		t[h].sixth, t[h].place = uint8(i)%6, float64(float32(at-i))
	}
	return t
}()

func fromHSV(h, s, v uint8) (r, g, b uint8) {
	if s == 0 {
		return v, v, v
	}
	f, fs, full := sixths[h].place, float64(float32(float64(s)/255)), float64(v)
	p := uint8(float64(full*(1-fs)) + 0.5)
	q := uint8(float64(full*(1-float64(fs*f))) + 0.5)
	t := uint8(float64(full*(1-float64(fs*(1-f)))) + 0.5)
	switch sixths[h].sixth {
	case 0:
		return v, t, p
	case 1:
		return q, v, p
	case 2:
		return p, v, t
	case 3:
		return p, q, v
	case 4:
		return t, p, v
	}
	return v, p, q
}

// applyJitter is torchvision's ColorJitter.
func applyJitter(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	rng := a.draw.step(a.index, s.op.name)
	m := a.own(src)
	order := [4]int{0, 1, 2, 3}
	for i := 3; i > 0; i-- {
		j := rng.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	var factor [4]float64
	for i := range 3 {
		x := s.args[i].n
		factor[i] = uniform(rng, max(0, 1-x), 1+x)
	}
	factor[3] = uniform(rng, -s.args[3].n, s.args[3].n)
	for _, k := range order {
		switch {
		case s.args[k].n == 0:
		case k == 0:
			Brightness(m, factor[0])
		case k == 1:
			a.Contrast(m, factor[1])
		case k == 2:
			a.Saturation(m, factor[2])
		default:
			Hue(m, factor[3])
		}
	}
	return m
}
