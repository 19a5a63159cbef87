package zoo

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// contractions are words of their own, in the order in which they are tried.
var contractions = []string{"s", "t", "re", "ve", "m", "ll", "d"}

// forEachWord cuts a sentence into words: a name of a special token, else one of
// the contractions 's 't 're 've 'm 'll 'd, else a run of letters, else one
// number character, else a run of anything but white space, letters and numbers
// (the pattern in specs/fgvp.md section 5.1, with open_clip's special names).
// Letters and numbers are Unicode's categories L and N.
func forEachWord(s string, f func(word string)) {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case strings.HasPrefix(s, startName):
			n = len(startName)
		case strings.HasPrefix(s, endName):
			n = len(endName)
		case r == '\'' && contraction(s[1:]) > 0:
			n = 1 + contraction(s[1:])
		case unicode.IsLetter(r):
			n = runOf(s, unicode.IsLetter)
		case unicode.IsNumber(r): // alone: "10" is two words
		case unicode.IsSpace(r):
			s = s[n:]
			continue
		default:
			n = runOf(s, isMark)
		}
		f(s[:n])
		s = s[n:]
	}
}

// contraction returns the bytes of the contraction at the start of s, which
// follows an apostrophe. The pattern ignores case, so the long s counts as an s.
func contraction(s string) int {
	for _, c := range contractions {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
		if c == "s" && strings.HasPrefix(s, "ſ") {
			return len("ſ")
		}
	}
	return 0
}

func isMark(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r)
}

// runOf returns the bytes of the run of characters of one kind that s starts with.
func runOf(s string, kind func(rune) bool) int {
	for i, r := range s {
		if !kind(r) {
			return i
		}
	}
	return len(s)
}

func replaceInvalid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	// One mark a bad byte where Python's decoder would write one for several that
	// belong together; only text cut inside a character shows the difference.
	return strings.ToValidUTF8(s, "\uFFFD")
}
