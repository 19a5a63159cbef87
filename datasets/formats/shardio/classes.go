package shardio

import (
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
)

// ClassNames returns one name a class, each on one line, not empty and unique:
// TFDS and Hugging Face refuse a table with a name twice, and two of ImageNet's
// classes are called "crane". The second then carries its id. With synsets, the
// synset is the name where a class has one.
func ClassNames(m *datasets.Meta, synsets bool) []string {
	if m == nil {
		return nil
	}
	names := make([]string, len(m.Classes))
	seen := make(map[string]bool, len(names))
	for i, c := range m.Classes {
		name := c.Name
		if synsets && c.Synset != "" {
			name = c.Synset
		}
		name = strings.Join(strings.Fields(name), " ")
		if name == "" || seen[name] {
			name = strings.TrimSpace(fmt.Sprintf("%s (%d)", name, c.ID))
		}
		seen[name] = true
		names[i] = name
	}
	return names
}
