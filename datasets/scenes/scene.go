package scenes

import (
	"image"
	"math"
	"math/rand/v2"
)

// object is one thing in a scene, in pixels.
type object struct {
	kind    kind
	colour  colour
	centre  point
	radius  float64
	outline []point
	hole    []point // nil but for rings
	visible visible
}

func (o *object) bounds() image.Rectangle { return boundsOf(o.outline) }

// scene is one image before it is encoded. Later objects lie on earlier ones.
type scene struct {
	w, h    int
	objects []*object
	image   *image.RGBA // the painter's: gone with its next scene
}

// sizes are those of photographs on the web, pixels.
var sizes = [][2]int{{640, 480}, {480, 360}, {360, 480}, {500, 375}, {400, 300}, {427, 320}, {320, 427}, {640, 427}}

// compose places one object of each kind, drawn large enough to be seen, and
// paints the scene.
func (p *painter) compose(rng *rand.Rand, w, h int, want []kind) *scene {
	s := &scene{w: w, h: h}
	for _, k := range want {
		s.place(rng, k)
	}
	p.paint(s, rng)
	return s
}

// paint draws a scene and finds out what is seen of its objects.
func (p *painter) paint(s *scene, rng *rand.Rand) {
	p.start(s.w, s.h)
	newBackground(rng).draw(p.m, rng)
	for i, o := range s.objects {
		p.object(i, o)
	}
	s.image = p.m
	s.see(p.owner)
}

// place finds room for an object that leaves at least half of every other in
// sight; where the scene is full it tries smaller ones.
func (s *scene) place(rng *rand.Rand, k kind) {
	side := float64(min(s.w, s.h))
	col := colour(rng.IntN(len(colourTable)))
	turn := (2*rng.Float64() - 1) * kindTable[k].turn
	share := 0.09 + 0.12*rng.Float64()
	for try := 0; ; try++ {
		r := side * share
		if try >= 40 {
			r *= math.Pow(0.93, float64(try-39))
		}
		margin := 1.25*r + 2
		c := point{margin + rng.Float64()*(float64(s.w)-2*margin), margin + rng.Float64()*(float64(s.h)-2*margin)}
		if r > 7 && s.crowds(c, r) {
			continue
		}
		s.objects = append(s.objects, newObject(k, col, c, r, turn))
		return
	}
}

// crowds reports whether a disc at c covers too much of another object.
func (s *scene) crowds(c point, r float64) bool {
	for _, o := range s.objects {
		if math.Hypot(c.x-o.centre.x, c.y-o.centre.y) < 0.78*(r+o.radius)+0.22*math.Abs(r-o.radius) {
			return true
		}
	}
	return false
}

func newObject(k kind, col colour, c point, r, turn float64) *object {
	o := &object{kind: k, colour: col, centre: c, radius: r}
	sin, cos := math.Sincos(turn)
	set := func(unit []point) []point {
		p := make([]point, len(unit))
		for i, u := range unit {
			// A hundredth of a pixel is what the annotations keep.
			p[i] = point{hundredth(c.x + r*(u.x*cos-u.y*sin)), hundredth(c.y + r*(u.x*sin+u.y*cos))}
		}
		return p
	}
	o.outline = set(kindTable[k].outline())
	if hole := kindTable[k].hole; hole != nil {
		o.hole = set(hole())
	}
	return o
}

func hundredth(v float64) float64 { return math.Round(v*100) / 100 }
