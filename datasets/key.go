package datasets

import (
	"unicode"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// MaxKey is the longest key, bytes.
const MaxKey = 80

// CheckKey holds a key to the rules: 1 to MaxKey bytes of UTF-8 with no dot (it
// ends the key in a WebDataset), no slash of either kind and nothing that does
// not print. The error is fault.InvalidAnnotation.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return fault.New(fault.InvalidAnnotation, "key %.100q has %d bytes, 1 to %d are possible", key, len(key), MaxKey)
	}
	for _, r := range key {
		if !KeyRune(r) {
			return fault.New(fault.InvalidAnnotation, "key %q holds %q", key, r)
		}
	}
	return nil
}

// KeyRune reports whether a key may hold r.
func KeyRune(r rune) bool {
	return r != '.' && r != '/' && r != '\\' && r != utf8.RuneError && unicode.IsPrint(r)
}

// CheckSplit holds a split's name, which becomes part of file names, to 1 to 32
// bytes of letters, digits, _ and -. The error is fault.Corrupt.
func CheckSplit(name string) error {
	if name == "" || len(name) > 32 {
		return fault.New(fault.Corrupt, "split %.40q has %d bytes, 1 to 32 are possible", name, len(name))
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return fault.New(fault.Corrupt, "split %q holds %q; only letters, digits, _ and - are possible", name, c)
		}
	}
	return nil
}
