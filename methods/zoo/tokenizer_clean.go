package zoo

import (
	"html"
	"strings"
	"unicode"
)

// CleanText prepares a sentence as CLIP does before it is cut into words: the
// repairs of fixText, HTML entities replaced twice, white space collapsed to
// single spaces, lower case as Python's str.lower has it.
func CleanText(s string) string {
	s = html.UnescapeString(html.UnescapeString(fixText(s)))
	return lower(strings.Join(strings.FieldsFunc(s, isSpace), " "))
}

// isSpace is Python's str.isspace: Unicode's white space and the four
// information separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// lower is Unicode's full lower case: dotted capital I becomes two characters,
// and a sigma that ends a word takes its final form.
func lower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	rs := []rune(s)
	var b strings.Builder
	for i, r := range rs {
		switch {
		case r == 'İ':
			b.WriteString("i\u0307")
		case r == 'Σ' && endsWord(rs, i):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// endsWord is the condition Final_Sigma of the Unicode standard, section 3.13:
// a cased letter stands before position i and none after it, whatever ignorable
// characters come between.
func endsWord(rs []rune, i int) bool {
	before, after := i-1, i+1
	for before >= 0 && ignorable(rs[before]) {
		before--
	}
	for after < len(rs) && ignorable(rs[after]) {
		after++
	}
	return before >= 0 && cased(rs[before]) && (after == len(rs) || !cased(rs[after]))
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

// midWord are the marks that may stand inside a word (Word_Break MidLetter,
// MidNumLet and Single_Quote).
const midWord = "'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a"

func ignorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune(midWord, r)
}
