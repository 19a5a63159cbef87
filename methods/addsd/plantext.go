package addsd

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// GroupPlan is what a plan does to one of LVIS's frequency groups.
type GroupPlan struct {
	Group         string `json:"group"`  // r, c or f
	Before        int    `json:"before"` // classes in it
	After         int    `json:"after"`
	ImagesBefore  int64  `json:"images_before"` // of the classes that are in it before
	ImagesAfter   int64  `json:"images_after"`
	ImagesPlanned int    `json:"images_planned"`
}

// Groups sums the classes by group: r, c, f.
func (p *Plan) Groups() []GroupPlan {
	out := []GroupPlan{{Group: "r"}, {Group: "c"}, {Group: "f"}}
	for i := range p.Classes {
		c := &p.Classes[i]
		for k := range out {
			g := &out[k]
			if c.GroupBefore == g.Group {
				g.Before++
				g.ImagesBefore += c.Before
				g.ImagesAfter += c.After
				g.ImagesPlanned += c.Planned
			}
			if c.GroupAfter == g.Group {
				g.After++
			}
		}
	}
	return out
}

const (
	textClasses = 20 // of the chart
	textNotes   = 10
	textBar     = 30 // characters
	textName    = 28
)

// WriteText writes the plan for a terminal: the groups before and after, a bar
// chart of the classes that get most, and why classes get less than they should.
func (p *Plan) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%d synthetic images from %d pictures", len(p.Samples), p.Images)
	if p.Excluded > 0 {
		fmt.Fprintf(b, ", %d of which must not be touched", p.Excluded)
	}
	fmt.Fprintf(b, "\n\n%-10s %9s %9s %14s %14s %10s\n", "group", "classes", "after", "images", "after", "planned")
	names := map[string]string{"r": "rare", "c": "common", "f": "frequent"}
	for _, g := range p.Groups() {
		fmt.Fprintf(b, "%-10s %9d %9d %14d %14d %10d\n", names[g.Group], g.Before, g.After, g.ImagesBefore, g.ImagesAfter, g.ImagesPlanned)
	}
	p.writeBars(b)
	p.writeNotes(b)
	return b.Flush()
}

// writeBars draws what is there as # and what comes as +.
func (p *Plan) writeBars(b *bufio.Writer) {
	var list []*ClassPlan
	for i := range p.Classes {
		if p.Classes[i].Planned > 0 {
			list = append(list, &p.Classes[i])
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(x, y *ClassPlan) int {
		return cmp.Or(cmp.Compare(y.Planned, x.Planned), cmp.Compare(x.Before, y.Before), cmp.Compare(x.ID, y.ID))
	})
	rest := len(list) - min(len(list), textClasses)
	list = list[:len(list)-rest]
	most := int64(1)
	for _, c := range list {
		most = max(most, c.After)
	}
	fmt.Fprintf(b, "\nimages by class (# there, + to come, objects of the base pictures counted)\n")
	for _, c := range list {
		old := int(c.Before * textBar / most)
		bar := strings.Repeat("#", old) + strings.Repeat("+", max(1, int(c.After*textBar/most)-old))
		fmt.Fprintf(b, "%s %s>%s %-*s %d + %d\n", pad(c.Name, textName), c.GroupBefore, c.GroupAfter, textBar+1, bar, c.Before, c.After-c.Before)
	}
	if rest > 0 {
		fmt.Fprintf(b, "and %d more classes\n", rest)
	}
}

func (p *Plan) writeNotes(b *bufio.Writer) {
	notes := 0
	for i := range p.Classes {
		c := &p.Classes[i]
		if c.Note == "" {
			continue
		}
		if notes++; notes == 1 {
			fmt.Fprintf(b, "\nclasses that get less than was asked for\n")
		}
		if notes <= textNotes {
			fmt.Fprintf(b, "%s %s\n", pad(c.Name, textName), c.Note)
		}
	}
	if notes > textNotes {
		fmt.Fprintf(b, "and %d more classes\n", notes-textNotes)
	}
}

// pad brings a name to n characters.
func pad(name string, n int) string {
	if have := utf8.RuneCountInString(name); have <= n {
		return name + strings.Repeat(" ", n-have)
	}
	return string([]rune(name)[:n-1]) + "~"
}
