package zoo

import (
	"strings"
	"unicode/utf8"
)

// windows1252 are the characters of the bytes 0x80-0x9f. The five bytes that the
// code page leaves open keep their control characters, as web browsers have it.
var windows1252 = [32]rune{'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8d, 'Ž', 0x8f,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9d, 'ž', 'Ÿ'}

var byteOf1252 = func() map[rune]byte {
	m := map[rune]byte{}
	for b := range 256 {
		r := rune(b)
		if b >= 0x80 && b < 0xa0 {
			m[r] = byte(b)
			r = windows1252[b-0x80]
		}
		m[r] = byte(b)
	}
	return m
}()

// afterLetter are marks that text may well have behind a letter with an accent.
// A sequence that ends in them alone is mojibake only where others are.
const afterLetter = "\u00a0\u00ad·´«»’”“‘–—…™®©°²³¹¼½¾"

// mojibakeLeads are the letters that mojibake of Western text starts with and
// that stand before a mark in hardly any real word.
const mojibakeLeads = "ÂÃâïð"

// fixMojibake turns characters that are UTF-8's bytes read as Windows-1252 into
// the text that was meant, as often as that was done to it.
func fixMojibake(s string) string {
	for range maxRepairs {
		fixed := decodeMojibake(s)
		if fixed == s {
			break
		}
		s = fixed
	}
	return s
}

// decodeMojibake decodes chains of sequences. A chain of two or more, or one that
// can mean nothing else, is decoded; where that happened and no other character
// beyond ASCII is left, the rest is decoded too.
func decodeMojibake(s string) string {
	var out, whole strings.Builder
	some, consistent := false, true
	for len(s) > 0 {
		chain, meant, links, certain := mojibakeChain(s)
		if links == 0 {
			r, n := utf8.DecodeRuneInString(s)
			chain, meant = s[:n], s[:n]
			consistent = consistent && r < utf8.RuneSelf
		}
		whole.WriteString(meant)
		if certain || links > 1 {
			some = true
			out.WriteString(meant)
		} else {
			out.WriteString(chain)
		}
		s = s[len(chain):]
	}
	if some && consistent {
		return whole.String()
	}
	return out.String()
}

// mojibakeChain reads the sequences that follow each other at the start of s.
func mojibakeChain(s string) (chain, meant string, links int, certain bool) {
	n, text := 0, []byte(nil)
	for {
		r, from, sure := mojibake(s[n:])
		if from == 0 {
			return s[:n], string(text), links, certain
		}
		n, text, links, certain = n+from, utf8.AppendRune(text, r), links+1, certain || sure
	}
}

// mojibake reads one character that s starts with the bytes of. It returns it,
// how much of s it takes (0 where s starts with none), and whether s can hardly
// be meant as it stands.
func mojibake(s string) (meant rune, from int, certain bool) {
	var raw [utf8.UTFMax]byte
	n := 0
	for i, r := range s {
		b, ok := byteOf1252[r]
		if n > 0 && (!ok || b < 0x80 || b >= 0xc0) || n == 0 && (!ok || b < 0xc2 || b > 0xf4) || n == utf8.UTFMax {
			break
		}
		raw[n] = b
		n++
		certain = certain || n == 1 && strings.ContainsRune(mojibakeLeads, r) || n > 1 && !strings.ContainsRune(afterLetter, r)
		if c, size := utf8.DecodeRune(raw[:n]); c != utf8.RuneError && size == n {
			return c, i + utf8.RuneLen(r), certain
		}
	}
	return 0, 0, false
}
