package cifar

import (
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// splits are the folders of the image form.
var splits = []string{"train", "test", "val"}

// picture plans a file of the image form by the last three parts of its name.
func (pl *plan) picture(f file) error {
	parts := strings.Split(f.name, "/")
	if len(parts) < 3 || !slices.Contains(splits, parts[len(parts)-3]) {
		return pl.reject(keyOf(f.name), "", f.span, -1, fault.New(fault.InvalidAnnotation, "%.200q is in no folder SPLIT/CLASS, SPLIT being %s", f.name, strings.Join(splits, ", ")))
	}
	split, class, base := parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
	key := keyOf(split + "_" + class + "_" + base[:strings.LastIndexByte(base, '.')])
	label := slices.Index(pl.v.names, class)
	switch first, taken := pl.keys[key]; {
	case label < 0:
		return pl.reject(key, split, f.span, -1, fault.New(fault.InvalidAnnotation, "%.200s: %s has no class %.80q", f.name, pl.v.name, class))
	case f.span.Length == 0:
		return pl.reject(key, split, f.span, label, fault.New(fault.Corrupt, "%.200s is empty", f.name))
	case taken:
		return pl.reject(key, split, f.span, label, fault.New(fault.Conflict, "%.200s has the key of %.200s", f.name, first))
	}
	pl.keys[key] = f.name
	return pl.emit(key, split, f.span, label)
}

// keyOf makes a key of a name: what a key cannot hold becomes '_', and one of more
// than 80 bytes is cut and ends in 16 hex digits of the name's SHA-256.
func keyOf(name string) string {
	key := strings.Map(func(r rune) rune {
		if datasets.KeyRune(r) {
			return r
		}
		return '_'
	}, name)
	if len(key) > datasets.MaxKey {
		head := strings.ToValidUTF8(key[:datasets.MaxKey-17], "_") // a rune may have been cut
		key = head[:min(len(head), datasets.MaxKey-17)] + "-" + hexSum([]byte(name))[:16]
	}
	return key
}
