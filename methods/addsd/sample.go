package addsd

import (
	"cmp"
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// suits is the weight of a class for a row, 0 where the options forbid it.
func (p *planner) suits(row int32, maker int) float64 {
	if p.o.NewOnly && p.shows(row, p.makers[maker]) {
		return 0
	}
	return p.weigh.weight(row, maker)
}

// fill gives every class its quota of the rows that suit it best.
func (p *planner) fill() error {
	total := 0
	for m, i := range p.makers {
		c := &p.plan.Classes[i]
		if c.Quota == 0 {
			continue
		}
		if total += c.Quota; total > maxSamples {
			return fault.New(fault.Usage, "addsd: the classes' quotas come to more than %d images", maxSamples)
		}
		ranked := p.ranked(m, c.Quota*p.o.Attempts)
		if len(ranked) == 0 {
			c.Note = p.whyNone(i)
			continue
		}
		first := len(p.picks)
		for n := range c.Quota {
			p.picks = append(p.picks, pick{row: ranked[n%len(ranked)], class: int32(i), n: int32(n / len(ranked))})
		}
		bases := min(c.Quota, len(ranked)) // the others come first as alternates
		p.addAlternates(p.picks[first:], slices.Concat(ranked[bases:], ranked[:bases]))
	}
	return nil
}

// whyNone says why no row suits a class.
func (p *planner) whyNone(class int) string {
	for _, row := range p.free {
		if !p.shows(row, class) {
			return "no picture shows its supercategory"
		}
	}
	return "every picture that may be touched shows it already"
}

// spend draws a class for every row, rows in the order of a hash of the seed and
// their image ids, again from the start where the budget is larger.
func (p *planner) spend() {
	if len(p.makers) == 0 {
		return
	}
	order := slices.Clone(p.free)
	key := func(row int32) uint64 { return mix(p.seed, uint64(p.rows[row].ImageID), purposeOrder) }
	slices.SortFunc(order, func(a, b int32) int { // a hash of equal ids only is equal
		return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(p.rows[a].ImageID, p.rows[b].ImageID))
	})
	byMaker := make([][]pick, len(p.makers))
	repeats := map[[2]int32]int32{}
	weights := make([]float64, len(p.makers))
	for pass, left := 0, p.o.Budget; left > 0; pass++ {
		before := left
		for _, row := range order {
			m := p.draw(row, pass, weights)
			if m < 0 {
				continue
			}
			at := [2]int32{row, int32(m)}
			byMaker[m] = append(byMaker[m], pick{row: row, class: int32(p.makers[m]), n: repeats[at]})
			repeats[at]++
			if left--; left == 0 {
				break
			}
		}
		if left == before {
			break // no row takes any class
		}
	}
	for m, picks := range byMaker {
		p.addAlternates(picks, p.others(m, picks))
		p.picks = append(p.picks, picks...)
	}
}

// draw returns the maker that row gets in a pass, -1 for none.
func (p *planner) draw(row int32, pass int, weights []float64) int {
	p.weigh.weights(weights, row)
	if p.o.NewOnly {
		for _, c := range p.shown[row] {
			if m := p.makerOf[c]; m >= 0 {
				weights[m] = 0
			}
		}
	}
	total := 0.0
	for _, w := range weights {
		total += w
	}
	at := float64(unit(mix(p.seed, uint64(p.rows[row].ImageID), uint64(pass), purposeClass)) * total)
	last := -1
	for m, w := range weights {
		if w == 0 {
			continue
		}
		if last = m; at < w {
			break
		}
		at -= w
	}
	return last
}

// others are rows that suit a class, best first, those that are picked for it
// already at the end.
func (p *planner) others(maker int, picks []pick) []int32 {
	if p.o.Attempts == 1 || len(picks) == 0 {
		return nil
	}
	picked := make(map[int32]bool, len(picks))
	for _, k := range picks {
		picked[k.row] = true
	}
	var rest []int32
	list := make([]int32, 0, len(picks)*p.o.Attempts)
	for _, row := range p.ranked(maker, (len(picks)+1)*p.o.Attempts) {
		if picked[row] {
			rest = append(rest, row)
		} else {
			list = append(list, row)
		}
	}
	return append(list, rest...)
}

// addAlternates deals rows to picks in turn, none twice to one pick.
func (p *planner) addAlternates(picks []pick, rows []int32) {
	at := 0
	for i := range picks {
		k := &picks[i]
		for tried := 0; len(k.alternates) < p.o.Attempts-1 && tried < len(rows); tried++ {
			row := rows[at%len(rows)]
			at++
			if row != k.row && !slices.Contains(k.alternates, row) {
				k.alternates = append(k.alternates, row)
			}
		}
	}
}

// ranked is a weighted sample of k rows without replacement in the order of
// drawing: those with the smallest -ln(u)/weight (Efraimidis and Spirakis,
// Information Processing Letters 97(5), 2006), u from a hash of the seed, the
// image id and the class. Fewer where fewer suit.
func (p *planner) ranked(maker, k int) []int32 {
	type entry struct {
		key float64
		row int32
	}
	byKey := func(a, b entry) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return cmp.Compare(p.rows[a.row].ImageID, p.rows[b.row].ImageID)
	}
	k = min(k, len(p.free))
	best := make([]entry, 0, min(2*k, len(p.free)))
	worst := math.Inf(1)
	most := p.weigh.most(maker)
	class := mix(uint64(p.classes[p.makers[maker]].ID), purposeRank)
	for _, row := range p.free {
		u := unit(stir(p.hashes[row] ^ class))
		// -ln(u) is at least 1-u, which mostly spares the weight and the logarithm.
		if (1-u)/most > worst {
			continue
		}
		w := p.suits(row, maker)
		if w == 0 || (1-u)/w > worst {
			continue
		}
		e := entry{-ln(u) / w, row}
		if e.key >= worst {
			continue
		}
		if best = append(best, e); len(best) == 2*k {
			slices.SortFunc(best, byKey)
			best = best[:k]
			worst = best[k-1].key
		}
	}
	slices.SortFunc(best, byKey)
	rows := make([]int32, min(k, len(best)))
	for i := range rows {
		rows[i] = best[i].row
	}
	return rows
}
