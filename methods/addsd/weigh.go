package addsd

import (
	"math"
	"math/bits"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// weigher says how well a class (index into makers) suits a row: 0 is not at all.
// For one row the weights of the classes are in the proportion in which they are
// drawn, for one class those of the rows are.
type weigher interface {
	weight(row int32, maker int) float64
	// most is no less than any row's weight for the maker.
	most(maker int) float64
	// weights fills dst with the weights of all makers for a row.
	weights(dst []float64, row int32)
}

func (p *planner) newWeigher() (weigher, error) {
	switch p.o.Sampling {
	case SuperlabelSampling:
		return newSuperlabels(p)
	case SceneSampling:
		return newScenes(p), nil
	}
	return uniform{}, nil
}

type uniform struct{}

func (uniform) weight(int32, int) float64 { return 1 }
func (uniform) most(int) float64          { return 1 }

func (uniform) weights(dst []float64, _ int32) {
	for m := range dst {
		dst[m] = 1
	}
}

// superlabels is COCO's rule: candidates are the classes of the supercategories
// of a picture's labels, each with the inverse of its instances as weight. A
// picture without labels, or none of whose supercategories is to be made, takes
// any class.
type superlabels struct {
	classes []uint64  // by maker: the bit of its supercategory
	inverse []float64 // by maker: 1 / instances
	rows    []uint64  // by row: bits of the supercategories it shows
	totals  map[uint64]float64
	all     uint64 // bits of all makers
}

func newSuperlabels(p *planner) (*superlabels, error) {
	bit := map[string]uint64{}
	of := make([]uint64, len(p.classes))
	for i, c := range p.classes {
		if c.Supercategory == "" {
			return nil, fault.New(fault.Usage, "addsd: sampling superlabel needs supercategories, class %q has none; take uniform or scene", c.Name)
		}
		if bit[c.Supercategory] == 0 {
			if len(bit) == 64 {
				return nil, fault.New(fault.Unsupported, "addsd: more than 64 supercategories")
			}
			bit[c.Supercategory] = 1 << len(bit)
		}
		of[i] = bit[c.Supercategory]
	}
	s := &superlabels{totals: map[uint64]float64{}, rows: make([]uint64, len(p.rows))}
	for _, i := range p.makers {
		s.classes = append(s.classes, of[i])
		s.inverse = append(s.inverse, 1/float64(max(p.plan.Classes[i].Instances, 1)))
		s.all |= of[i]
	}
	for i, shown := range p.shown {
		for _, c := range shown {
			s.rows[i] |= of[c]
		}
		if s.rows[i] &= s.all; s.rows[i] == 0 {
			s.rows[i] = s.all
		}
		if _, known := s.totals[s.rows[i]]; !known {
			s.totals[s.rows[i]] = s.total(s.rows[i])
		}
	}
	return s, nil
}

func (s *superlabels) total(mask uint64) float64 {
	sum := 0.0
	for m, b := range s.classes {
		if bits.OnesCount64(b&mask) > 0 {
			sum += s.inverse[m]
		}
	}
	return sum
}

func (s *superlabels) weight(row int32, maker int) float64 {
	mask := s.rows[row]
	if s.classes[maker]&mask == 0 {
		return 0
	}
	return s.inverse[maker] / s.totals[mask]
}

func (s *superlabels) most(int) float64 { return 1 }

func (s *superlabels) weights(dst []float64, row int32) {
	for m := range dst {
		dst[m] = s.weight(row, m)
	}
}

const (
	// priorImages is how many images' worth of evidence a co-occurrence has to
	// outweigh before it counts.
	priorImages = 1
	leastRoom   = 0.05 // a full picture is unlikely, not impossible
	smallSide   = 16   // pixels; what would be smaller is seldom found again
	smallFactor = 0.1
	anyShare    = 0.01 // of the picture: an object of a class nobody has seen
)

// scenes is our own rule: a class suits a picture by the company it keeps and the
// room there is. Company is the mean lift over the picture's other classes k,
//
//	lift(c, k) = (images with both + 1) / (images expected with both + 1),
//
// shrunk towards 1 where there is little evidence (a Gamma-Poisson posterior mean;
// DuMouchel, The American Statistician 53(3), 1999). Room is what the picture's
// objects and the new one would leave, at the mean size of their classes.
type scenes struct {
	lift    [][]float32 // by maker and class, 0 for the maker's own
	byClass [][]float32 // the same by class and maker
	top     []float64   // by maker: the largest lift
	share   []float64   // by maker: of the picture that an object covers
	covered []float64   // by row: share that its objects cover
	pixels  []float64   // by row
	shown   [][]int32
	of      []int   // by maker: its class
	maker   []int32 // by class: its maker, -1 for none
}

func newScenes(p *planner) *scenes {
	s := &scenes{covered: make([]float64, len(p.rows)), pixels: make([]float64, len(p.rows)), shown: p.shown, of: p.makers, maker: p.makerOf}
	shares := make([]float64, len(p.classes))
	for i, c := range p.classes {
		shares[i] = anyShare
		if mean, _, ok := p.stats.ByID[c.ID].MeanScale(); ok {
			// float32 hides the last bits, in which processors differ.
			shares[i] = min(1, float64(float32(math.Exp(2*mean))))
		}
	}
	s.byClass = make([][]float32, len(p.classes))
	for k := range s.byClass {
		s.byClass[k] = make([]float32, len(p.makers))
	}
	for m, i := range p.makers {
		lift := p.lifts(i)
		for k, v := range lift {
			s.byClass[k][m] = v
		}
		s.lift, s.share = append(s.lift, lift), append(s.share, shares[i])
		s.top = append(s.top, max(1, float64(slices.Max(lift))))
	}
	for i, shown := range p.shown {
		r := &p.rows[i]
		s.pixels[i] = float64(r.Width) * float64(r.Height)
		for _, c := range shown {
			s.covered[i] += shares[c]
		}
		s.covered[i] *= float64(r.Annotations) / float64(max(len(shown), 1))
	}
	if len(s.pixels) > 0 {
		largest := slices.Max(s.pixels)
		for m, share := range s.share {
			if float64(share*largest) < smallSide*smallSide {
				s.top[m] *= smallFactor
			}
		}
	}
	return s
}

// lifts are those of class i with every other class.
func (p *planner) lifts(i int) []float32 {
	lift := make([]float32, len(p.classes))
	own := p.stats.ByID[p.classes[i].ID]
	for k, c := range p.classes {
		lift[k] = 1
		if other := p.stats.ByID[c.ID]; own != nil && other != nil && p.stats.Images > 0 {
			expected := float64(own.Images) * float64(other.Images) / float64(p.stats.Images)
			lift[k] = float32((float64(own.With[c.ID]) + priorImages) / (expected + priorImages))
		}
	}
	lift[i] = 0
	return lift
}

func (s *scenes) weight(row int32, maker int) float64 {
	sum, own := 0.0, false
	for _, k := range s.shown[row] {
		sum += float64(s.lift[maker][k])
		own = own || int(k) == s.of[maker]
	}
	return s.finish(row, maker, sum, own)
}

// finish makes a weight of the sum of a row's lifts; own says that the row shows
// the class itself.
func (s *scenes) finish(row int32, maker int, sum float64, own bool) float64 {
	n := len(s.shown[row])
	if own {
		n--
	}
	w := 1.0
	if n > 0 {
		w = sum / float64(n)
	}
	w *= max(leastRoom, 1-s.covered[row]-s.share[maker])
	if float64(s.share[maker]*s.pixels[row]) < smallSide*smallSide {
		w *= smallFactor
	}
	return w
}

func (s *scenes) most(maker int) float64 { return s.top[maker] }

func (s *scenes) weights(dst []float64, row int32) {
	clear(dst)
	for _, k := range s.shown[row] {
		for m, v := range s.byClass[k] {
			dst[m] += float64(v)
		}
	}
	for m, sum := range dst {
		dst[m] = s.finish(row, m, sum, false)
	}
	for _, k := range s.shown[row] {
		if m := s.maker[k]; m >= 0 {
			dst[m] = s.weight(row, int(m))
		}
	}
}
