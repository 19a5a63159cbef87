package card

import (
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

// Synthetic tells of the examples of one split that one generator has made.
// Without Examples it tells nothing.
type Synthetic struct {
	Split     string
	Examples  int
	Generator datasets.GeneratorIdentity
	Localiser string // what found the added objects, empty: not told
	Source    string // root hash of the dataset that they were made from, empty: not told
}

// sentence says in one sentence what was made by what.
func (s Synthetic) sentence(quoted func(string) string) string {
	text := plural(s.Examples, "example", "examples") + " of split " + quoted(s.Split)
	if s.Examples == 1 {
		text += " is synthetic, made by "
	} else {
		text += " are synthetic, made by "
	}
	text += quoted(s.Generator.Name)
	if s.Generator.Version != "" {
		text += " " + quoted(s.Generator.Version)
	}
	if s.Generator.WeightsSHA256 != "" {
		text += " (weights SHA-256 " + quoted(s.Generator.WeightsSHA256) + ")"
	}
	if s.Source != "" {
		text += " from the dataset with root hash " + quoted(s.Source)
	}
	if s.Localiser != "" {
		text += "; the added objects were found by " + quoted(s.Localiser)
	}
	return text + "."
}

// syntheticText joins the sentences, "" where nothing was made.
func syntheticText(made []Synthetic) string {
	var texts []string
	for _, s := range made {
		if s.Examples > 0 {
			texts = append(texts, s.sentence(func(s string) string { return s }))
		}
	}
	return strings.Join(texts, " ")
}

// synthetic is the section of the card about made pictures.
func (w *writer) synthetic() {
	if syntheticText(w.made) == "" {
		return
	}
	w.f("\n## Synthetic examples\n\n")
	total := 0
	for _, s := range w.made {
		if s.Examples > 0 {
			w.f("- %s\n", s.sentence(markdown))
			total += s.Examples
		}
	}
	w.f("\n%s of %s are synthetic, %s. The record of each has a field `synthetic`: its base, what was asked for, the generator, the seed and the checks that it passed;\n",
		chart.Count(int64(total)), plural(w.m.Examples(), "example", "examples"), chart.Percent(int64(total), int64(w.m.Examples())))
	w.f("records without the field are of real pictures. `acceptance.json` counts what was planned, made, accepted and rejected in each category.\n")
}
