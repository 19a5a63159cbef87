package coco

import (
	"slices"
	"strings"
	"unicode"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// splitWords are the names of splits that annotation files carry.
var splitWords = []string{
	"train", "val", "validation", "test", "testA", "testB", "dev", "testdev", "test-dev",
	"minival", "minitrain", "trainval", "valminusminival",
}

// SplitOf returns the split that an annotation file holds: the first word of its
// name that names one (instances_train2017.json: train; lvis_v0.5_val_100.json:
// val), else the one split that is wanted, else "train". A file whose split is
// not among those wanted is a fault.Usage.
func SplitOf(addr string, wanted []string) (string, error) {
	split := splitWord(blob.Base(addr))
	switch {
	case split == "" && len(wanted) == 1:
		return wanted[0], nil
	case split == "":
		split = "train"
	}
	if len(wanted) > 0 && !slices.Contains(wanted, split) {
		return "", fault.New(fault.Usage, "%s holds the split %s, not %s", blob.Base(addr), split, strings.Join(wanted, ", "))
	}
	return split, nil
}

// splitWord finds the word of a split in a file's name, "" where there is none.
// A word with a hyphen (test-dev) goes before its parts.
func splitWord(name string) string {
	for _, hyphen := range []string{"-", ""} {
		words := strings.FieldsFunc(name, func(r rune) bool {
			return !unicode.IsLetter(r) && !(hyphen != "" && r == '-')
		})
		for _, w := range words {
			for _, s := range splitWords {
				if strings.EqualFold(strings.Trim(w, hyphen), s) {
					return s
				}
			}
		}
	}
	return ""
}
