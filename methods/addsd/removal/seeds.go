package removal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Pair is one training pair. Paths are relative to the data's root.
type Pair struct {
	Removed     string `json:"image_0_dir"` // what the model is shown
	Original    string `json:"image_1_dir"` // what it should make of it
	Instruction string `json:"edit"`
}

// Seed is all pairs of one picture. Training draws one of them whenever it comes
// to the picture.
type Seed struct {
	Key   string
	Pairs []Pair
}

// SeedKey is the key of ex in a seeds index: its own, or SOURCE_IMAGEID for a
// referring dataset, several of which share their pictures.
func SeedKey(source string, ex *datasets.Example) string {
	if ex.Task() == datasets.Referring && ex.ImageID != nil {
		return fmt.Sprintf("%s_%d", source, *ex.ImageID)
	}
	return ex.Key
}

// WriteSeeds writes the index that training reads: a JSON list of [key, pairs],
// sorted by key, a line each. Pictures without pairs are left out. A key that is
// given twice is fault.Conflict, a pair without its paths fault.Usage; nothing is
// written then.
func WriteSeeds(w io.Writer, seeds []Seed) error {
	sorted := slices.Clone(seeds)
	slices.SortStableFunc(sorted, func(a, b Seed) int { return strings.Compare(a.Key, b.Key) })
	sorted = slices.DeleteFunc(sorted, func(s Seed) bool { return len(s.Pairs) == 0 })
	for i, s := range sorted {
		if i > 0 && sorted[i-1].Key == s.Key {
			return fault.New(fault.Conflict, "seeds: the key %s is given twice", s.Key)
		}
		for _, p := range s.Pairs {
			if p.Removed == "" || p.Original == "" {
				return fault.New(fault.Usage, "seeds: %s has a pair without its two pictures", s.Key)
			}
		}
	}
	buf := bufio.NewWriter(w)
	buf.WriteString("[")
	for i, s := range sorted {
		if i > 0 {
			buf.WriteString(",")
		}
		buf.WriteString("\n")
		line, err := seedLine(s)
		if err != nil {
			return err
		}
		buf.Write(line)
	}
	buf.WriteString("\n]\n")
	return buf.Flush()
}

// seedLine is the JSON of one entry. Expressions stay readable: no HTML escapes.
func seedLine(s Seed) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode([]any{s.Key, s.Pairs}); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Holdout reports whether a picture is in the share (0 to 1) that is kept for
// validation. It depends on seed and key alone, so that all pairs of a picture,
// of whatever source, fall on one side, whatever else there is.
func Holdout(seed int64, key string, share float64) bool {
	const scale = 1 << 53
	return float64(hash(fmt.Sprint(seed), key, "holdout")>>11)/scale < share
}
