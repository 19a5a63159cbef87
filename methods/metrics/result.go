package metrics

import (
	"fmt"
	"math"
)

// Result is the outcome of an evaluation.
type Result struct {
	Stats   []Stat     // the numbers of the benchmark, in its order
	Classes []Category // by id; where all classes are one, a single one of id -1

	rules
	tables []table // [class]
}

// Stat is one named number, -1 where there was nothing to measure.
type Stat struct {
	Name  string
	Value float64
}

// Query chooses what to average over.
type Query struct {
	IoU     float64             // one threshold; 0: all
	Size    string              // name of the range; "": the first, which is the whole
	MaxDets int                 // one of MaxDets; 0: the largest
	Class   func(Category) bool // nil: all
}

// Stat returns the named number, NaN where there is none of that name.
func (r *Result) Stat(name string) float64 {
	for _, s := range r.Stats {
		if s.Name == name {
			return s.Value
		}
	}
	return math.NaN()
}

// AP is the mean of the interpolated precision over thresholds, recalls and those
// classes that have something to be found; -1 where none has, or where nothing
// was evaluated under what q names.
func (r *Result) AP(q Query) float64 {
	return r.mean(q, len(recalls), func(t *table) [][]float64 { return t.precision })
}

// AR is the mean of the recall over thresholds and classes, as AP.
func (r *Result) AR(q Query) float64 {
	return r.mean(q, 1, func(t *table) [][]float64 { return t.recall })
}

// ClassAP is AP of Classes[i] alone.
func (r *Result) ClassAP(i int, q Query) float64 {
	return r.meanOf(q, r.tables[i:i+1], r.Classes[i:i+1], len(recalls), func(t *table) [][]float64 { return t.precision })
}

// ClassAR is AR of Classes[i] alone.
func (r *Result) ClassAR(i int, q Query) float64 {
	return r.meanOf(q, r.tables[i:i+1], r.Classes[i:i+1], 1, func(t *table) [][]float64 { return t.recall })
}

func (r *Result) mean(q Query, width int, of func(*table) [][]float64) float64 {
	return r.meanOf(q, r.tables, r.Classes, width, of)
}

// meanOf averages rows of width values, one a threshold. Each row is summed on its
// own, so that rounding does not grow with the number of classes.
func (r *Result) meanOf(q Query, tables []table, classes []Category, width int, of func(*table) [][]float64) float64 {
	at, from, to := r.find(q)
	sum, n := 0.0, 0
	for c := range tables {
		if at < 0 || q.Class != nil && !q.Class(classes[c]) {
			continue
		}
		values := of(&tables[c])[at]
		if values == nil {
			continue
		}
		part := 0.0
		for _, v := range values[from*width : to*width] {
			part += v
		}
		sum += part
		n += (to - from) * width
	}
	if n == 0 {
		return -1
	}
	return sum / float64(n)
}

// find returns the place of the tables that q names, -1 for none, and the range of
// thresholds.
func (r *Result) find(q Query) (at, from, to int) {
	size, dets := -1, -1
	for s := range r.sizes {
		if q.Size == r.sizes[s].Name || q.Size == "" && s == 0 {
			size = s
			break
		}
	}
	for m, most := range r.maxDets {
		if q.MaxDets == most || q.MaxDets == 0 {
			dets = m
		}
	}
	to = len(r.ious)
	if q.IoU != 0 {
		from, to = 0, 0
		for t, iou := range r.ious {
			if math.Abs(iou-q.IoU) < 1e-9 {
				from, to = t, t+1
			}
		}
	}
	if size < 0 || dets < 0 {
		return -1, 0, 0
	}
	return size*len(r.maxDets) + dets, from, to
}

func (r *Result) summarise() {
	add := func(name string, v float64) { r.Stats = append(r.Stats, Stat{name, v}) }
	add("AP", r.AP(Query{}))
	add("AP50", r.AP(Query{IoU: .5}))
	add("AP75", r.AP(Query{IoU: .75}))
	for _, s := range r.sizes[1:] {
		add("AP"+s.Name[:min(1, len(s.Name))], r.AP(Query{Size: s.Name}))
	}
	suffix := ""
	if r.federated {
		for _, f := range "rcf" {
			add("AP"+string(f), r.AP(Query{Class: func(c Category) bool { return c.Frequency == byte(f) }}))
		}
		suffix = fmt.Sprintf("@%d", r.perImage)
		add("AR"+suffix, r.AR(Query{}))
	} else {
		for _, most := range r.maxDets {
			add(fmt.Sprintf("AR%d", most), r.AR(Query{MaxDets: most}))
		}
	}
	for _, s := range r.sizes[1:] {
		add("AR"+s.Name[:min(1, len(s.Name))]+suffix, r.AR(Query{Size: s.Name}))
	}
}
