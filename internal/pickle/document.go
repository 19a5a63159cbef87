package pickle

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Kind is the type of a value.
type Kind uint8

// The kinds. String is text, or a string of Python 2; Bytes are those of Python
// 3; frozensets are Sets. The kinds of Options.Global: a Global names a class or
// function, a Call is what it would return, and a Persistent has one item, which
// names a thing outside the pickle.
const (
	None Kind = iota + 1
	Bool
	Int
	Float
	String
	Bytes
	Global
	List
	Tuple
	Dict
	Set
	Call
	Persistent
)

var kindNames = [...]string{"nothing", "None", "bool", "int", "float", "string", "bytes", "global", "list", "tuple", "dict", "set", "call", "persistent id"}

func (k Kind) String() string { return kindNames[k] }

// cell is a value in 16 bytes without pointers, so that millions of them cost
// the garbage collector nothing. info: kind in the lowest byte, then the side
// flag, the offset of the opcode in the upper half. data: the number (or its
// bits), the place of a string (start and length, 32 bits each), or the index of
// a container.
type cell struct {
	info uint64
	data uint64
}

// side marks a string that lies in Document.text because its form in the input
// is not its value.
const side = 1 << 8

func newCell(k Kind, offset int, data uint64) cell {
	return cell{info: uint64(k) | uint64(offset)<<32, data: data}
}

func (c cell) kind() Kind    { return Kind(c.info) }
func (c cell) offset() int64 { return int64(c.info >> 32) }

func (c cell) isContainer() bool { return c.kind() >= List }

// isText tells whether the cell's data is the place of a string.
func (c cell) isText() bool { return c.kind() >= String && c.kind() <= Global }

// textLen is the length in bytes of a string cell.
func (c cell) textLen() uint64 { return c.data & math.MaxUint32 }

// span is the place of a container's items in Document.cells. A dict's items
// are keys and values in turn.
type span struct{ start, n, room uint32 }

// Document is one pickle that was read. It is safe for concurrent use.
type Document struct {
	in    []byte // the pickle; strings lie in it
	text  []byte // strings that had to be decoded
	cells []cell // items of containers
	lists []span // containers
	root  cell
}

// Root is the pickled value.
func (d *Document) Root() Value { return Value{d, d.root} }

// Value is one value of a Document.
type Value struct {
	d *Document
	c cell
}

// Kind is the type of v.
func (v Value) Kind() Kind { return v.c.kind() }

// Offset is the place of the opcode that made v, in bytes from the start of the
// input.
func (v Value) Offset() int64 { return v.c.offset() }

// mismatch is the error of a value that has another kind than the one wanted.
func (v Value) mismatch(want string) error {
	return fault.At(fault.New(fault.Corrupt, "%v, want %s", v.Kind(), want), fault.Offset("", v.Offset()))
}

// Want is nil if v is of kind k, else fault.Corrupt with v's offset.
func (v Value) Want(k Kind) error {
	if v.Kind() == k {
		return nil
	}
	return v.mismatch(k.String())
}

// Int is an Int; anything else is fault.Corrupt with v's offset.
func (v Value) Int() (int64, error) {
	if v.Kind() != Int {
		return 0, v.mismatch("int")
	}
	return int64(v.c.data), nil
}

// Bool is a Bool; anything else is fault.Corrupt with v's offset.
func (v Value) Bool() (bool, error) {
	if v.Kind() != Bool {
		return false, v.mismatch("bool")
	}
	return v.c.data == 1, nil
}

// Float is a Float or an Int; anything else is fault.Corrupt with v's offset.
func (v Value) Float() (float64, error) {
	switch v.Kind() {
	case Float:
		return math.Float64frombits(v.c.data), nil
	case Int:
		return float64(int64(v.c.data)), nil
	}
	return 0, v.mismatch("float")
}

// Bytes is a String as UTF-8, or Bytes as they are; anything else is
// fault.Corrupt with v's offset. The result is part of the Document: read it
// only.
func (v Value) Bytes() ([]byte, error) {
	if k := v.Kind(); k != String && k != Bytes {
		return nil, v.mismatch("string")
	}
	return v.d.bytes(v.c), nil
}

// Text is a String, or Bytes under the rule for strings of Python 2, as UTF-8 in
// memory of its own; anything else is fault.Corrupt with v's offset.
func (v Value) Text() (string, error) {
	b, err := v.Bytes()
	if v.Kind() == Bytes && !utf8.Valid(b) {
		b = appendLatin1(nil, b)
	}
	return string(b), err
}

func (d *Document) bytes(c cell) []byte {
	from := d.in
	if c.info&side != 0 {
		from = d.text
	}
	start := c.data >> 32
	return from[start : start+c.textLen() : start+c.textLen()]
}

// Len is the number of items of a list, tuple or set, or of entries of a dict
// or call; 0 for all else.
func (v Value) Len() int {
	n := len(v.items())
	if v.Kind() == Dict || v.Kind() == Call {
		return n / 2
	}
	return n
}

// Index is item i of a list, tuple, set or persistent id, in the order of the
// file. It panics where i is not in [0, Len).
func (v Value) Index(i int) Value { return Value{v.d, v.items()[i]} }

// Entry is entry i of a dict or call, in the order of the file. It panics where i is
// not in [0, Len).
func (v Value) Entry(i int) (key, value Value) {
	kv := v.items()[2*i : 2*i+2]
	return Value{v.d, kv[0]}, Value{v.d, kv[1]}
}

// Lookup is the last value that a dict or call holds under a string key. It
// takes time proportional to Len.
func (v Value) Lookup(key string) (Value, bool) {
	if v.Kind() != Dict && v.Kind() != Call {
		return Value{}, false
	}
	kv := v.items()
	for i := len(kv) - 2; i >= 0; i -= 2 {
		if k := kv[i]; (k.kind() == String || k.kind() == Bytes) && string(v.d.bytes(k)) == key {
			return Value{v.d, kv[i+1]}, true
		}
	}
	return Value{}, false
}

func (v Value) items() []cell {
	switch {
	case !v.c.isContainer():
		return nil
	case v.Kind() == Call:
		return v.d.items(v.c)[2:]
	}
	return v.d.items(v.c)
}

func (d *Document) items(c cell) []cell {
	l := d.lists[c.data]
	return d.cells[l.start : l.start+l.n : l.start+l.n]
}

// littleEndian is b, at most 8 bytes, as an unsigned number.
func littleEndian(b []byte) uint64 {
	var buf [8]byte
	copy(buf[:], b)
	return binary.LittleEndian.Uint64(buf[:])
}
