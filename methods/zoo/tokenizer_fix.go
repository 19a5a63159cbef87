package zoo

import (
	"html"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxRepairs bounds the rounds of repair; real text is done after three.
const maxRepairs = 16

// fixText repairs text as Python's ftfy does where captions need it: HTML
// entities (unless there is a "<"), UTF-8 that was read as Windows-1252, C1
// controls, Latin ligatures, full-width and half-width forms, curly quotes, line
// breaks, terminal escapes, control characters, and at last normal form C. It
// repeats this until nothing changes. What ftfy does beyond it is left out:
// mistaken code pages other than Windows-1252, and mojibake that lost bytes.
func fixText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if isPlain(s) {
		return s
	}
	markup := strings.Contains(s, "<")
	for range maxRepairs {
		before := s
		if !markup {
			s = entity.ReplaceAllStringFunc(s, unescapeEntity)
		}
		s = fixMojibake(s)
		s = strings.Map(fromC1, s)
		s = latinLigatures.Replace(s)
		s = fixWidth(s)
		s = quotesAndBreaks.Replace(s)
		s = terminalEscape.ReplaceAllString(s, "")
		s = strings.Map(dropControl, s)
		s = norm.NFC.String(s)
		if s == before {
			break
		}
	}
	return s
}

// isPlain says that no repair can apply: printable ASCII without an entity.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '&' {
			return false
		}
	}
	return true
}

var (
	entity         = regexp.MustCompile(`&#?[0-9A-Za-z]{1,24};`)
	terminalEscape = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")

	latinLigatures = strings.NewReplacer("Ĳ", "IJ", "ĳ", "ij", "ŉ", "ʼn", "Ǆ", "DŽ", "ǅ", "Dž", "ǆ", "dž", "Ǉ", "LJ", "ǈ", "Lj",
		"ǉ", "lj", "Ǌ", "NJ", "ǋ", "Nj", "ǌ", "nj", "Ǳ", "DZ", "ǲ", "Dz", "ǳ", "dz",
		"ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "ſt", "ﬆ", "st")
	quotesAndBreaks = strings.NewReplacer("ʼ", "'", "‘", "'", "’", "'", "‚", "'", "‛", "'", "“", `"`, "”", `"`, "„", `"`, "‟", `"`,
		"\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n")
)

// unescapeEntity replaces one entity that is complete. A name in capitals that
// HTML does not know stands for the capital letter: &EACUTE; is É.
func unescapeEntity(e string) string {
	if u := html.UnescapeString(e); u != e {
		if strings.HasSuffix(u, ";") { // a shorter name was found inside
			return e
		}
		return u
	}
	small := strings.ToLower(e)
	if u := html.UnescapeString(small); strings.ToUpper(e) == e && u != small && !strings.HasSuffix(u, ";") {
		return strings.ToUpper(u)
	}
	return e
}

func fromC1(r rune) rune {
	if r >= 0x80 && r <= 0x9f {
		return windows1252[r-0x80]
	}
	return r
}

// fixWidth writes full-width and half-width forms, and the ideographic space, in
// their usual width.
func fixWidth(s string) string {
	if !strings.ContainsFunc(s, oddWidth) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if oddWidth(r) {
			b.WriteString(norm.NFKC.String(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func oddWidth(r rune) bool { return r == 0x3000 || r >= 0xff01 && r < 0xfff0 }

// dropControl drops control characters that no text needs, and byte order marks.
func dropControl(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\f' || r == '\r':
		return r
	case r < ' ', r == 0x7f, unicode.Is(deprecatedFormat, r):
		return -1
	}
	return r
}

var deprecatedFormat = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x206a, Hi: 0x206f, Stride: 1}, {Lo: 0xfeff, Hi: 0xfeff, Stride: 1}, {Lo: 0xfff9, Hi: 0xfffc, Stride: 1}}}
