package scenes

import (
	"image"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// painter draws objects over a background and keeps, for each pixel, the object
// that is seen there.
type painter struct {
	m      *image.RGBA
	owner  []uint8 // by pixel, row-major: 1 + index of the object on top, 0 for the ground
	alpha  []uint8 // scratch, as what follows
	raster vector.Rasterizer
	blur   [2][]float32
}

// start begins an image of w x h pixels in the buffers of the last.
func (p *painter) start(w, h int) {
	if p.m == nil || cap(p.m.Pix) < 4*w*h {
		p.m = image.NewRGBA(image.Rect(0, 0, w, h))
		p.owner = make([]uint8, w*h)
	}
	p.m = &image.RGBA{Pix: p.m.Pix[:4*w*h], Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	p.owner = p.owner[:w*h]
	clear(p.owner)
}

// stencil is the coverage of an object, 0..255, over a rectangle that may reach
// beyond the image.
type stencil struct {
	rect image.Rectangle
	a    []uint8
}

func (s stencil) row(y int) []uint8 {
	w := s.rect.Dx()
	return s.a[(y-s.rect.Min.Y)*w:][:w]
}

// stencil rasterises an object with the exact coverage of each pixel, on a
// rectangle with room for margin pixels of blur.
func (p *painter) stencil(o *object, margin int) stencil {
	r := o.bounds().Inset(-margin)
	n := r.Dx() * r.Dy()
	if cap(p.alpha) < n {
		p.alpha = make([]uint8, n)
	}
	s := stencil{rect: r, a: p.alpha[:n]}
	clear(s.a)
	z := &p.raster
	z.Reset(r.Dx(), r.Dy())
	z.DrawOp = draw.Src
	trace := func(poly []point) {
		for i, q := range poly {
			x, y := float32(q.x-float64(r.Min.X)), float32(q.y-float64(r.Min.Y))
			if i == 0 {
				z.MoveTo(x, y)
			} else {
				z.LineTo(x, y)
			}
		}
		z.ClosePath()
	}
	trace(o.outline)
	if o.hole != nil { // wound the other way, so that it takes away
		reversed := make([]point, len(o.hole))
		for i, q := range o.hole {
			reversed[len(o.hole)-1-i] = q
		}
		trace(reversed)
	}
	dst := &image.Alpha{Pix: s.a, Stride: r.Dx(), Rect: image.Rect(0, 0, r.Dx(), r.Dy())}
	z.Draw(dst, dst.Rect, image.Opaque, image.Point{})
	return s
}

// object draws the i-th object of a scene: its shadow, then itself.
func (p *painter) object(i int, o *object) {
	radius := max(2, int(o.radius*0.09))
	s := p.stencil(o, 3*radius+1)
	p.shadow(o, s, radius)
	ramp := rampOf(colourTable[o.colour].rgb)
	w := p.m.Rect.Dx()
	clip := s.rect.Inset(3 * radius).Intersect(p.m.Rect)
	// Light falls from the upper left.
	dx, dy := 0.31*ramps/(2*o.radius), 0.53*ramps/(2*o.radius)
	for y := clip.Min.Y; y < clip.Max.Y; y++ {
		cover := s.row(y)[clip.Min.X-s.rect.Min.X : clip.Max.X-s.rect.Min.X]
		pix := p.m.Pix[p.m.PixOffset(clip.Min.X, y):]
		owner := p.owner[y*w+clip.Min.X:]
		t := 0.5*ramps + dx*(float64(clip.Min.X)-o.centre.x) + dy*(float64(y)-o.centre.y)
		for x, a := range cover {
			if a != 0 {
				at := min(max(int(t+dx*float64(x)), 0), ramps-1)
				blend(pix[4*x:4*x+3], ramp[at], int32(a))
				if a >= 128 {
					owner[x] = uint8(i + 1)
				}
			}
		}
	}
	p.rim(o, s, clip)
}

const ramps = 64

// rampOf goes from the lit form of a colour to the dark one.
func rampOf(c rgb) (ramp [ramps][3]uint8) {
	lit, dark := mix(c, white, 0.20), mix(c, black, 0.16)
	for i := range ramp {
		m := mix(lit, dark, float64(i)/(ramps-1))
		ramp[i] = [3]uint8{level(m[0]), level(m[1]), level(m[2])}
	}
	return ramp
}

// rim brightens the edge that faces the light and darkens the other: the card
// that an object is cut from is as thick as a pixel or two.
func (p *painter) rim(o *object, s stencil, clip image.Rectangle) {
	step := 1
	if o.radius > 60 {
		step = 2
	}
	for y := clip.Min.Y; y < clip.Max.Y; y++ {
		above, row, below := s.row(y-step), s.row(y), s.row(y+step)
		pix := p.m.Pix[p.m.PixOffset(clip.Min.X, y):]
		for x := clip.Min.X; x < clip.Max.X; x++ {
			i := x - s.rect.Min.X
			a := int32(row[i])
			if a == 0 {
				continue
			}
			px := pix[4*(x-clip.Min.X):][:3]
			if d := a - int32(above[i-step]); d > 0 {
				blend(px, [3]uint8{255, 255, 255}, d*35/100)
			} else if e := a - int32(below[i+step]); e > 0 {
				blend(px, [3]uint8{}, e*18/100)
			}
		}
	}
}

// shadow darkens the ground below and right of an object.
func (p *painter) shadow(o *object, s stencil, radius int) {
	w, h := s.rect.Dx(), s.rect.Dy()
	for i := range p.blur {
		if cap(p.blur[i]) < w*h {
			p.blur[i] = make([]float32, w*h)
		}
		p.blur[i] = p.blur[i][:w*h]
	}
	a, b := p.blur[0], p.blur[1]
	for i, v := range s.a {
		a[i] = float32(v) * (1.0 / 255)
	}
	for range 2 { // two boxes each way come close to a Gaussian
		boxBlur(b, a, w, h, 1, w, radius)
		boxBlur(a, b, h, w, w, 1, radius)
	}
	shift := image.Pt(max(1, int(o.radius*0.06)), max(2, int(o.radius*0.14)))
	clip := s.rect.Add(shift).Intersect(p.m.Rect)
	for y := clip.Min.Y; y < clip.Max.Y; y++ {
		row := a[(y-shift.Y-s.rect.Min.Y)*w+clip.Min.X-shift.X-s.rect.Min.X:][:clip.Dx()]
		pix := p.m.Pix[p.m.PixOffset(clip.Min.X, y):]
		for x, v := range row {
			if v > 0.004 {
				blend(pix[4*x:4*x+3], [3]uint8{18, 18, 31}, int32(0.42*255*v))
			}
		}
	}
}

// boxBlur averages over 2*radius+1 values along lines of n values, step apart;
// there are lines of them, next apart. Beyond the ends lie zeros.
func boxBlur(dst, src []float32, n, lines, step, next, radius int) {
	scale := 1 / float32(2*radius+1)
	for l := range lines {
		base := l * next
		var sum float32
		for i := 0; i < min(radius, n); i++ {
			sum += src[base+i*step]
		}
		for i := range n {
			if j := i + radius; j < n {
				sum += src[base+j*step]
			}
			if j := i - radius - 1; j >= 0 {
				sum -= src[base+j*step]
			}
			dst[base+i*step] = sum * scale
		}
	}
}

// blend moves a pixel towards c by a/255.
func blend(px []uint8, c [3]uint8, a int32) {
	for i := range c {
		v := int32(px[i])
		px[i] = uint8(v + (int32(c[i])-v)*a/255)
	}
}

// boundsOf is the smallest rectangle of whole pixels around points.
func boundsOf(p []point) image.Rectangle {
	x0, y0, x1, y1 := extent(p)
	return image.Rect(int(math.Floor(x0)), int(math.Floor(y0)), int(math.Ceil(x1)), int(math.Ceil(y1)))
}

func extent(p []point) (x0, y0, x1, y1 float64) {
	x0, y0 = math.Inf(1), math.Inf(1)
	x1, y1 = math.Inf(-1), math.Inf(-1)
	for _, q := range p {
		x0, y0 = math.Min(x0, q.x), math.Min(y0, q.y)
		x1, y1 = math.Max(x1, q.x), math.Max(y1, q.y)
	}
	return
}
