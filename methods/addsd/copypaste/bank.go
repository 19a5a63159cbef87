package copypaste

import (
	"io"
	"maps"
	"slices"

	"github.com/tailorbird/tailorbird/kernels/phash"
)

// Part is one part file of a bank.
type Part struct {
	Name string // for messages
	Data io.ReaderAt
	Size int64 // bytes
}

// Bank is the cut-outs of all parts, each object once. It is safe for concurrent
// use where the parts' ReadAt are. It does not close them.
type Bank struct {
	parts    []Part
	limits   Limits
	byClass  map[int64][]entry
	excluded map[int64]map[string]int
	cache    cache
}

// OpenBank reads the indexes of parts. Which objects are usable does not depend
// on the order of the parts or on how objects are spread over them; limits that
// are stricter than the collectors' are applied. Memory is some 250 bytes an
// object, and CacheBytes. A part that is damaged is fault.Corrupt, with the
// offset.
func OpenBank(parts []Part, l Limits) (*Bank, error) {
	b := &Bank{parts: slices.Clone(parts), limits: l.withDefaults(), byClass: map[int64][]entry{}, excluded: map[int64]map[string]int{}}
	b.cache.limit = b.limits.CacheBytes
	for i, p := range b.parts {
		x, err := readIndex(p, i, &b.limits)
		if err != nil {
			return nil, err
		}
		for _, c := range x.counts {
			b.exclude(c.category, Exclusions[c.reason], int(c.objects))
		}
		for _, e := range x.entries {
			if reason := b.limits.judge(&e.Record); reason != "" {
				b.exclude(e.CategoryID, reason, 1)
				continue
			}
			b.byClass[e.CategoryID] = append(b.byClass[e.CategoryID], e)
		}
	}
	for category, list := range b.byClass {
		b.byClass[category] = b.choose(category, list)
	}
	return b, nil
}

func (b *Bank) exclude(category int64, reason string, n int) {
	if n == 0 {
		return
	}
	if b.excluded[category] == nil {
		b.excluded[category] = map[string]int{}
	}
	b.excluded[category][reason] += n
}

// choose takes the best of a class, and of two that show the same thing the
// better: an annotation that two parts hold, pictures that look alike.
func (b *Bank) choose(category int64, list []entry) []entry {
	slices.SortFunc(list, func(x, y entry) int { return better(&x.Record, &y.Record) })
	type name struct {
		key string
		id  int64
	}
	seen := map[name]bool{}
	var kept []entry
	for _, e := range list {
		n := name{e.Key, e.AnnotationID}
		switch {
		case seen[n]:
			b.exclude(category, twice, 1)
		case len(kept) == b.limits.PerClass:
			b.exclude(category, surplus, 1)
		case slices.ContainsFunc(kept, func(k entry) bool { return phash.Distance(k.Hash, e.Hash) <= b.limits.SimilarBits }):
			b.exclude(category, similar, 1)
		default:
			kept = append(kept, e)
		}
		seen[n] = true
	}
	slices.SortFunc(kept, func(x, y entry) int { return byName(&x.Record, &y.Record) })
	return slices.Clip(kept)
}

// Usable counts the cut-outs of each category that has any.
func (b *Bank) Usable() map[int64]int {
	out := make(map[int64]int, len(b.byClass))
	for category, list := range b.byClass {
		if len(list) > 0 {
			out[category] = len(list)
		}
	}
	return out
}

// Excluded counts, by category and by the names of Exclusions, the objects that
// are not usable. With Usable it accounts for every object that was wanted.
func (b *Bank) Excluded() map[int64]map[string]int {
	out := make(map[int64]map[string]int, len(b.excluded))
	for category, reasons := range b.excluded {
		out[category] = maps.Clone(reasons)
	}
	return out
}

// Records describes the cut-outs of a category, by picture and annotation.
func (b *Bank) Records(category int64) []Record {
	list := b.byClass[category]
	out := make([]Record, len(list))
	for i := range list {
		out[i] = list[i].Record
	}
	return out
}

// Cutout reads the cut-out of position i in Records(category); those used last
// come from memory. What is damaged is fault.Corrupt, with part, key and offset.
func (b *Bank) Cutout(category int64, i int) (*Cutout, error) {
	e := &b.byClass[category][i]
	id := place{e.part, e.offset}
	if c := b.cache.get(id); c != nil {
		return c, nil
	}
	c, err := e.read(b.parts[e.part], &b.limits)
	if err != nil {
		return nil, err
	}
	b.cache.put(id, c)
	return c, nil
}
