package copypaste

import (
	"math"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// habitat is where the objects of a class are found, as weights of places and as
// scores. Scores are logarithms of shares in thousandths, in integers: which
// place is best must not hang on the last bit of a sum.
type habitat struct {
	bottom, centre         [addsd.Bins]int64 // weights to draw from
	bottomScore, centreFit [addsd.Bins]int
	total                  [2]int64
	class                  *addsd.ClassStatistics
	supported              int64 // sum of class.Support
}

// What is known of a class is smoothed: a bin passes on half of what it counts,
// the cut-out's own place counts for some instances, and nowhere is impossible.
const (
	ownPlace = 8 // counts of the cut-out's own bin, four to an instance
	anywhere = 1 // counts of every bin
)

// set makes h the habitat of a class, which may be nil, for a cut-out.
func (h *habitat) set(class *addsd.ClassStatistics, own *Record) {
	h.class, h.supported = class, 0
	var none [addsd.Bins]int64
	bottom, centre := &none, &none
	if class != nil {
		bottom, centre = &class.Bottom, &class.Centre
		for _, n := range class.Support {
			h.supported += n
		}
	}
	h.total[0] = smooth(&h.bottom, bottom, bin(own.Box[1]+own.Box[3], own.ImageHeight))
	h.total[1] = smooth(&h.centre, centre, bin(2*own.Box[0]+own.Box[2], 2*own.ImageWidth))
	for i := range addsd.Bins {
		h.bottomScore[i] = logShare(h.bottom[i], h.total[0])
		h.centreFit[i] = logShare(h.centre[i], h.total[1])
	}
}

// smooth fills weights and returns their sum.
func smooth(weights, counts *[addsd.Bins]int64, own int) (total int64) {
	for i := range weights {
		weights[i] = 2*counts[i] + anywhere
		if i > 0 {
			weights[i] += counts[i-1]
		}
		if i+1 < addsd.Bins {
			weights[i] += counts[i+1]
		}
	}
	weights[own] += ownPlace
	for _, w := range weights {
		total += w
	}
	return total
}

// bin is the bin of the share v/of.
func bin(v, of int) int { return max(0, min(v*addsd.Bins/of, addsd.Bins-1)) }

func logShare(n, total int64) int {
	return int(math.Round(1000 * math.Log(float64(n)/float64(total))))
}

// standing scores what is under an object's foot: a category, 0 for none.
func (h *habitat) standing(category int64) int {
	if h.supported == 0 {
		return 0
	}
	return logShare(4*h.class.Support[category]+1, 4*h.supported+10)
}

// draw returns a share of the image's side, drawn from weights.
func draw(rng *rand.Rand, weights *[addsd.Bins]int64, total int64) float64 {
	at, i := rng.Int64N(total), 0
	for at >= weights[i] {
		at -= weights[i]
		i++
	}
	return (float64(i) + rng.Float64()) / addsd.Bins
}

// spot is where the window of a scaled cut-out may go.
type spot struct{ x, y, score int }

// finder looks for places in one scene for one scaled cut-out.
type finder struct {
	scene  *sight
	things []datasets.Annotation
	w, h   int
	object *patch // the scaled object, in pixels of its window
	home   *habitat
	avoid  *[4]int // where the cut-out comes from, when that is this picture
	o      *Options
	stands []int // the objects of the scene that carry such an object in other pictures
	weight int64 // of all of them
}

// best looks at o.Places places and returns the one with the highest score, the
// first of equals. False means that none is acceptable.
func (f *finder) best(rng *rand.Rand) (spot, bool) {
	f.supports()
	best, found := spot{score: math.MinInt}, false
	for i := range f.o.Places {
		// Half of the tries go to what carries such objects where there is any.
		x, y := f.propose(rng, i%2 == 1 && f.weight > 0)
		if s, ok := f.rate(x, y); ok && s.score > best.score {
			best, found = s, true
		}
	}
	return best, found
}

// supports lists what the class stands on elsewhere.
func (f *finder) supports() {
	f.stands, f.weight = f.stands[:0], 0
	for i := range f.things {
		if n := f.carries(i); n > 0 && f.scene.patches[i].area > 0 {
			f.stands = append(f.stands, i)
			f.weight += n
		}
	}
}

func (f *finder) carries(i int) int64 {
	if f.home.class == nil {
		return 0
	}
	return f.home.class.Support[f.things[i].CategoryID]
}

// propose draws a place for the object's foot and returns the window's corner
// that puts it there, moved into the image where it would leave it.
func (f *finder) propose(rng *rand.Rand, carried bool) (x, y int) {
	footX := int(draw(rng, &f.home.centre, f.home.total[1]) * float64(f.w))
	footY := int(draw(rng, &f.home.bottom, f.home.total[0]) * float64(f.h))
	if carried {
		at := rng.Int64N(f.weight)
		for _, i := range f.stands {
			if at -= f.carries(i); at < 0 {
				footX, footY = on(&f.scene.patches[i], rng)
				break
			}
		}
	}
	b := f.object.box
	left := max(0, min(footX-b[2]/2, f.w-b[2]))
	top := max(0, min(footY+1-b[3], f.h-b[3]))
	return left - b[0], top - b[1]
}

// on draws a pixel of p, one of its box where few tries hit none.
func on(p *patch, rng *rand.Rand) (x, y int) {
	for range 8 {
		x, y = p.box[0]+rng.IntN(p.box[2]), p.box[1]+rng.IntN(p.box[3])
		if p.at(x, y) {
			break
		}
	}
	return x, y
}

// Penalties in thousandths: of a logarithm, e.g. 2000 is as bad as being e*e
// times rarer.
const (
	hidingCost = 4000 // an object of the scene hidden whole
	overCost   = 5000 // all of the new object over others, what it stands on aside
	carryCost  = 800  // the same of what it stands on
)

// rate scores the place with the window's corner at (x, y); false where it hides
// too much, lies too exactly on another object, or on itself.
func (f *finder) rate(x, y int) (spot, bool) {
	b := f.object.box
	box := [4]int{x + b[0], y + b[1], b[2], b[3]}
	if f.avoid != nil && share(box, *f.avoid) > 0.1 {
		return spot{}, false
	}
	footX, footY := box[0]+box[2]/2, box[1]+box[3]
	under := f.under(footX, min(footY, f.h-1))
	score, over := 0, 0
	for i := range f.things {
		p := &f.scene.patches[i]
		if p.area == 0 || !meet(p.box, box) {
			continue
		}
		if f.things[i].IsCrowd == 0 && iou(box, p.box) > f.o.MaxIoU {
			return spot{}, false
		}
		n := overlap(p, f.object, x, y)
		if n == p.area || float64(n) > f.o.MaxHidden*float64(p.area) {
			return spot{}, false
		}
		score -= hidingCost * n / p.area
		if i == under || f.carries(i) > 0 {
			score -= carryCost * n / f.object.area
		} else {
			over += n
		}
	}
	score -= overCost * min(over, f.object.area) / f.object.area
	category := int64(0)
	if under >= 0 {
		category = f.things[under].CategoryID
	}
	score += f.home.bottomScore[bin(footY, f.h)] + f.home.centreFit[bin(2*box[0]+box[2], 2*f.w)]/2 + f.home.standing(category)
	return spot{x, y, score}, true
}

// under is the object with the smallest box around a point, as
// addsd.Statistics has it; -1 where there is none.
func (f *finder) under(x, y int) int {
	best, found := math.Inf(1), -1
	px, py := float64(x), float64(y)
	for i := range f.things {
		b := f.things[i].BBox
		if f.things[i].IsCrowd != 0 || px < b[0] || px >= b[0]+b[2] || py < b[1] || py >= b[1]+b[3] {
			continue
		}
		if size := float64(b[2] * b[3]); size < best {
			best, found = size, i
		}
	}
	return found
}

// iou is the intersection of two boxes over their union.
func iou(a, b [4]int) float64 {
	w := min(a[0]+a[2], b[0]+b[2]) - max(a[0], b[0])
	h := min(a[1]+a[3], b[1]+b[3]) - max(a[1], b[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	return float64(w*h) / float64(a[2]*a[3]+b[2]*b[3]-w*h)
}
