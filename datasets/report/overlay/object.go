package overlay

import (
	"sort"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
)

// Names gives the name of a class by its id.
type Names map[int64]string

// NamesOf makes Names of a manifest's classes.
func NamesOf(classes []datasets.Class) Names {
	n := make(Names, len(classes))
	for _, c := range classes {
		n[c.ID] = c.Name
	}
	return n
}

// Of returns the name of a class, its number where it has none.
func (n Names) Of(id int64) string {
	if s := n[id]; s != "" {
		return s
	}
	return "class " + strconv.FormatInt(id, 10)
}

// object is what detection and referring have in common.
type object struct {
	index     int // in the order of the example: its colour, and from 1 its number
	category  int64
	box       datasets.Box
	mask      *datasets.Segmentation
	crowd     bool
	sentences []datasets.Sentence
}

func objectsOf(ex *datasets.Example) []object {
	var os []object
	if ex.Annotations != nil {
		for i, a := range *ex.Annotations {
			os = append(os, object{i, a.CategoryID, a.BBox, a.Segmentation, a.IsCrowd != 0, nil})
		}
	}
	if ex.Refs != nil {
		for i, r := range *ex.Refs {
			os = append(os, object{i, r.CategoryID, r.BBox, r.Segmentation, r.IsCrowd != 0, r.Sentences})
		}
	}
	return os
}

// colour is the class name of an object's colour.
func (o object) colour() string { return "c" + strconv.Itoa(o.index%12) }

// byArea orders objects from the largest box to the smallest, so that small
// ones are drawn last and stay visible.
func byArea(os []object) []object {
	sort.SliceStable(os, func(i, j int) bool { return os[i].box[2]*os[i].box[3] > os[j].box[2]*os[j].box[3] })
	return os
}

// Line is one line below a picture.
type Line struct {
	Colour string // class name; empty where the line stands for many objects
	Number int    // of the object in the picture, 0 where it has none
	Name   string
	Texts  []string // expressions
	Count  int      // objects that the line stands for
}

// Legend lists what a picture shows, at most limit lines; more says how many
// were left out. For referring a line is an object with its expressions, for
// detection a class with the number of its objects, most first, for
// classification the class.
func Legend(ex *datasets.Example, names Names, limit int) (lines []Line, more int) {
	switch ex.Task() {
	case datasets.Classification:
		if ex.Label == nil && ex.Name == "" {
			return nil, 0
		}
		name := ex.Name
		if name == "" {
			name = names.Of(int64(*ex.Label))
		}
		lines = []Line{{Name: name, Count: 1}}
	case datasets.Referring:
		for _, o := range objectsOf(ex) {
			l := Line{Colour: o.colour(), Number: o.index + 1, Name: names.Of(o.category), Count: 1}
			for _, s := range o.sentences {
				l.Texts = append(l.Texts, sentence(s))
			}
			lines = append(lines, l)
		}
	default:
		lines = countClasses(objectsOf(ex), names)
	}
	if len(lines) > limit {
		lines, more = lines[:limit], len(lines)-limit
	}
	return lines, more
}

func sentence(s datasets.Sentence) string {
	if s.Raw != "" {
		return s.Raw
	}
	return s.Sent
}

func countClasses(os []object, names Names) []Line {
	at := map[int64]int{}
	var lines []Line
	for _, o := range os {
		i, ok := at[o.category]
		if !ok {
			i = len(lines)
			at[o.category] = i
			lines = append(lines, Line{Colour: o.colour(), Name: names.Of(o.category)})
		}
		lines[i].Count++
		if lines[i].Count > 1 {
			lines[i].Colour = ""
		}
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].Count > lines[j].Count })
	return lines
}
