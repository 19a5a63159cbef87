package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
)

// Fact is one part of an example's story: what it is about, and sentences.
type Fact struct {
	Name  string
	Lines []string
}

// Story tells in plain text where an example comes from and, where it is
// synthetic, how it was made: a line a sentence, aligned, with a final newline.
// Classes give names to category ids; without them the ids are told. Control
// characters of the data are shown as escapes, so that a terminal obeys none.
func Story(ex *datasets.Example, classes ...datasets.Class) string {
	facts := Facts(ex, classes...)
	width := 0
	for _, f := range facts {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	var b strings.Builder
	for _, f := range facts {
		for i, line := range f.Lines {
			name := f.Name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "%-*s  %s\n", width, name, plain(line))
		}
	}
	return b.String()
}

// Facts is the story in parts.
func Facts(ex *datasets.Example, classes ...datasets.Class) []Fact {
	facts := []Fact{
		{"key", []string{ex.Key + " in split " + ex.Split}},
		{"picture", pictureLines(ex)},
		{"source", sourceLines(ex)},
		{"annotations", annotationLines(ex, overlay.NamesOf(classes))},
	}
	return append(facts, Making(ex, classes...)...)
}

// Making is the part of the story about what was made: edited copies, and the
// picture itself where it is synthetic. It is empty where nothing was.
func Making(ex *datasets.Example, classes ...datasets.Class) []Fact {
	names := overlay.NamesOf(classes)
	facts := editFacts(ex, names)
	if ex.Synthetic != nil {
		facts = append(facts, syntheticFacts(ex.Synthetic, names)...)
	}
	return facts
}

func pictureLines(ex *datasets.Example) []string {
	line := fmt.Sprintf("%d x %d pixels", ex.Width, ex.Height)
	if len(ex.Image) > 0 {
		line += fmt.Sprintf(", %s bytes of %s", chart.Count(int64(len(ex.Image))), ex.Ext)
	}
	switch {
	case ex.OriginalWidth == 0 || ex.OriginalHeight == 0:
	case ex.OriginalWidth == ex.Width && ex.OriginalHeight == ex.Height:
		line += "; the original has the same size"
	default:
		line += fmt.Sprintf("; the original has %d x %d", ex.OriginalWidth, ex.OriginalHeight)
	}
	return []string{line}
}

func sourceLines(ex *datasets.Example) []string {
	s := ex.Source
	if s.Name == "" {
		return []string{"not told"}
	}
	lines := []string{fmt.Sprintf("%s, %s bytes from byte %s on", s.Name, chart.Count(s.Bytes), chart.Count(s.Offset))}
	if s.SHA256 != "" {
		lines = append(lines, "sha256 "+s.SHA256)
	}
	return lines
}

func annotationLines(ex *datasets.Example, names overlay.Names) []string {
	switch ex.Task() {
	case datasets.Classification:
		lines, _ := overlay.Legend(ex, names, 1)
		if len(lines) == 0 {
			return []string{"no class"}
		}
		line := "one class: " + lines[0].Name
		if ex.Label != nil {
			line += fmt.Sprintf(", label %d", *ex.Label)
		}
		if ex.Wnid != "" {
			line += ", synset " + ex.Wnid
		}
		return []string{line}
	case datasets.Referring:
		return referredLines(*ex.Refs, names)
	}
	return detectedLines(ex, names)
}

func referredLines(refs []datasets.Referred, names overlay.Names) []string {
	sentences := 0
	for _, r := range refs {
		sentences += len(r.Sentences)
	}
	lines := []string{counted(len(refs), "object", "objects") + " with " + counted(sentences, "expression", "expressions")}
	for _, r := range refs {
		for _, s := range r.Sentences {
			lines = append(lines, fmt.Sprintf("object %d, %s: %q", r.AnnID, names.Of(r.CategoryID), s.Sent))
		}
	}
	return lines
}

func detectedLines(ex *datasets.Example, names overlay.Names) []string {
	const listed = 30
	all := *ex.Annotations
	classes, more := overlay.Legend(ex, names, listed)
	line := counted(len(all), "object", "objects")
	if len(all) > 0 {
		line += " of " + counted(len(classes)+more, "class", "classes") + ":"
	}
	for i, c := range classes {
		if i > 0 {
			line += ","
		}
		line += " " + c.Name
		if c.Count > 1 {
			line += " (" + strconv.Itoa(c.Count) + ")"
		}
	}
	if more > 0 {
		line += fmt.Sprintf(" and %d more classes", more)
	}
	polygons, runs, crowds := 0, 0, 0
	for _, a := range all {
		switch {
		case a.Segmentation == nil:
		case a.Segmentation.RLE != nil:
			runs++
		default:
			polygons++
		}
		if a.IsCrowd != 0 {
			crowds++
		}
	}
	lines := []string{line}
	if len(all) > 0 {
		masks := fmt.Sprintf("masks: %d as polygons, %d as run lengths, %d without", polygons, runs, len(all)-polygons-runs)
		if crowds > 0 {
			masks += "; " + counted(crowds, "is a crowd", "are crowds")
		}
		lines = append(lines, masks)
	}
	if n := ex.NegCategoryIDs; n != nil && len(*n) > 0 {
		lines = append(lines, "known to be absent: "+named(*n, names))
	}
	if n := ex.NotExhaustiveCategoryIDs; n != nil && len(*n) > 0 {
		lines = append(lines, "not all are marked of: "+named(*n, names))
	}
	return lines
}

func named(ids []int64, names overlay.Names) string {
	const listed = 20
	var words []string
	for _, id := range ids[:min(len(ids), listed)] {
		words = append(words, names.Of(id))
	}
	text := strings.Join(words, ", ")
	if len(ids) > listed {
		text += fmt.Sprintf(" and %d more", len(ids)-listed)
	}
	return text
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return chart.Count(int64(n)) + " " + many
}

// ofClass names a class in a sentence.
func ofClass(names overlay.Names, id int64) string {
	if names[id] == "" {
		return "of " + names.Of(id)
	}
	return "of class " + names[id]
}

// plain writes control characters, and what reorders text on a terminal, as
// escapes.
func plain(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}
