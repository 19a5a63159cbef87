package imagenet

import (
	"github.com/tailorbird/tailorbird/internal/fault"
)

// parseMeta reads the development kit's meta.mat: a MATLAB 5 file whose struct
// array "synsets" has, among others, the fields ILSVRC2012_ID and WNID. It
// returns wnid by id.
func parseMeta(data []byte) (map[int]string, error) {
	f, err := openMat(data)
	if err != nil {
		return nil, err
	}
	m, err := f.variable("synsets")
	if err != nil {
		return nil, err
	}
	ids, wnids, n, err := m.columns("ILSVRC2012_ID", "WNID")
	if err != nil {
		return nil, err
	}
	out := make(map[int]string, n)
	for i := range n {
		id, err := ids[i].number()
		if err != nil {
			return nil, fault.New(fault.Corrupt, "meta.mat: synsets(%d).ILSVRC2012_ID: %w", i+1, err)
		}
		wnid, err := wnids[i].text()
		if err != nil || !isWnid(wnid) {
			return nil, fault.New(fault.Corrupt, "meta.mat: synsets(%d).WNID is not a wnid: %q", i+1, clip(wnid))
		}
		if other, twice := out[int(id)]; twice && other != wnid {
			return nil, fault.New(fault.Conflict, "meta.mat: ILSVRC2012_ID %d is both %s and %s", int(id), other, wnid)
		}
		out[int(id)] = wnid
	}
	return out, nil
}

// columns returns the matrices of two fields of a struct array, one of each per
// element, and how many elements there are.
func (m matrix) columns(first, second string) (a, b []matrix, n int, err error) {
	if m.class != classStruct {
		return nil, nil, 0, fault.New(fault.Corrupt, "meta.mat: %s is not a struct array", clip(m.name))
	}
	nameLen, names, rest, err := m.fieldNames()
	if err != nil {
		return nil, nil, 0, err
	}
	fields := len(names) / nameLen
	at := [2]int{-1, -1}
	for i := range fields {
		switch cstring(names[i*nameLen : (i+1)*nameLen]) {
		case first:
			at[0] = i
		case second:
			at[1] = i
		}
	}
	if at[0] < 0 || at[1] < 0 {
		return nil, nil, 0, fault.New(fault.Corrupt, "meta.mat: %s has no fields %s and %s", clip(m.name), first, second)
	}
	if m.count > len(rest)/8/fields { // a matrix takes 8 bytes at the least
		return nil, nil, 0, fault.New(fault.Corrupt, "meta.mat: %s is cut short", clip(m.name))
	}
	a, b = make([]matrix, m.count), make([]matrix, m.count)
	for i := range m.count * fields {
		var e element
		if e, rest, err = m.f.element(rest); err != nil {
			return nil, nil, 0, err
		}
		switch i % fields {
		case at[0]:
			a[i/fields], err = m.f.matrix(e)
		case at[1]:
			b[i/fields], err = m.f.matrix(e)
		}
		if err != nil {
			return nil, nil, 0, err
		}
	}
	return a, b, m.count, nil
}

// fieldNames returns the padded names of a struct's fields and what follows.
func (m matrix) fieldNames() (nameLen int, names, rest []byte, err error) {
	length, rest, err := m.f.element(m.data)
	if err != nil {
		return 0, nil, nil, err
	}
	list, rest, err := m.f.element(rest)
	if err != nil {
		return 0, nil, nil, err
	}
	if len(length.data) != 4 {
		return 0, nil, nil, fault.New(fault.Corrupt, "meta.mat: %s states no length of field names", clip(m.name))
	}
	n := m.f.order.Uint32(length.data)
	if n == 0 || int64(n) > int64(len(list.data)) {
		return 0, nil, nil, fault.New(fault.Corrupt, "meta.mat: %s has field names of length %d", clip(m.name), n)
	}
	return int(n), list.data, rest, nil
}

// number returns the first value of a numeric matrix, a whole number.
func (m matrix) number() (int64, error) {
	e, _, err := m.f.element(m.data)
	if err != nil {
		return 0, err
	}
	v, ok := e.first(m.f.order)
	if !ok || !(v >= 0 && v < 1<<31) || v != float64(int64(v)) {
		return 0, fault.New(fault.Corrupt, "not a whole number")
	}
	return int64(v), nil
}

// text returns a char matrix of one row. Characters beyond Latin-1 come as '?'.
func (m matrix) text() (string, error) {
	if m.class != classChar {
		return "", fault.New(fault.Corrupt, "not text")
	}
	e, _, err := m.f.element(m.data)
	if err != nil {
		return "", err
	}
	if e.kind != miUint16 && e.kind != miUTF16 {
		return string(e.data), nil
	}
	out := make([]byte, len(e.data)/2)
	for i := range out {
		if c := m.f.order.Uint16(e.data[2*i:]); c < 256 {
			out[i] = byte(c)
		} else {
			out[i] = '?'
		}
	}
	return string(out), nil
}

func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
