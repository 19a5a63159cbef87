package addsd

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/datasets"
)

// name turns picks into samples: keys, seeds and ids.
func (p *planner) name() error {
	taken := make(map[string]struct{}, len(p.rows)+len(p.picks))
	lastImage, lastAnnotation := p.o.AboveImage, p.o.AboveAnnotation
	for i := range p.rows {
		r := &p.rows[i]
		taken[r.Key] = struct{}{}
		lastImage, lastAnnotation = max(lastImage, r.ImageID), max(lastAnnotation, r.MaxAnnotationID)
	}
	instructions := make([]string, len(p.classes))
	p.plan.Samples = make([]Planned, len(p.picks))
	for i := range p.picks {
		k := &p.picks[i]
		id := p.classes[k.class].ID
		key := sampleKey(p.rows[k.row].Key, id, int(k.n))
		// A source that was sewn before has keys of this form already.
		for n := int(k.n); ; {
			if _, is := taken[key]; !is {
				break
			}
			n++
			key = sampleKey(p.rows[k.row].Key, id, n)
		}
		if err := datasets.CheckKey(key); err != nil {
			return err
		}
		taken[key] = struct{}{}
		if instructions[k.class] == "" {
			instructions[k.class] = "add a " + spaced(p.classes[k.class].Name)
		}
		s := &p.plan.Samples[i]
		*s = Planned{Key: key, Category: id, Instruction: instructions[k.class], Bases: make([]int, 0, 1+len(k.alternates)),
			Seed: mix(p.seed, uint64(p.rows[k.row].ImageID), uint64(id), uint64(k.n), purposeSeed)}
		s.Bases = append(s.Bases, int(k.row))
		for _, row := range k.alternates {
			s.Bases = append(s.Bases, int(row))
		}
	}
	p.picks = nil
	slices.SortFunc(p.plan.Samples, func(a, b Planned) int { return cmp.Compare(a.Key, b.Key) })
	for i := range p.plan.Samples {
		s := &p.plan.Samples[i]
		s.ImageID = lastImage + 1 + int64(i)
		s.AnnotationID = lastAnnotation + 1
		most := 0
		for _, b := range s.Bases {
			most = max(most, p.rows[b].Annotations)
		}
		lastAnnotation += int64(most) + 1
	}
	return nil
}

// sampleKey is <base>_<category>_<n>; a base that would make it too long is
// shortened and gets the start of its hash.
func sampleKey(base string, category int64, n int) string {
	tail := fmt.Sprintf("_%d_%d", category, n)
	if len(base)+len(tail) <= datasets.MaxKey {
		return base + tail
	}
	sum := sha256.Sum256([]byte(base))
	tail = "~" + hex.EncodeToString(sum[:6]) + tail
	cut := datasets.MaxKey - len(tail)
	for cut > 0 && !utf8.RuneStart(base[cut]) {
		cut--
	}
	return base[:cut] + tail
}

// count fills in what classes have after the plan, and the plan's hash.
func (p *planner) count() {
	h := sha256.New()
	var line []byte
	added := make([]int64, len(p.classes))
	for i := range p.plan.Samples {
		s := &p.plan.Samples[i]
		class := p.index[s.Category]
		p.plan.Classes[class].Planned++
		base := int32(s.Bases[0])
		if !p.shows(base, int(class)) {
			added[class]++
		}
		for _, c := range p.shown[base] {
			added[c]++
		}
		line = append(append(line[:0], s.Key...), 0)
		line = append(append(line, s.Instruction...), 0)
		line = binary.LittleEndian.AppendUint64(line, s.Seed)
		for _, v := range []int64{s.Category, s.ImageID, s.AnnotationID, int64(len(s.Bases))} {
			line = binary.LittleEndian.AppendUint64(line, uint64(v))
		}
		for _, b := range s.Bases {
			line = binary.LittleEndian.AppendUint64(line, uint64(p.rows[b].ImageID))
		}
		h.Write(line)
	}
	p.plan.hash = hex.EncodeToString(h.Sum(nil))
	for i := range p.plan.Classes {
		c := &p.plan.Classes[i]
		c.After = c.Before + added[i]
		c.GroupAfter = datasets.FrequencyGroup(c.After)
	}
}
