package scenes

import (
	"image"
	"math"
	"math/rand/v2"
)

// background is a textured ground without objects.
type background struct {
	far, near rgb
	style     int
	angle     float64
	period    float64 // pixels
	phase     [3]float64
	grain     [grainCells + 1][grainCells + 1]float32 // soft blotches, -1..1
}

const grainCells = 9

// Styles of backgrounds.
const (
	hills = iota
	stripes
	paper
	table
	styles
)

func newBackground(rng *rand.Rand) *background {
	g := grounds[rng.IntN(len(grounds))]
	b := &background{far: g[0], near: g[1], style: rng.IntN(styles)}
	b.angle = rng.Float64() * math.Pi
	b.period = 22 + 30*rng.Float64()
	for i := range b.phase {
		b.phase[i] = rng.Float64() * 2 * math.Pi
	}
	for i := range b.grain {
		for j := range b.grain[i] {
			b.grain[i][j] = float32(2*rng.Float64() - 1)
		}
	}
	return b
}

// shades is the number of steps of the table between near and far; tones reach
// half their distance beyond either.
const shades = 1024

// draw fills the image.
func (b *background) draw(m *image.RGBA, rng *rand.Rand) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	var lut [2 * shades][4]uint8
	for i := range lut {
		c := mix(b.far, b.near, (float64(i)+0.5)/shades-0.5)
		lut[i] = [4]uint8{level(c[0]), level(c[1]), level(c[2]), 255}
	}
	g := b.newGround(w, h)
	noise := rng.Uint64() | 1
	for y := range h {
		b.toneRow(g, y)
		b.blotchRow(g, y)
		row := m.Pix[y*m.Stride : y*m.Stride+4*w]
		for x, t := range g.tone {
			noise ^= noise << 13
			noise ^= noise >> 7
			noise ^= noise << 17
			t += (float32(noise>>56) - 127.5) * (0.05 / 127.5)
			i := int((t + 0.5) * shades)
			if uint(i) >= 2*shades {
				i = max(0, min(i, 2*shades-1))
			}
			*(*[4]uint8)(row[4*x:]) = lut[i]
		}
	}
}

// ground is the scratch of one drawing of a background.
type ground struct {
	w, h   int
	tone   []float32    // of one row: how near the ground is, about 0..1
	curves [3][]float64 // tops of the hills by column, parts of the height
	across []float32    // what of the tone depends on the column alone
}

func (b *background) newGround(w, h int) *ground {
	g := &ground{w: w, h: h, tone: make([]float32, w), across: make([]float32, w)}
	for l := range g.curves {
		g.curves[l] = make([]float64, w)
		for x := range w {
			u := float64(x) / float64(h)
			g.curves[l][x] = 0.42 + 0.2*float64(l) + 0.05*math.Sin(u*(3.1+float64(l))+b.phase[l]) + 0.025*math.Sin(u*(7.3-float64(l))+b.phase[2-l])
		}
	}
	for x := range w {
		u := (float64(x) + 0.5) / float64(w)
		g.across[x] = float32(0.25 * (u - 0.5) * (u - 0.5)) // darker towards the sides
		switch b.style {
		case paper:
			d := math.Abs(math.Mod(float64(x)+b.phase[0]*9, b.period) - b.period/2)
			g.across[x] += float32(0.15*u + 0.25*clamp01(1-d))
		case table:
			g.curves[0][x] = 6 * math.Sin(2.2*u+b.phase[1]) // bends the grain of the wood
		}
	}
	return g
}

// toneRow fills in one row, without blotches.
func (b *background) toneRow(g *ground, y int) {
	v := (float64(y) + 0.5) / float64(g.h)
	down := float32(0.25 * (v - 0.5) * (v - 0.5))
	switch b.style {
	case hills:
		b.hillRow(g, v)
	case stripes:
		b.stripeRow(g, y, v)
	case paper:
		d := math.Abs(math.Mod(float64(y)+b.phase[1]*9, b.period) - b.period/2)
		down += float32(0.2 + 0.15*v + 0.25*clamp01(1-d))
		clear(g.tone)
	case table:
		b.tableRow(g, v)
	}
	for x, a := range g.across {
		g.tone[x] += a + down
	}
}

// hillRow draws hills, one behind the other, each lighter towards its foot.
func (b *background) hillRow(g *ground, v float64) {
	edge := 1.5 / float64(g.h)
	for x := range g.tone {
		t := 0.35 * v
		for l := range g.curves {
			if d := v - g.curves[l][x]; d > -edge {
				t += 0.24 * smooth(-edge, edge, d) * (1 - 0.5*smooth(0, 0.5, d))
			}
		}
		g.tone[x] = float32(t)
	}
}

func (b *background) stripeRow(g *ground, y int, v float64) {
	sin, cos := math.Sincos(b.angle)
	edge := 0.5 / b.period
	for x := range g.tone {
		d := (float64(x)*cos+float64(y)*sin)/(2*b.period) + 1<<20
		s := d - float64(int64(d)) - 0.5
		if s < 0 {
			s = -s
		}
		g.tone[x] = float32(0.25 + 0.3*v + 0.16*smooth(0.25-edge, 0.25+edge, s))
	}
}

// tableRow draws a wall, and below it a table of wood.
func (b *background) tableRow(g *ground, v float64) {
	top := 0.56 + 0.02*b.phase[0]
	if v < top {
		for x := range g.tone {
			g.tone[x] = float32(0.1 + 0.35*v)
		}
		return
	}
	base := 0.62 + 0.5*(v-top) + 0.3*(1-smooth(0, 6/float64(g.h), v-top))
	for x := range g.tone {
		g.tone[x] = float32(base + 0.05*math.Sin(90*v+g.curves[0][x]))
	}
}

// blotchRow adds value noise with one feature about every ninth of the image.
func (b *background) blotchRow(g *ground, y int) {
	v := (float32(y) + 0.5) / float32(g.h) * grainCells
	j := int(v)
	fy := v - float32(j)
	fy *= fy * (3 - 2*fy)
	var knots [grainCells + 1]float32
	for i := range knots {
		knots[i] = 0.10 * (b.grain[j][i] + (b.grain[j+1][i]-b.grain[j][i])*fy)
	}
	step := grainCells / float32(g.w)
	for x := range g.tone {
		u := (float32(x) + 0.5) * step
		i := int(u)
		fx := u - float32(i)
		fx *= fx * (3 - 2*fx)
		g.tone[x] += knots[i] + (knots[i+1]-knots[i])*fx
	}
}

func level(v float64) uint8 {
	return uint8(clamp01(v)*255 + 0.5)
}
