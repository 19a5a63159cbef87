package scenes

import "math"

// point is in pixels of the image, or in the unit of a shape: x right, y down.
type point struct{ x, y float64 }

// kind is what an object is. The order is that of the category ids, which start
// at 1, and goes from frequent to rare.
type kind int

const (
	disc kind = iota
	square
	triangle
	star
	ring
	hexagon
	diamond
	cross
	heart
	flower
	crescent
	drop
	arrow
	bolt
	leaf
	fish
	bell
	house
	kinds
)

// kindInfo describes one kind.
type kindInfo struct {
	name, definition string
	synonyms         []string
	turn             float64        // how far it may be turned, radians to either side
	outline          func() []point // about the origin, about 1 in radius
	share            float64        // of the scenes of the LVIS set that show it, or
	scenes           int            // their number, for the rare ones
	clear            bool           // rare, and only where little else is: nothing lies on it
	hole             func() []point // nil for solid kinds
}

var kindTable = [kinds]kindInfo{
	disc:     {name: "disc", definition: "a flat round shape", synonyms: []string{"disc", "disk"}, outline: circle(1), share: 0.98},
	square:   {name: "square", definition: "a shape with four equal sides and four right angles", turn: 0.2, outline: rounded(0.14, regular(4, math.Pi/4, 1.1)), share: 0.96},
	triangle: {name: "triangle", definition: "a shape with three straight sides", turn: 0.3, outline: rounded(0.14, regular(3, -math.Pi/2, 1.15)), share: 0.6},
	star:     {name: "star", definition: "a shape with five points", turn: 0.3, outline: rounded(0.07, starPoints(5, 0.5, 1.12)), share: 0.5},
	ring:     {name: "ring", definition: "a round band with a hole", outline: circle(1), share: 0.4, hole: circle(0.56)},
	hexagon:  {name: "hexagon", definition: "a shape with six straight sides", turn: 0.5, outline: rounded(0.12, regular(6, 0, 1.05)), share: 0.3},
	diamond:  {name: "diamond", definition: "a rhombus that stands on a corner", synonyms: []string{"diamond", "rhombus"}, turn: 0.1, outline: rounded(0.1, polygon(0, -1.15, 0.8, 0, 0, 1.15, -0.8, 0)), share: 0.25},
	cross: {name: "cross", definition: "two bars that meet at right angles", turn: 0.2, share: 0.2,
		outline: rounded(0.08, polygon(-0.34, -1, 0.34, -1, 0.34, -0.34, 1, -0.34, 1, 0.34, 0.34, 0.34, 0.34, 1, -0.34, 1, -0.34, 0.34, -1, 0.34, -1, -0.34, -0.34, -0.34))},
	heart:    {name: "heart", definition: "a shape with two lobes and a point below", turn: 0.25, outline: heartCurve, share: 0.16},
	flower:   {name: "flower", definition: "a shape with round petals", turn: 0.6, outline: flowerCurve, share: 0.13},
	crescent: {name: "crescent", definition: "the shape of a new moon", synonyms: []string{"crescent", "moon"}, turn: 0.5, outline: crescentCurve, scenes: 8},
	drop:     {name: "drop", definition: "the shape of a drop of water", synonyms: []string{"drop", "teardrop"}, turn: 0.2, outline: dropCurve, scenes: 5},
	arrow: {name: "arrow", definition: "a shaft with a head that points", turn: 0.6, scenes: 3,
		outline: rounded(0.08, polygon(-1.1, -0.3, 0.1, -0.3, 0.1, -0.8, 1.15, 0, 0.1, 0.8, 0.1, 0.3, -1.1, 0.3))},
	bolt: {name: "bolt", definition: "the shape of a flash of lightning", synonyms: []string{"bolt", "lightning bolt"}, turn: 0.15, scenes: 1,
		outline: rounded(0.05, polygon(0.3, -1.2, -0.7, 0.15, -0.1, 0.15, -0.35, 1.2, 0.7, -0.3, 0.08, -0.3))},
	leaf: {name: "leaf", definition: "the shape of a pointed leaf", turn: 0.5, outline: leafCurve, scenes: 3, clear: true},
	fish: {name: "fish", definition: "a body with a forked tail", turn: 0.3, outline: fishCurve, scenes: 2, clear: true},
	bell: {name: "bell", definition: "the shape of a bell that hangs", turn: 0.2, outline: bellCurve, scenes: 2, clear: true},
	house: {name: "house", definition: "walls below a pointed roof", turn: 0.1, scenes: 1, clear: true,
		outline: rounded(0.06, polygon(0, -1.15, 1.05, -0.25, 0.8, -0.25, 0.8, 0.95, -0.8, 0.95, -0.8, -0.25, -1.05, -0.25))},
}

func (k kind) String() string { return kindTable[k].name }

// names lists a kind's name and its synonyms, the name first.
func (k kind) names() []string {
	if s := kindTable[k].synonyms; s != nil {
		return s
	}
	return []string{kindTable[k].name}
}

