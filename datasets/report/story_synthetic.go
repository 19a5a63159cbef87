package report

import (
	"fmt"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
)

// syntheticFacts tells how a made picture came to be.
func syntheticFacts(s *datasets.Synthetic, names overlay.Names) []Fact {
	base := []string{"the picture of " + s.BaseKey}
	if s.BaseSHA256 != "" {
		base = append(base, "sha256 "+s.BaseSHA256)
	}
	facts := []Fact{
		{"synthetic", []string{fmt.Sprintf("yes: one object %s was added, annotation %d", ofClass(names, s.CategoryID), s.Annotation)}},
		{"base", base},
		{"asked for", askedLines(s)},
		{"generator", generatorLines(s.Generator)},
	}
	if s.Donor != nil {
		facts = append(facts, Fact{"pixels", donorLines(s.Donor)})
	}
	if s.Truth != nil {
		facts = append(facts, Fact{"put at", []string{boxText(s.Truth.BBox) + ", area " + figure(s.Truth.Area) + " pixels" + maskText(s.Truth.Segmentation)}})
	}
	facts = append(facts, Fact{"found at", foundLines(s)}, Fact{"checks", verdictLines(s.Verdicts)})
	if s.Rejected != "" {
		why := "for " + s.Rejected
		if s.Message != "" {
			why += ": " + s.Message
		}
		facts = append(facts, Fact{"not taken", []string{why}})
	}
	return facts
}

func askedLines(s *datasets.Synthetic) []string {
	lines := []string{fmt.Sprintf("%q", s.Prompt)}
	how := fmt.Sprintf("seed %d, attempt %d", s.Seed, s.Attempt+1)
	if s.Steps > 0 {
		how += fmt.Sprintf(", %d steps", s.Steps)
	}
	if s.Guidance != 0 {
		how += ", guidance " + figure(s.Guidance)
	}
	return append(lines, how)
}

func generatorLines(g datasets.GeneratorIdentity) []string {
	line := g.Name
	if g.Version != "" {
		line += " " + g.Version
	}
	if g.WeightsSHA256 == "" {
		return []string{line + ", which has no weights"}
	}
	return []string{line, "weights sha256 " + g.WeightsSHA256}
}

func donorLines(d *datasets.Donor) []string {
	line := fmt.Sprintf("those of object %d in %s, %s as large", d.AnnotationID, d.Key, figure(d.Scale))
	if d.Flipped {
		line += ", mirrored"
	}
	if d.Blend != "" {
		line += ", blended by " + d.Blend
	}
	lines := []string{line, fmt.Sprintf("pasted with the corner at x %d, y %d", d.X, d.Y)}
	if d.SHA256 != "" {
		lines = append(lines, "cut-out sha256 "+d.SHA256)
	}
	return lines
}

func foundLines(s *datasets.Synthetic) []string {
	if s.Found == nil {
		if s.Localiser == "" {
			return []string{"not looked for"}
		}
		return []string{"by " + s.Localiser + ", score " + figure(s.Score)}
	}
	lines := []string{boxText(*s.Found) + ", by " + s.Localiser + ", score " + figure(s.Score)}
	if s.FoundIoU != nil {
		lines = append(lines, "intersection over union with where it was put: "+figure(*s.FoundIoU))
	}
	return lines
}

// verdictLines lists the checks in columns.
func verdictLines(vs []datasets.Verdict) []string {
	passed, wide, wideValue := 0, 0, 0
	for _, v := range vs {
		if v.OK {
			passed++
		}
		wide, wideValue = max(wide, len(v.Check)), max(wideValue, len(figure(v.Value)))
	}
	if len(vs) == 0 {
		return []string{"none is recorded"}
	}
	lines := []string{fmt.Sprintf("%d of %d passed", passed, len(vs))}
	for _, v := range vs {
		word := "passed"
		if !v.OK {
			word = "failed"
		}
		lines = append(lines, fmt.Sprintf("%-*s  %s  %-*s  limit %s", wide, v.Check, word, wideValue, figure(v.Value), figure(v.Limit)))
	}
	return lines
}

func boxText(b datasets.Box) string {
	return fmt.Sprintf("x %s, y %s, %s x %s pixels", figure(b[0]), figure(b[1]), figure(b[2]), figure(b[3]))
}

func maskText(s *datasets.Segmentation) string {
	if s == nil {
		return ", without a mask"
	}
	return ", with a mask"
}

// editFacts tells of the edited copies.
func editFacts(ex *datasets.Example, names overlay.Names) []Fact {
	if len(ex.Edits) == 0 {
		return nil
	}
	lines := []string{counted(len(ex.Edits), "copy with objects removed", "copies with objects removed")}
	for _, e := range ex.Edits {
		line := fmt.Sprintf("%s: %q undoes the removal of %s", e.Name, e.Instruction, counted(e.Count, "object", "objects"))
		if e.CategoryID != 0 {
			line += " " + ofClass(names, e.CategoryID)
		}
		lines = append(lines, line+", "+percentText(e.MaskFraction)+" of the picture"+filledBy(e.Inpaint))
	}
	return []Fact{{"edits", lines}}
}

// filledBy names the method of inpainting where it is told.
func filledBy(method string) string {
	if method == "" {
		return ""
	}
	return ", filled by " + method
}

func percentText(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }

// figure writes a number with four significant digits or the digits of a whole
// number.
func figure(v float64) string {
	if v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	if v >= 1000 || v <= -1000 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
