package cocojson

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// The dataset whose annotations are written in LVIS's form.
const lvis = "lvis"

// merger writes one merged file.
type merger struct {
	in        *bufio.Reader
	out       *bufio.Writer
	enc       *json.Encoder
	lvis      bool
	split     string
	fragments iter.Seq2[io.Reader, error]
	counts    tally
	objects   int     // annotations
	ids       []int64 // theirs
}

// Merge joins the fragments of a split. It ranges over them once for every list
// that it writes: twice, with refs three times. An annotation id that comes
// twice is fault.Conflict, a fragment that is damaged or of another form
// fault.Corrupt; what is in w then is of no use.
func (Format) Merge(w io.Writer, dataset string, task datasets.Task, m *datasets.Meta, split string, fragments iter.Seq2[io.Reader, error]) error {
	if task == datasets.Classification {
		return fault.New(fault.Usage, "format coco needs boxes; dataset %s has classes only", dataset)
	}
	if m == nil {
		m = &datasets.Meta{}
	}
	g := merger{in: bufio.NewReaderSize(nil, mergeBuffer), out: bufio.NewWriterSize(w, mergeBuffer),
		lvis: dataset == lvis, split: split, fragments: fragments, counts: tally{}}
	g.enc = json.NewEncoder(g.out)
	g.enc.SetEscapeHTML(false)
	info := json.RawMessage(m.Info)
	if !json.Valid(info) {
		info = json.RawMessage(fmt.Sprintf(`{"description":%q}`, dataset+" "+split+", built by tailorbird"))
	}
	licenses := m.Licenses
	if licenses == nil {
		licenses = []datasets.License{}
	}
	steps := []func() error{
		g.text(`{"info":`), g.value(info), g.text(`,"licenses":`), g.value(licenses),
		g.list("images", imageLine, g.tally), g.list("annotations", objectLine, g.note), g.unique,
	}
	if task == datasets.Referring {
		steps = append(steps, g.list("refs", refLine, nothing))
	}
	steps = append(steps, g.text(`,"categories":`), func() error { return g.enc.Encode(g.categories(m, split)) }, g.text("}\n"), g.out.Flush)
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (g *merger) text(s string) func() error {
	return func() error { _, err := g.out.WriteString(s); return err }
}

func (g *merger) value(v any) func() error {
	return func() error { return g.enc.Encode(v) }
}

// nothing is what a list has to do with other lines.
func nothing(line) error { return nil }

// list writes ,"NAME":[...]: the lines of that kind, one an element. every sees
// all lines.
func (g *merger) list(name string, kind byte, every func(line) error) func() error {
	return func() error {
		fmt.Fprintf(g.out, ",%q:[\n", name) // an error of a bufio.Writer stays until Flush
		first := true
		for l, err := range g.lines(every) {
			if err != nil {
				return err
			}
			if l.kind() != kind {
				continue
			}
			if !first {
				g.out.WriteByte(',')
			}
			first = false
			if _, err := g.out.Write(l.raw[1:]); err != nil {
				return err
			}
		}
		_, err := g.out.WriteString("]")
		return err
	}
}

// lines yields the lines of all fragments after every has seen them. The first
// error is the last; it names the shard.
func (g *merger) lines(every func(line) error) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		shard := 0
		for fragment, err := range g.fragments {
			if err != nil {
				yield(line{}, err)
				return
			}
			g.in.Reset(fragment)
			for l, err := range lines(g.in) {
				if err == nil {
					err = every(l)
				}
				if err != nil {
					yield(l, fmt.Errorf("shard %d: %w", shard, err))
					return
				}
				if !yield(l, nil) {
					return
				}
			}
			shard++
		}
	}
}

// tally adds up what the fragments have counted.
func (g *merger) tally(l line) error {
	switch l.kind() {
	case objectLine:
		g.objects++
	case endLine:
		var end endText
		if err := json.Unmarshal(l.object(), &end); err != nil {
			return fault.At(fault.New(fault.Corrupt, "fragment: %w", err), fault.Offset("", l.off))
		}
		if (end.Categories != nil) != g.lvis {
			return fault.At(fault.New(fault.Corrupt, "fragment: of another dataset's form"), fault.Offset("", l.off))
		}
		if !g.lvis {
			return nil
		}
		for _, n := range *end.Categories {
			c := g.counts.of(n[0])
			c.images += n[1]
			c.instances += n[2]
		}
	}
	return nil
}

// note keeps the ids of the annotations.
func (g *merger) note(l line) error {
	if l.kind() != objectLine {
		return nil
	}
	if g.ids == nil {
		g.ids = make([]int64, 0, g.objects) // as counted, not as claimed
	}
	id, err := idOf(l)
	g.ids = append(g.ids, id)
	return err
}

// idOf reads the id in an annotation.
func idOf(l line) (int64, error) {
	text, ok := bytes.CutPrefix(l.object(), []byte(annotationID))
	n := bytes.IndexByte(text, ',')
	if ok && n > 0 && n <= len("-9223372036854775808") {
		if id, err := strconv.ParseInt(string(text[:n]), 10, 64); err == nil {
			return id, nil
		}
	}
	return 0, fault.At(fault.New(fault.Corrupt, "fragment: annotation without an id in front"), fault.Offset("", l.off))
}

// unique proves that no two annotations have one id: pycocotools and lvis keep
// the last one and are silent about the others.
func (g *merger) unique() error {
	slices.Sort(g.ids)
	for i := 1; i < len(g.ids); i++ {
		if g.ids[i] == g.ids[i-1] {
			return g.conflict(g.ids[i])
		}
	}
	g.ids = nil
	return nil
}

// conflict goes through the fragments again for the images of an id.
func (g *merger) conflict(id int64) error {
	var keys []string
	var record []byte
	for l, err := range g.lines(nothing) {
		if err != nil {
			return err
		}
		switch l.kind() {
		case recordLine:
			record = append(record[:0], l.object()...)
		case objectLine:
			if other, err := idOf(l); err == nil && other == id {
				key, err := keyOf(record)
				if err != nil {
					return fault.New(fault.Corrupt, "fragment: record: %w", err)
				}
				keys = append(keys, key)
			}
		}
		if len(keys) == 2 {
			break
		}
	}
	return fault.New(fault.Conflict, "annotation id %d comes twice in split %s, in the images %q; tools that read the file would lose one", id, g.split, keys)
}
