package imagenet

import (
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
)

// stemOf is the last element of name without its extension.
func stemOf(name string) string {
	base := path.Base(name)
	return base[:len(base)-len(path.Ext(base))]
}

// keyOf turns a stem into a key: what a key cannot hold becomes '_', and a key of
// more than 80 bytes is cut and ends in 16 hex digits of the stem's SHA-256. The
// stems of the release stand as they are.
func keyOf(stem string) string {
	key := strings.Map(func(r rune) rune {
		if datasets.KeyRune(r) {
			return r
		}
		return '_'
	}, stem)
	if key == "" {
		return "_"
	}
	if len(key) > datasets.MaxKey {
		head := strings.ToValidUTF8(key[:datasets.MaxKey-17], "_") // a rune may have been cut
		key = head[:min(len(head), datasets.MaxKey-17)] + "-" + hexSum([]byte(stem))[:16]
	}
	return key
}
