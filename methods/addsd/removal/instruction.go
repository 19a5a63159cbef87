package removal

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
)

// Label is what instructions call a class: its name with spaces for underscores.
func Label(class string) string { return strings.ReplaceAll(class, "_", " ") }

// countInstruction says how many of what to add. With one half it is in the
// plural, with one half the number is a word.
func countInstruction(label string, k int, rng *rand.Rand) string {
	if k == 1 {
		if rng.IntN(2) == 0 {
			return "add a " + label
		}
		return "add one " + label
	}
	if rng.IntN(2) == 0 {
		label = Plural(label)
	}
	if rng.IntN(2) == 0 {
		return fmt.Sprintf("add %s %s", NumberWord(k), label)
	}
	return fmt.Sprintf("add %d %s", k, label)
}

// expression draws one of the sentences.
func expression(s []datasets.Sentence, rng *rand.Rand) string {
	if len(s) == 0 {
		return ""
	}
	one := s[rng.IntN(len(s))]
	if one.Sent == "" {
		return one.Raw
	}
	return one.Sent
}

// referringInstruction puts "add a" before an expression, without a second "a"
// where it has one, and with single spaces.
func referringInstruction(expression string) string {
	words := strings.Fields("add a " + expression)
	out := words[:2]
	for _, w := range words[2:] {
		if w == "a" && out[len(out)-1] == "a" {
			continue
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

var sides = regexp.MustCompile(`(?i)\b(left|right)(most|hand|side|ward|wards|er)?\b`)

// Mirror returns the instruction for the picture flipped left to right, and
// whether it names a side at all. The words are swapped without a look at what
// they mean ("right behind"): who must be sure does not flip where sided is true.
func Mirror(instruction string) (mirrored string, sided bool) {
	mirrored = sides.ReplaceAllStringFunc(instruction, func(w string) string {
		sided = true
		n := len("left")
		other := "right"
		if strings.HasPrefix(strings.ToLower(w), "right") {
			n, other = len("right"), "left"
		}
		switch {
		case w[:n] == strings.ToUpper(w[:n]):
			other = strings.ToUpper(other)
		case w[0] < 'a':
			other = strings.ToUpper(other[:1]) + other[1:]
		}
		return other + w[n:]
	})
	return mirrored, sided
}
