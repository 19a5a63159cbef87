package pickle

import "github.com/tailorbird/tailorbird/internal/fault"

// memoPage is the number of values in a page of the memo: Python 2 remembers
// nearly every value of a file, and pages spare the copies of a growing array.
const memoPage = 1 << 10

// memo is what PUT and GET share; a cell without info is not set.
type memo struct {
	pages []*[memoPage]cell
	n     uint64 // index of the next MEMOIZE
}

// put remembers the uppermost value. An index is at most the number of values
// made so far, which bounds the memo by the input.
func (m *machine) put(index uint64, err error) error {
	if err != nil {
		return err
	}
	if len(m.stack) == m.floor() {
		return fault.New(fault.Corrupt, "nothing to remember")
	}
	if index > uint64(m.made) {
		return fault.New(fault.TooLarge, "memo index %d after %d values", index, m.made)
	}
	for index/memoPage >= uint64(len(m.memo.pages)) {
		m.memo.pages = append(m.memo.pages, new([memoPage]cell))
	}
	c := &m.memo.pages[index/memoPage][index%memoPage]
	if c.info == 0 {
		m.memo.n++ // as Python: the number of values in the memo
	}
	*c = m.stack[len(m.stack)-1]
	return nil
}

// memoize is put under the number of values remembered so far.
func (m *machine) memoize() error { return m.put(m.memo.n, nil) }

func (m *machine) get(index uint64, err error) error {
	if err != nil {
		return err
	}
	var c cell
	if index/memoPage < uint64(len(m.memo.pages)) {
		c = m.memo.pages[index/memoPage][index%memoPage]
	}
	if c.info == 0 {
		return fault.New(fault.Corrupt, "memo has no %d", index)
	}
	return m.pushCell(c)
}
