package pickle

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// container pushes a new container that holds items.
func (m *machine) container(k Kind, items []cell) error {
	at := uint64(len(m.doc.lists))
	m.doc.lists = append(m.doc.lists, span{})
	if err := m.doc.extend(at, k, items); err != nil {
		return err
	}
	return m.push(k, at)
}

// tuple makes a Tuple of the uppermost n values.
func (m *machine) tuple(n int) error {
	items, err := m.top(n)
	if err != nil {
		return err
	}
	return m.container(Tuple, items)
}

// fromMark makes a container of the values above the last mark.
func (m *machine) fromMark(k Kind) error {
	items, err := m.sinceMark()
	if err != nil {
		return err
	}
	return m.container(k, items)
}

// extend moves the uppermost n values into the container of kind k below them.
func (m *machine) extend(n int, k Kind) error {
	items, err := m.top(n)
	if err != nil {
		return err
	}
	return m.into(k, items)
}

// extendFromMark moves the values above the last mark into the container of
// kind k below it.
func (m *machine) extendFromMark(k Kind) error {
	items, err := m.sinceMark()
	if err != nil {
		return err
	}
	return m.into(k, items)
}

func (m *machine) into(k Kind, items []cell) error {
	if len(m.stack) == m.floor() {
		return fault.New(fault.Corrupt, "no %v to extend", k)
	}
	c := m.stack[len(m.stack)-1]
	if c.kind() != k && (c.kind() != Call || k != Dict) {
		return fault.New(fault.Corrupt, "%v, want %v", c.kind(), k)
	}
	return m.doc.extend(c.data, k, items)
}

// extend appends items to container at. Containers share one array: the last
// one of it grows in place, another one moves to the end with twice its room.
func (d *Document) extend(at uint64, k Kind, items []cell) error {
	if err := checkItems(k, items); err != nil {
		return err
	}
	if uint64(len(d.cells))+2*uint64(len(items)) > math.MaxUint32/2 {
		return fault.New(fault.TooLarge, "more items than are read")
	}
	l := &d.lists[at]
	n := l.n + uint32(len(items))
	switch {
	case n <= l.room:
		copy(d.cells[l.start+l.n:], items)
		l.n = n
		return nil
	case int(l.start+l.room) == len(d.cells):
		d.cells = append(d.cells[:l.start+l.n], items...)
		l.n, l.room = n, n
		return nil
	}
	room := max(n, 2*l.room)
	start := len(d.cells)
	d.cells = append(d.cells, d.cells[l.start:l.start+l.n]...)
	d.cells = append(d.cells, items...)
	for len(d.cells) < start+int(room) {
		d.cells = append(d.cells, cell{})
	}
	*l = span{uint32(start), n, room}
	return nil
}

// checkItems refuses what Python could not put there: half an entry, and a key
// or a set's item that can change.
func checkItems(k Kind, items []cell) error {
	step := 1
	switch k {
	case Dict:
		if step = 2; len(items)%2 != 0 {
			return fault.New(fault.Corrupt, "a key without a value")
		}
	case Set:
	default:
		return nil
	}
	for i := 0; i < len(items); i += step {
		if key := items[i].kind(); key == List || key == Dict {
			return fault.New(fault.Corrupt, "a %v as a key", key)
		}
	}
	return nil
}
