package trained

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// seedKey is the key of a sweep over which runs are averaged.
const seedKey = "seed"

// group is the runs of a sweep that differ in their seed alone.
type group struct {
	Name  string
	Place int // in the order of the sweep
	Runs  []*Run
	Style int // of its lines

	Top1, Loss, ECE, Best spread
	Seconds, Rate         spread
}

// spread is what several runs have come to in one number.
type spread struct {
	N              int // runs with a finite value
	Mean, SD       float64
	Lowest, Utmost float64
}

// spreadOf sums in the order of values, so that the same runs give the same bits.
func spreadOf(values []float64) spread {
	s := spread{Lowest: math.Inf(1), Utmost: math.Inf(-1)}
	var sum float64
	for _, v := range values {
		if finite(v) {
			s.N++
			sum += v
			s.Lowest, s.Utmost = min(s.Lowest, v), max(s.Utmost, v)
		}
	}
	if s.N == 0 {
		return spread{Mean: math.NaN()}
	}
	s.Mean = sum / float64(s.N)
	if s.N > 1 {
		var squares float64
		for _, v := range values {
			if finite(v) {
				d := v - s.Mean
				squares += float64(d * d)
			}
		}
		s.SD = math.Sqrt(squares / float64(s.N-1))
	}
	return s
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// groupRuns puts runs together in the order of the sweep. Without a seed among the
// keys each run is a group of its own.
func groupRuns(in *Input) []*group {
	seeded := slices.Contains(in.Keys, seedKey)
	byKey := map[string]*group{}
	var groups []*group
	for i := range in.Runs {
		r := &in.Runs[i]
		name, key := groupName(r)
		g := byKey[key]
		if g == nil || !seeded {
			g = &group{Name: name, Place: len(groups)}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.Runs = append(g.Runs, r)
	}
	for _, g := range groups {
		g.measure()
	}
	for i, g := range ranked(groups) {
		g.Style = i
	}
	return groups
}

// groupName is what a group is called, and what tells it from the others.
func groupName(r *Run) (name, key string) {
	var names []string
	for _, kv := range r.Sweep {
		if kv.Key == seedKey {
			continue
		}
		names = append(names, kv.Key+" = "+kv.Value)
		key += kv.Key + "\x00" + kv.Value + "\x00"
	}
	if len(names) == 0 {
		if len(r.Sweep) > 0 {
			return "all seeds", key
		}
		return r.Name, r.Name
	}
	return strings.Join(names, ", "), key
}

// good are the runs that ended well.
func (g *group) good() []*Run {
	var out []*Run
	for _, r := range g.Runs {
		if r.OK {
			out = append(out, r)
		}
	}
	return out
}

func (g *group) measure() {
	g.Top1 = g.of(func(r *Run) float64 { return r.Final.at(func(s *Scores) float64 { return s.Top1 }) })
	g.Loss = g.of(func(r *Run) float64 { return r.Final.at(func(s *Scores) float64 { return s.Loss }) })
	g.ECE = g.of(func(r *Run) float64 { return r.Final.at(func(s *Scores) float64 { return s.ECE }) })
	g.Best = g.of(func(r *Run) float64 { return r.Best.at(func(s *Scores) float64 { return s.Top1 }) })
	g.Seconds = g.of(func(r *Run) float64 { return r.Seconds })
	g.Rate = g.of(func(r *Run) float64 { return r.ImagesPerSecond })
}

func (g *group) of(value func(*Run) float64) spread {
	var values []float64
	for _, r := range g.good() {
		values = append(values, value(r))
	}
	return spreadOf(values)
}

// at reads a score, NaN where there is none.
func (s *Scores) at(value func(*Scores) float64) float64 {
	if s == nil {
		return math.NaN()
	}
	return value(s)
}

// ranked orders groups from the greatest mean top-1; those without one come last.
// Equal ones stay in the order of the sweep.
func ranked(groups []*group) []*group {
	out := slices.Clone(groups)
	slices.SortStableFunc(out, func(a, b *group) int {
		if (a.Top1.N > 0) != (b.Top1.N > 0) {
			return cmp.Compare(b.Top1.N, a.Top1.N)
		}
		if a.Top1.N == 0 {
			return 0
		}
		return cmp.Compare(b.Top1.Mean, a.Top1.Mean)
	})
	return out
}

// shownRun is the run whose confusions and mistakes the page shows: the first with
// pictures, else the one of the greatest last top-1 with a confusion matrix.
func shownRun(runs []Run) *Run {
	var best *Run
	for i := range runs {
		r := &runs[i]
		if len(r.Mistakes) > 0 {
			return r
		}
		top1 := r.Final.at(func(s *Scores) float64 { return s.Top1 })
		if r.Confusion == nil || !finite(top1) {
			continue
		}
		if best == nil || top1 > best.Final.Top1 {
			best = r
		}
	}
	return best
}
