package parquet

import (
	"encoding/binary"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Types of Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	tStop   = 0
	tTrue   = 1
	tFalse  = 2
	tByte   = 3
	tI16    = 4
	tI32    = 5
	tI64    = 6
	tDouble = 7
	tBinary = 8
	tList   = 9
	tSet    = 10
	tMap    = 11
	tStruct = 12
)

const maxThriftDepth = 32

// thrift reads a compact-protocol struct from memory. It is here because general
// decoders make room for as many elements as a list claims to have. The first
// error stays and every later call answers with zeros.
type thrift struct {
	b     []byte
	off   int
	depth int
	err   error
}

func (t *thrift) fail(what string) {
	if t.err == nil {
		t.err = fault.New(fault.Corrupt, "parquet metadata: %s at its byte %d", what, t.off)
	}
	t.off = len(t.b)
}

func (t *thrift) byte() byte {
	if t.off >= len(t.b) {
		t.fail("unexpected end")
		return 0
	}
	t.off++
	return t.b[t.off-1]
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b[t.off:])
	if n <= 0 {
		t.fail("bad number")
		return 0
	}
	t.off += n
	return v
}

// int reads an i16, i32 or i64.
func (t *thrift) int() int64 {
	v := t.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// binary reads a string; the bytes lie in t.b.
func (t *thrift) binary() []byte {
	n := t.uvarint()
	if n > uint64(len(t.b)-t.off) {
		t.fail("a string longer than the rest")
		return nil
	}
	t.off += int(n)
	return t.b[t.off-int(n) : t.off]
}

// list reads the head of a list or set. An element takes a byte at least, so n
// is never more than what is left.
func (t *thrift) list() (n int, elem byte) {
	h := t.byte()
	size := uint64(h >> 4)
	if size == 15 {
		size = t.uvarint()
	}
	if size > uint64(len(t.b)-t.off) {
		t.fail("a list longer than the rest")
		return 0, 0
	}
	return int(size), h & 15
}

// each calls visit for the elements of a list of that type; a list of another
// type is passed over.
func (t *thrift) each(want byte, visit func()) {
	n, elem := t.list()
	for range n {
		if t.err != nil {
			return
		}
		if elem == want {
			visit()
		} else {
			t.skipElement(elem)
		}
	}
}

// fields calls visit for the fields of a struct. visit returns false for a field
// that it has not read; it is then passed over.
func (t *thrift) fields(visit func(id int64, typ byte) bool) {
	if t.depth++; t.depth > maxThriftDepth {
		t.fail("nesting too deep")
	}
	defer func() { t.depth-- }()
	id := int64(0)
	for t.err == nil {
		h := t.byte()
		if h&15 == tStop {
			return
		}
		if d := int64(h >> 4); d != 0 {
			id += d
		} else {
			id = t.int()
		}
		if !visit(id, h&15) {
			t.skip(h & 15)
		}
	}
}

func (t *thrift) skip(typ byte) {
	switch typ {
	case tTrue, tFalse:
	case tByte:
		t.byte()
	case tI16, tI32, tI64:
		t.uvarint()
	case tDouble:
		if t.off += 8; t.off > len(t.b) {
			t.fail("unexpected end")
		}
	case tBinary:
		t.binary()
	case tList, tSet:
		t.skipList()
	case tMap:
		t.skipMap()
	case tStruct:
		t.fields(func(int64, byte) bool { return false })
	default:
		t.fail("unknown type")
	}
}

// skipElement differs from skip for booleans, which take a byte in a list.
func (t *thrift) skipElement(typ byte) {
	if typ == tTrue || typ == tFalse {
		typ = tByte
	}
	t.skip(typ)
}

func (t *thrift) skipList() {
	if t.depth++; t.depth > maxThriftDepth {
		t.fail("nesting too deep")
	}
	n, elem := t.list()
	for i := 0; i < n && t.err == nil; i++ {
		t.skipElement(elem)
	}
	t.depth--
}

func (t *thrift) skipMap() {
	n := t.uvarint()
	if n == 0 {
		return
	}
	if t.depth++; t.depth > maxThriftDepth {
		t.fail("nesting too deep")
	}
	kinds := t.byte()
	for i := uint64(0); i < n && t.err == nil; i++ {
		t.skipElement(kinds >> 4)
		t.skipElement(kinds & 15)
	}
	t.depth--
}
