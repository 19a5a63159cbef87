package cocojson

import (
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
)

type category struct {
	ID            int64    `json:"id"`
	Name          string   `json:"name"`
	Supercategory string   `json:"supercategory,omitempty"`
	Synset        string   `json:"synset,omitempty"`
	Synonyms      []string `json:"synonyms,omitempty"`
	Definition    string   `json:"def,omitempty"`
	Frequency     string   `json:"frequency,omitempty"`
	ImageCount    *int64   `json:"image_count,omitempty"`
	InstanceCount *int64   `json:"instance_count,omitempty"`
}

// categories comes after images, which counts.
func (g *merger) categories(m *datasets.Meta, split string) []category {
	out := make([]category, len(m.Classes))
	for i, c := range m.Classes {
		out[i] = category{ID: c.ID, Name: c.Name, Supercategory: c.Supercategory}
		if !g.lvis {
			continue
		}
		n := g.counts.of(c.ID)
		out[i].Synset, out[i].Synonyms, out[i].Definition, out[i].Frequency = c.Synset, c.Synonyms, c.Definition, c.Frequency
		out[i].ImageCount, out[i].InstanceCount = &n.images, &n.instances
		if n.images > 0 && (strings.HasPrefix(split, "train") || c.Frequency == "") {
			out[i].Frequency = datasets.FrequencyGroup(n.images)
		}
	}
	return out
}
