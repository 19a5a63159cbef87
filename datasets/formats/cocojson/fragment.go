package cocojson

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// A line of a fragment is one of these, a JSON object and a line feed. An
// example is its record, its image, its objects and its refs, in this order.
const (
	recordLine = 'x' // the record with its lists empty; of use to the reader alone
	imageLine  = 'i' // an element of images
	objectLine = 'a' // an element of annotations
	againLine  = 'd' // the object of a ref, where an earlier ref has named it: not merged
	refLine    = 'r' // an element of refs
	endLine    = 'e' // the counts of LVIS's form and a checksum, once and last
)

// checksum ends the end line: CRC-32C of all of the fragment before it.
const checksum = `"crc32c":"%08x"}` + "\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// tally is what the fragments' counts are added up to, by category id.
type tally map[int64]*count

type count struct {
	images, instances int64
	last              int64 // number of the example that counted last
}

func (t tally) of(category int64) *count {
	c := t[category]
	if c == nil {
		c = &count{}
		t[category] = c
	}
	return c
}

// endText is an end line's object. Categories is nil outside LVIS's form.
type endText struct {
	Categories *[][3]int64 `json:"categories"` // id, images, instances
}

type writer struct {
	w      io.Writer
	lvis   bool
	enc    shardio.Encoder
	order  shardio.Order
	p      printer
	counts tally
	n      int64 // examples
	crc    uint32
	err    error // of an earlier write: the fragment is broken
}

// Write appends the lines of an example. An example that cannot be written
// leaves nothing behind.
func (w *writer) Write(ex *datasets.Example) error {
	if w.err != nil {
		return w.err
	}
	if err := w.order.Next(ex.Key); err != nil {
		return err
	}
	if err := w.render(ex); err != nil {
		return fault.At(err, fault.Place{Key: ex.Key})
	}
	if w.n++; w.lvis && ex.Annotations != nil {
		for i := range *ex.Annotations {
			c := w.counts.of((*ex.Annotations)[i].CategoryID)
			if c.last != w.n {
				c.images++
			}
			c.instances++
			c.last = w.n
		}
	}
	return w.put()
}

// render puts the lines of an example into the buffer.
func (w *writer) render(ex *datasets.Example) error {
	if ex.ImageID == nil {
		return fault.New(fault.Bug, "example without an image id")
	}
	record := *ex
	first := 0 // object that is of a ref
	if ex.Annotations != nil {
		first = len(*ex.Annotations)
		none := (*ex.Annotations)[:0:0]
		record.Annotations = &none
	}
	if ex.Refs != nil {
		none := (*ex.Refs)[:0:0]
		record.Refs = &none
	}
	text, err := w.enc.Encode(&record)
	if err != nil {
		return err
	}
	p := &w.p
	p.b, p.err = append(append(p.b[:0], recordLine), text...), nil
	p.b = append(p.b, '\n', imageLine)
	p.image(ex, w.lvis)
	for i, o := range ex.Objects() {
		kind := byte(objectLine)
		if i >= first && named((*ex.Refs)[:i-first], o.ID) {
			kind = againLine
		}
		p.b = append(p.b, '\n', kind)
		if p.object(&o, *ex.ImageID); p.err != nil {
			return fault.New(fault.InvalidAnnotation, "annotation %d: %w", o.ID, p.err)
		}
	}
	if ex.Refs != nil {
		for i := range *ex.Refs {
			p.b = append(p.b, '\n', refLine)
			p.ref(&(*ex.Refs)[i], ex)
		}
	}
	p.b = append(p.b, '\n')
	return nil
}

// named reports whether an object was named by one of the refs.
func named(refs []datasets.Referred, ann int64) bool {
	return slices.ContainsFunc(refs, func(r datasets.Referred) bool { return r.AnnID == ann })
}

func (w *writer) put() error {
	w.crc = crc32.Update(w.crc, castagnoli, w.p.b)
	_, w.err = w.w.Write(w.p.b)
	return w.err
}

// Close writes the end line.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.p.b = append(w.p.b[:0], endLine, '{')
	if w.lvis {
		counts := make([][3]int64, 0, len(w.counts))
		for id, c := range w.counts {
			counts = append(counts, [3]int64{id, c.images, c.instances})
		}
		slices.SortFunc(counts, func(a, b [3]int64) int { return slices.Compare(a[:], b[:]) })
		text, err := json.Marshal(counts)
		if err != nil {
			return fault.Wrap(fault.Bug, err)
		}
		w.p.raw(`"categories":`)
		w.p.b = append(append(w.p.b, text...), ',')
	}
	w.crc = crc32.Update(w.crc, castagnoli, w.p.b)
	w.p.b = fmt.Appendf(w.p.b, checksum, w.crc)
	_, w.err = w.w.Write(w.p.b)
	return w.err
}
