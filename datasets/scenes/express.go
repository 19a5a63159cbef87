package scenes

import (
	"math"
	"math/rand/v2"
	"strings"
)

// phrase is a referring expression in parts. Colour anyColour names none.
type phrase struct {
	size     string // "", small, large
	colour   colour
	kind     kind
	where    string // "", or one of the sides
	relation string // "", or one of the relations
	landmark *object
}

const anyColour = colour(-1)

var (
	sides     = []string{"on the left", "on the right", "at the top", "at the bottom"}
	relations = []string{"above", "below", "left of", "right of"}
)

func (p phrase) String() string {
	words := []string{"the"}
	if p.size != "" {
		words = append(words, p.size)
	}
	if p.colour != anyColour {
		words = append(words, p.colour.String())
	}
	words = append(words, p.kind.String())
	if p.where != "" {
		words = append(words, p.where)
	}
	if p.relation != "" {
		words = append(words, p.relation, "the", p.landmark.colour.String(), p.landmark.kind.String())
	}
	return strings.Join(words, " ")
}

// named returns the objects of a colour and a kind.
func (s *scene) named(c colour, k kind) []*object {
	var out []*object
	for _, o := range s.objects {
		if o.kind == k && (c == anyColour || o.colour == c) {
			out = append(out, o)
		}
	}
	return out
}

// denotes returns the objects of which the phrase is true. Sizes and sides
// compare the objects that the phrase's nouns name.
func (s *scene) denotes(p phrase) []*object {
	peers := s.named(p.colour, p.kind)
	var out []*object
	for _, o := range peers {
		if isOfSize(o, peers, p.size) && s.isAt(o, peers, p.where) && (p.relation == "" || relates(o, p.relation, p.landmark)) {
			out = append(out, o)
		}
	}
	return out
}

// isOfSize reports whether o is clearly the smallest or largest of several.
func isOfSize(o *object, peers []*object, size string) bool {
	if size == "" {
		return true
	}
	for _, p := range peers {
		if p == o {
			continue
		}
		if size == "small" && o.radius > 0.75*p.radius || size == "large" && p.radius > 0.75*o.radius {
			return false
		}
	}
	return len(peers) > 1
}

// isAt reports whether o lies clearly towards a side, and of its peers furthest.
func (s *scene) isAt(o *object, peers []*object, side string) bool {
	if side == "" {
		return true
	}
	at := func(q *object) float64 { // 0 at the side, 1 at the one across
		switch side {
		case "on the left":
			return q.centre.x / float64(s.w)
		case "on the right":
			return 1 - q.centre.x/float64(s.w)
		case "at the top":
			return q.centre.y / float64(s.h)
		}
		return 1 - q.centre.y/float64(s.h)
	}
	for _, p := range peers {
		if p != o && at(p) < at(o)+0.12 {
			return false
		}
	}
	return at(o) < 0.42
}

// relates reports whether o lies clearly above, below, left or right of another.
func relates(o *object, relation string, l *object) bool {
	if o == l {
		return false
	}
	dx, dy := l.centre.x-o.centre.x, l.centre.y-o.centre.y
	switch relation {
	case "below":
		dy = -dy
	case "left of":
		dx, dy = dy, dx
	case "right of":
		dx, dy = dy, -dx
	}
	return dy > 0.7*(o.radius+l.radius) && math.Abs(dx) < 0.6*dy
}

// phrases lists the expressions that name o and nothing else, the plain first.
func (s *scene) phrases(o *object) []phrase {
	var out []phrase
	try := func(p phrase) {
		if d := s.denotes(p); len(d) == 1 && d[0] == o {
			out = append(out, p)
		}
	}
	for _, c := range []colour{o.colour, anyColour} {
		try(phrase{colour: c, kind: o.kind})
		for _, size := range []string{"small", "large"} {
			try(phrase{size: size, colour: c, kind: o.kind})
		}
		for _, side := range sides {
			try(phrase{colour: c, kind: o.kind, where: side})
		}
	}
	for _, l := range s.objects {
		if len(s.named(l.colour, l.kind)) > 1 {
			continue
		}
		for _, r := range relations {
			try(phrase{colour: o.colour, kind: o.kind, relation: r, landmark: l})
			for _, size := range []string{"small", "large"} {
				try(phrase{size: size, colour: o.colour, kind: o.kind, relation: r, landmark: l})
			}
		}
	}
	return out
}

// sentences picks up to three expressions for o, as text; none where no short
// expression tells it from the others.
func (s *scene) sentences(o *object, rng *rand.Rand) []string {
	all := s.phrases(o)
	var out []string
	for _, i := range rng.Perm(len(all)) {
		if len(out) < 3 {
			out = append(out, all[i].String())
		}
	}
	return out
}
