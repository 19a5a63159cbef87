package metrics

import (
	"cmp"
	"slices"
)

// table holds the curves of one class: precision[size][maxDets][threshold][recall]
// and recall[size][maxDets][threshold], nil of a size without anything to find.
type table struct {
	precision, recall [][]float64
}

// ranked is one detection of a class.
type ranked struct {
	score float64
	image int32
	at    int32 // in the image's judged
}

// Result averages over what was added so far. Images that were never added count
// as images without detections.
func (e *Evaluator) Result() *Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	from := make([]int, e.groups()+1)
	for i := range e.kept {
		for _, c := range e.kept[i].class {
			from[c+1]++
		}
	}
	for c := range e.groups() {
		from[c+1] += from[c]
	}
	all, next := make([]ranked, from[len(from)-1]), slices.Clone(from)
	for i := range e.kept {
		for at, c := range e.kept[i].class {
			all[next[c]] = ranked{e.kept[i].score[at], int32(i), int32(at)}
			next[c]++
		}
	}
	r := &Result{rules: e.rules, tables: make([]table, e.groups())}
	if r.Classes = e.classes; e.agnostic {
		r.Classes = []Category{{ID: -1}}
	}
	_ = e.parallel(e.groups(), func(c int) error {
		r.tables[c] = e.average(c, all[from[c]:from[c+1]])
		return nil
	})
	r.summarise()
	return r
}

// average draws the curves of a class.
func (e *Evaluator) average(class int, ds []ranked) table {
	slices.SortFunc(ds, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.image, b.image), cmp.Compare(a.at, b.at))
	})
	n := len(e.sizes) * len(e.maxDets)
	t := table{make([][]float64, n), make([][]float64, n)}
	c := curve{hits: make([]int, len(e.ious)), errors: make([]int, len(e.ious))}
	for s := range e.sizes {
		targets := e.targets[class*len(e.sizes)+s]
		if targets == 0 {
			continue
		}
		enough := enoughHits(targets)
		for m, most := range e.maxDets {
			c.follow(e, ds, s, most, targets)
			at := s*len(e.maxDets) + m
			t.precision[at], t.recall[at] = c.read(enough, targets)
		}
	}
	return t
}

// enoughHits returns for each of the recalls the smallest number of hits that
// reaches it, of targets that are to be found, at least 1.
func enoughHits(targets int) []int {
	enough, k := make([]int, len(recalls)), 1
	for i, r := range recalls {
		for float64(k)/float64(targets) < r {
			k++
		}
		enough[i] = k
	}
	return enough
}

// curve is precision over recall of one class, size and number of detections, at
// each threshold.
type curve struct {
	hits, errors []int     // so far, at each threshold
	precision    []float64 // [threshold][hit]: at the moment of the hit
	room         int       // hits a threshold
}

// follow walks the detections by falling score and notes the precision at each hit.
func (c *curve) follow(e *Evaluator, ds []ranked, size, most, targets int) {
	clear(c.hits)
	clear(c.errors)
	c.room = targets // each is hit once
	c.precision = slices.Grow(c.precision[:0], targets*len(c.hits))[:targets*len(c.hits)]
	for _, d := range ds {
		kept := &e.kept[d.image]
		if int(kept.rank[d.at]) >= most {
			continue
		}
		verdict := kept.verdicts[2*(int(d.at)*len(e.sizes)+size):][:2]
		hit, wrong := verdict[0], verdict[1]
		if hit|wrong == 0 {
			continue
		}
		for t := range c.hits {
			c.errors[t] += int(wrong >> t & 1)
			if hit>>t&1 == 1 {
				c.precision[t*c.room+c.hits[t]] = precision(c.hits[t]+1, c.errors[t])
				c.hits[t]++
			}
		}
	}
}

// precision is hits over hits and errors. The smallest step above 1 in the
// denominator is COCO's guard against 0/0; it shows in the last digit.
func precision(hits, errors int) float64 {
	return float64(hits) / (float64(hits+errors) + 0x1p-52)
}

// read returns the interpolated precision at each threshold and recall, the
// largest at that recall or beyond (Everingham et al., "The PASCAL Visual Object
// Classes Challenge", IJCV 2010, section 4.2), and the recall that is reached. A
// precision is largest just at a hit, so hits are all that one needs to look at.
func (c *curve) read(enough []int, targets int) (precisions, reached []float64) {
	precisions = make([]float64, len(c.hits)*len(enough))
	reached = make([]float64, len(c.hits))
	for t, hits := range c.hits {
		reached[t] = float64(hits) / float64(targets)
		at := c.precision[t*c.room:][:hits]
		for k := hits - 2; k >= 0; k-- {
			at[k] = max(at[k], at[k+1])
		}
		for r, k := range enough {
			if k > hits {
				break
			}
			precisions[t*len(enough)+r] = at[k-1]
		}
	}
	return precisions, reached
}
