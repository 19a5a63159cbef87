package pickle

import (
	"github.com/tailorbird/tailorbird/internal/fault"
)

// check makes sure that a walk over the document ends: no cycles, limited
// depth, and shared values, counted wherever they stand, that stay within
// maxGrowth of the input. It visits each container once.
func (d *Document) check() error {
	w := &walk{d: d, shapes: make([]shape, len(d.lists)), limit: maxGrowth * (uint64(len(d.in)) + 4096)}
	_, err := w.visit(d.root, 0)
	return err
}

// shape is what is known of a value and all below it.
type shape struct {
	weight uint64 // values and bytes of text, shared ones repeated; 0: not known
	height uint8  // containers above the deepest value; open while it is found out
}

const open = 255

type walk struct {
	d      *Document
	shapes []shape // of each container
	limit  uint64
}

func (w *walk) visit(c cell, depth int) (shape, error) {
	if c.isText() {
		return shape{weight: 1 + c.textLen()}, nil
	}
	if !c.isContainer() {
		return shape{weight: 1}, nil
	}
	s := w.shapes[c.data]
	switch {
	case s.height == open:
		return s, w.refuse(c, fault.Unsupported, "%v that holds itself", c.kind())
	case depth+max(1, int(s.height)) > maxDepth:
		return s, w.refuse(c, fault.TooLarge, "nested more than %d deep", maxDepth)
	case s.weight > 0:
		return s, nil
	}
	w.shapes[c.data].height = open
	s = shape{weight: 1}
	for _, item := range w.d.items(c) {
		below, err := w.visit(item, depth+1)
		if err != nil {
			return s, err
		}
		s.height = max(s.height, below.height)
		if s.weight += below.weight; s.weight > w.limit {
			return s, w.refuse(c, fault.TooLarge, "shared values make it %d times as large as its input", maxGrowth)
		}
	}
	s.height++
	w.shapes[c.data] = s
	return s, nil
}

func (w *walk) refuse(c cell, code fault.Code, format string, args ...any) error {
	return fault.At(fault.New(code, format, args...), fault.Offset("", c.offset()))
}