func polygon(xy ...float64) []point {
	p := make([]point, len(xy)/2)
	for i := range p {
		p[i] = point{xy[2*i], xy[2*i+1]}
	}
	return p
}

// regular is a polygon of n corners at distance r, the first at angle from.
func regular(n int, from, r float64) []point {
	return around(n, func(t float64) point {
		return point{r * math.Cos(t+from), r * math.Sin(t+from)}
	})
}

// around samples a closed curve at n angles from 0.
func around(n int, f func(t float64) point) []point {
	p := make([]point, n)
	for i := range p {
		p[i] = f(2 * math.Pi * float64(i) / float64(n))
	}
	return p
}

func circle(r float64) func() []point {
	return func() []point { return regular(48, 0, r) }
}

func starPoints(n int, inner, outer float64) []point {
	p := make([]point, 2*n)
	for i := range p {
		r := outer
		if i%2 == 1 {
			r = inner
		}
		s, c := math.Sincos(math.Pi*float64(i)/float64(n) - math.Pi/2)
		p[i] = point{r * c, r * s}
	}
	return p
}

// rounded replaces each corner by a quadratic curve that begins r before it.
func rounded(r float64, p []point) func() []point {
	return func() []point {
		const steps = 5
		var out []point
		for i, c := range p {
			a := towards(c, p[(i+len(p)-1)%len(p)], r)
			b := towards(c, p[(i+1)%len(p)], r)
			for s := 0; s <= steps; s++ {
				t := float64(s) / steps
				u := 1 - t
				out = append(out, point{u*u*a.x + 2*u*t*c.x + t*t*b.x, u*u*a.y + 2*u*t*c.y + t*t*b.y})
			}
		}
		return out
	}
}

// towards is the point d from a on the way to b.
func towards(a, b point, d float64) point {
	l := math.Hypot(b.x-a.x, b.y-a.y)
	return point{a.x + (b.x-a.x)*d/l, a.y + (b.y-a.y)*d/l}
}

func heartCurve() []point {
	return around(56, func(t float64) point {
		s := math.Sin(t)
		y := 13*math.Cos(t) - 5*math.Cos(2*t) - 2*math.Cos(3*t) - math.Cos(4*t)
		return point{16 * s * s * s / 15.5, -(y + 2.5) / 15.5}
	})
}

func flowerCurve() []point {
	return around(80, func(t float64) point {
		r := 0.82 + 0.24*math.Cos(6*t)
		return point{r * math.Cos(t), r * math.Sin(t)}
	})
}

func dropCurve() []point {
	return around(48, func(t float64) point {
		return point{0.95 * math.Sin(t) * math.Pow(math.Sin(t/2), 1.4), -1.15 * math.Cos(t)}
	})
}

// crescentCurve follows the outer circle and returns along one that is shifted.
func crescentCurve() []point {
	const n, open, shift = 30, 0.62, 0.62
	var p []point
	for i := 0; i <= n; i++ {
		t := open + (2*math.Pi-2*open)*float64(i)/n
		p = append(p, point{1.1 * math.Cos(t), 1.1 * math.Sin(t)})
	}
	tip := p[0]
	r := math.Hypot(tip.x-shift, tip.y)
	from := math.Atan2(-tip.y, tip.x-shift)
	for i := 1; i < n; i++ {
		t := from - (2*math.Pi+2*from)*float64(i)/n
		p = append(p, point{shift + r*math.Cos(t), r * math.Sin(t)})
	}
	return p
}

// leafCurve joins two arcs at their tips.
func leafCurve() []point {
	return around(48, func(t float64) point {
		s := math.Sin(t)
		return point{0.62 * s * math.Abs(s), -1.15 * math.Cos(t)}
	})
}

// fishCurve is an ellipse that runs out into a tail on the left.
func fishCurve() []point {
	const n, open = 36, 0.42
	var p []point
	for i := 0; i <= n; i++ {
		t := -math.Pi + open + 2*(math.Pi-open)*float64(i)/n
		p = append(p, point{0.22 + 0.92*math.Cos(t), 0.56 * math.Sin(t)})
	}
	return append(p, point{-1.15, 0.62}, point{-0.95, 0}, point{-1.15, -0.62})
}

// bellCurve follows one side from the dome to the rim and returns along the other.
func bellCurve() []point {
	const n = 8
	var half []point
	for i := 0; i <= n; i++ {
		sin, cos := math.Sincos(math.Pi / 2 * float64(i) / n)
		half = append(half, point{0.55 * sin, -0.45 - 0.6*cos})
	}
	for i := 1; i <= n; i++ {
		u := float64(i) / n
		half = append(half, point{0.55 + 0.45*u*u*u, -0.45 + 1.2*u})
	}
	half = append(half, point{1, 0.98})
	p := append([]point(nil), half...)
	for i := len(half) - 1; i > 0; i-- {
		p = append(p, point{-half[i].x, half[i].y})
	}
	return p
}
