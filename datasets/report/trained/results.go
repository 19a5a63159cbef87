package trained

import (
	"math"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

const (
	shownRows    = 25               // of a table that are seen without a click; a rest of a few stays
	colouredMost = chart.LineStyles // groups that have a line of their own look
	keyColumns   = 5                // keys that have columns of their own; more are joined in one
)

// results is the section that compares.
type results struct {
	Tiles       []tile
	Notes       []string
	Heads       []string // of the columns that name a row
	First, Rest []resultRow
	Seeds       bool // whether rows are means
	Failed      []failure
	Runs        []runRow // each run of the groups, where rows are means
	Single      bool
	Hash        string
}

type tile struct{ Value, Name string }

type resultRow struct {
	Style                 int
	Keyed                 bool // whether there are lines of that style
	Best                  bool
	Names                 []string
	Runs                  string
	Top1, Loss, ECE, Peak cell
	Time                  string
}

// cell is a number with how it spreads, empty for one run.
type cell struct {
	Text, Spread string
	Best         bool
}

type failure struct{ Name, Steps, Reason string }

type runRow struct{ Name, Top1, Top5, Loss, ECE, Peak string }

func newResults(p *page) *results {
	in := p.in
	v := &results{Notes: in.Notes, Single: len(in.Runs) == 1, Hash: in.Hash}
	for _, g := range p.groups {
		v.Seeds = v.Seeds || len(g.Runs) > 1
	}
	v.Heads = heads(in.Keys)
	order := ranked(p.groups)
	best := bests(order)
	rows := make([]resultRow, 0, len(order))
	for i, g := range order {
		rows = append(rows, newResultRow(g, len(v.Heads), best, i == 0 && len(order) > 1 && g.Top1.N > 0))
	}
	v.First, v.Rest = split(rows)
	failed := 0
	for i := range in.Runs {
		r := &in.Runs[i]
		if !r.OK {
			failed++
			v.Failed = append(v.Failed, failure{r.Name, positive(r.Steps), r.Error})
		}
		if v.Seeds || v.Single {
			v.Runs = append(v.Runs, newRunRow(r))
		}
	}
	v.Tiles = tiles(in, order, failed)
	return v
}

// heads names the columns of what is swept, the seed aside.
func heads(keys []string) []string {
	var out []string
	for _, k := range keys {
		if k != seedKey {
			out = append(out, k)
		}
	}
	if len(out) == 0 || len(out) > keyColumns {
		return []string{"configuration"}
	}
	return out
}

// split cuts what is seen at once from the rest.
func split[T any](rows []T) (first, rest []T) {
	if len(rows) <= shownRows+5 {
		return rows, nil
	}
	return rows[:shownRows], rows[shownRows:]
}

// best holds the best mean of each column, NaN where fewer than two rows have one.
type best struct{ top1, loss, ece, peak float64 }

func bests(groups []*group) best {
	of := func(value func(*group) spread, sign float64) float64 {
		n, at := 0, math.Inf(-1)
		for _, g := range groups {
			if s := value(g); s.N > 0 && finite(s.Mean) {
				n++
				at = max(at, sign*s.Mean)
			}
		}
		if n < 2 {
			return math.NaN()
		}
		return sign * at
	}
	return best{
		top1: of(func(g *group) spread { return g.Top1 }, 1), loss: of(func(g *group) spread { return g.Loss }, -1),
		ece: of(func(g *group) spread { return g.ECE }, -1), peak: of(func(g *group) spread { return g.Best }, 1),
	}
}

func newResultRow(g *group, columns int, b best, first bool) resultRow {
	row := resultRow{Style: g.style(), Best: first, Keyed: hasCurve(g), Names: []string{g.Name}, Runs: strconv.Itoa(len(g.good())), Time: seconds(g.Seconds.Mean)}
	if n := len(g.Runs); n != len(g.good()) {
		row.Runs += " of " + strconv.Itoa(n)
	}
	if values := sweptValues(g.Runs[0]); columns > 1 && len(values) == columns || columns == 1 && len(values) == 1 {
		row.Names = values
	} else {
		for len(row.Names) < columns {
			row.Names = append(row.Names, "")
		}
	}
	row.Top1 = newCell(g.Top1, b.top1, share, points)
	row.Loss = newCell(g.Loss, b.loss, figure, figure)
	row.ECE = newCell(g.ECE, b.ece, share, points)
	row.Peak = newCell(g.Best, b.peak, share, points)
	return row
}

func sweptValues(r *Run) []string {
	var out []string
	for _, kv := range r.Sweep {
		if kv.Key != seedKey {
			out = append(out, kv.Value)
		}
	}
	return out
}

func hasCurve(g *group) bool {
	for _, r := range g.Runs {
		if len(r.Curve) > 0 {
			return true
		}
	}
	return false
}

// style is that of the group's lines; beyond the coloured ones it is grey.
func (g *group) style() int {
	if g.Style >= colouredMost {
		return -1
	}
	return g.Style
}

func newCell(s spread, best float64, whole, part func(float64) string) cell {
	if s.N == 0 {
		return cell{Text: none}
	}
	c := cell{Text: whole(s.Mean), Best: s.Mean == best}
	if s.N > 1 {
		c.Spread = "± " + part(s.SD) + " · " + part(s.Lowest) + " to " + part(s.Utmost)
	}
	return c
}

func newRunRow(r *Run) runRow {
	v := runRow{Name: r.Name, Top1: none, Top5: none, Loss: none, ECE: none, Peak: none}
	if s := r.Final; s != nil {
		v.Top1, v.Top5, v.Loss, v.ECE = share(s.Top1), share(s.Top5), figure(s.Loss), share(s.ECE)
	}
	if s := r.Best; s != nil {
		v.Peak = share(s.Top1)
		if s.Epoch > 0 {
			v.Peak += " (epoch " + chart.Count(s.Epoch) + ")"
		}
	}
	return v
}

// tiles are the numbers at the top: of the one run, or of the sweep.
func tiles(in *Input, order []*group, failed int) []tile {
	if len(in.Runs) == 0 {
		return []tile{{"0", "runs"}}
	}
	var total float64
	for i := range in.Runs {
		if s := in.Runs[i].Seconds; s > 0 && finite(s) {
			total += s
		}
	}
	if len(in.Runs) == 1 {
		r := &in.Runs[0]
		row := newRunRow(r)
		out := []tile{{row.Top1, "top-1, last"}, {row.Top5, "top-5, last"}, {row.Loss, "loss, last"}, {row.ECE, "calibration error"}}
		if r.Best != nil {
			out = append(out, tile{share(r.Best.Top1), "top-1, best epoch"})
		}
		return append(out, tile{seconds(total), "time"})
	}
	out := []tile{{chart.Count(int64(len(in.Runs))), "runs"}, {chart.Count(int64(failed)), "failed"}}
	if len(order) != len(in.Runs) {
		out = append(out, tile{chart.Count(int64(len(order))), "groups"})
	}
	if g := order[0]; g.Top1.N > 1 {
		out = append(out, tile{share(g.Top1.Mean), "best mean top-1, ± " + points(g.Top1.SD)})
	} else if g.Top1.N == 1 {
		out = append(out, tile{share(g.Top1.Mean), "best top-1"})
	}
	return append(out, tile{seconds(total), "time of all runs"})
}
