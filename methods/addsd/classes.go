package addsd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// choose makes a ClassPlan of every class and lists those that can be made.
func (p *planner) choose(usable map[int64]int) error {
	images := make([]int64, len(p.classes))
	for _, row := range p.shown {
		for _, c := range row {
			images[c]++
		}
	}
	p.plan.Classes = make([]ClassPlan, len(p.classes))
	for i, c := range p.classes {
		cp := ClassPlan{ID: c.ID, Name: c.Name, Before: images[i], GroupBefore: datasets.FrequencyGroup(images[i]), Cutouts: usable[c.ID]}
		if s := p.stats.ByID[c.ID]; s != nil {
			cp.Instances = s.Instances
		}
		p.plan.Classes[i] = cp
	}
	if err := p.mark(); err != nil {
		return err
	}
	p.makerOf = make([]int32, len(p.classes))
	for i := range p.plan.Classes {
		c := &p.plan.Classes[i]
		p.makerOf[i] = -1
		if !c.Chosen {
			continue
		}
		switch {
		case p.o.ImagesPerClass > 0:
			c.Quota = p.o.ImagesPerClass
		case p.o.TargetImages > 0:
			c.Quota = max(0, p.o.TargetImages-int(min(c.Before, maxSamples)))
		}
		switch {
		case usable != nil && c.Cutouts == 0:
			c.Note = "no usable cut-out"
		case p.plan.Images == p.plan.Excluded:
			c.Note = "no picture may be touched"
		default:
			p.makerOf[i] = int32(len(p.makers))
			p.makers = append(p.makers, i)
		}
	}
	return nil
}

// groups are the words for LVIS's frequency groups.
var groups = map[string]string{"rare": "r", "common": "c", "frequent": "f", "r": "r", "c": "c", "f": "f"}

// mark marks the classes that the options name.
func (p *planner) mark() error {
	byName := map[string][]int{}
	for i, c := range p.classes {
		byName[plain(c.Name)] = append(byName[plain(c.Name)], i)
	}
	for _, want := range p.o.Classes {
		named := byName[plain(want)]
		group, isGroup := groups[strings.ToLower(want)]
		if len(named) == 0 && !isGroup && want != "all" {
			return fault.New(fault.Usage, "addsd: no class %q%s", want, suggest(want, p.classes))
		}
		for i := range p.plan.Classes {
			c := &p.plan.Classes[i]
			if want == "all" || isGroup && c.GroupBefore == group {
				c.Chosen = true
			}
		}
		for _, i := range named {
			p.plan.Classes[i].Chosen = true
		}
	}
	return nil
}

// plain drops what people write differently: case, spaces, _ and -.
func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// spaced is a class's name as an instruction has it.
func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

// suggest names the classes nearest to a wrong name: by synonym, by a part of the
// name, by edit distance.
func suggest(name string, classes []datasets.Class) string {
	type near struct {
		name     string
		distance int
	}
	var list []near
	wrong := plain(name)
	for _, c := range classes {
		p := plain(c.Name)
		d := distance(wrong, p)
		same := func(s string) bool { return plain(s) == wrong }
		switch {
		case slices.ContainsFunc(c.Synonyms, same):
			d = 0
		case len(wrong) > 2 && strings.Contains(p, wrong):
			d = min(d, 1)
		}
		if d <= max(2, len(wrong)/3) {
			list = append(list, near{c.Name, d})
		}
	}
	if len(list) == 0 {
		return "; classes are rare, common, frequent, all, or names of the dataset"
	}
	slices.SortFunc(list, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	text := "; did you mean "
	for i, n := range list[:min(5, len(list))] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", n.name)
	}
	return text + "?"
}

// distance is the edit distance of two words (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
