package imagenet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// synsets is the list of classes; a class's position is its label.
type synsets struct {
	classes []datasets.Class
	label   map[string]int // wnid -> label
	sorted  bool           // ascending by wnid, as released
}

// parseSynsets reads lines of a wnid, a space and the name.
func parseSynsets(data []byte) (*synsets, error) {
	s := &synsets{label: map[string]int{}, sorted: true}
	for off, line := range lines(data) {
		wnid, name := line, ""
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			wnid, name = line[:i], strings.TrimSpace(line[i:])
		}
		n := len(s.classes)
		switch _, twice := s.label[wnid]; {
		case !isWnid(wnid):
			return nil, corrupt(off, "synsets: line %d: %q is not a wnid (n and eight digits)", n+1, clip(wnid))
		case twice:
			return nil, fault.At(fault.New(fault.Conflict, "synsets: line %d: %s is there twice", n+1, wnid), fault.Place{Offset: off, HasOffset: true})
		case !utf8.ValidString(name):
			return nil, corrupt(off, "synsets: line %d: the name of %s is not UTF-8", n+1, wnid)
		}
		if n > 0 && wnid < s.classes[n-1].Synset {
			s.sorted = false
		}
		s.label[strings.Clone(wnid)] = n
		s.classes = append(s.classes, datasets.Class{ID: int64(n), Name: name, Synset: wnid})
	}
	if len(s.classes) == 0 {
		return nil, corrupt(0, "synsets: no line")
	}
	return s, nil
}

// isWnid reports whether s has the form of a WordNet noun offset.
func isWnid(s string) bool {
	if len(s) != 9 || s[0] != 'n' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// lines yields the lines of data that are not blank, trimmed, with the offset of
// each.
func lines(data []byte) iter.Seq2[int64, string] {
	return func(yield func(int64, string) bool) {
		rest := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		for len(rest) > 0 {
			off := int64(len(data) - len(rest))
			line, tail, _ := bytes.Cut(rest, []byte("\n"))
			rest = tail
			if s := string(bytes.TrimSpace(line)); s != "" && !yield(off, s) {
				return
			}
		}
	}
}

func corrupt(off int64, format string, args ...any) error {
	return fault.At(fault.New(fault.Corrupt, format, args...), fault.Place{Offset: off, HasOffset: true})
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// clip shortens untrusted text for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
