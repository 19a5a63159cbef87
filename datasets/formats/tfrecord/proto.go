package tfrecord

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// kind is the field number of a list in message Feature.
type kind byte

const (
	bytesList kind = 1
	floatList kind = 2
	int64List kind = 3
)

// feature is one entry of message Features; the list of its kind is in use.
type feature struct {
	name   string
	kind   kind
	bytes  [][]byte
	floats []float32
	ints   []int64
}

func varintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// field is the size of a length-delimited field of n bytes; field numbers here
// are below 16, so a tag is one byte.
func field(n int) int { return 1 + varintLen(uint64(n)) + n }

func (f *feature) packedInts() int {
	n := 0
	for _, v := range f.ints {
		n += varintLen(uint64(v))
	}
	return n
}

// listLen is the size of the BytesList, FloatList or Int64List message.
func (f *feature) listLen() int {
	n := 0
	switch {
	case f.kind == bytesList:
		for _, b := range f.bytes {
			n += field(len(b))
		}
	case f.kind == floatList && len(f.floats) > 0:
		n = field(4 * len(f.floats))
	case f.kind == int64List && len(f.ints) > 0:
		n = field(f.packedInts())
	}
	return n
}

// entryLen is the size of the map entry.
func (f *feature) entryLen() int { return field(len(f.name)) + field(field(f.listLen())) }

func appendTag(b []byte, number, n int) []byte {
	return binary.AppendUvarint(append(b, byte(number<<3|2)), uint64(n))
}

// appendExample appends the message Example{features: Features{feature: fs}} in
// the order of fs.
func appendExample(b []byte, fs []feature) []byte {
	n := 0
	for i := range fs {
		n += field(fs[i].entryLen())
	}
	b = appendTag(b, 1, n)
	for i := range fs {
		b = fs[i].append(b)
	}
	return b
}

func (f *feature) append(b []byte) []byte {
	list := f.listLen()
	b = appendTag(b, 1, f.entryLen())
	b = append(appendTag(b, 1, len(f.name)), f.name...)
	b = appendTag(b, 2, field(list))
	b = appendTag(b, int(f.kind), list)
	switch {
	case f.kind == bytesList:
		for _, v := range f.bytes {
			b = append(appendTag(b, 1, len(v)), v...)
		}
	case f.kind == floatList && len(f.floats) > 0:
		b = appendTag(b, 1, 4*len(f.floats))
		for _, v := range f.floats {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	case f.kind == int64List && len(f.ints) > 0:
		b = appendTag(b, 1, f.packedInts())
		for _, v := range f.ints {
			b = binary.AppendUvarint(b, uint64(v))
		}
	}
	return b
}

// token is one field of a message. The value of a varint or a fixed field is in
// num, of a length-delimited one in body.
type token struct {
	number int
	wire   byte
	num    uint64
	body   []byte
}

// nextField cuts the first field off b.
func nextField(b []byte) (token, []byte, error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return token{}, nil, fault.New(fault.Corrupt, "tf.Example: bad field tag")
	}
	b = b[n:]
	t := token{number: int(tag >> 3), wire: byte(tag & 7)}
	switch {
	case t.wire == 0:
		if t.num, n = binary.Uvarint(b); n <= 0 {
			return token{}, nil, fault.New(fault.Corrupt, "tf.Example: bad varint")
		}
		return t, b[n:], nil
	case t.wire == 1 && len(b) >= 8:
		t.num = binary.LittleEndian.Uint64(b)
		return t, b[8:], nil
	case t.wire == 5 && len(b) >= 4:
		t.num = uint64(binary.LittleEndian.Uint32(b))
		return t, b[4:], nil
	case t.wire == 2:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return token{}, nil, fault.New(fault.Corrupt, "tf.Example: a field of %d bytes where %d are left", size, len(b))
		}
		t.body = b[n:][:size]
		return t, b[n:][size:], nil
	}
	return token{}, nil, fault.New(fault.Corrupt, "tf.Example: field %d of wire type %d", t.number, t.wire)
}

// eachField calls visit for the length-delimited fields of a message with that
// number, in order; others are passed over, as protobuf asks.
func eachField(b []byte, number int, visit func(body []byte) error) error {
	for len(b) > 0 {
		t, rest, err := nextField(b)
		if err != nil {
			return err
		}
		if t.number == number && t.wire == 2 {
			if err := visit(t.body); err != nil {
				return err
			}
		}
		b = rest
	}
	return nil
}

// eachEntry calls visit for every map entry of a serialized Example. Name and
// value lie in b.
func eachEntry(b []byte, visit func(name, value []byte) error) error {
	return eachField(b, 1, func(features []byte) error {
		return eachField(features, 1, func(entry []byte) error {
			name, value, err := splitEntry(entry)
			if err != nil {
				return err
			}
			return visit(name, value)
		})
	})
}

func splitEntry(entry []byte) (name, value []byte, err error) {
	for len(entry) > 0 {
		t, rest, err := nextField(entry)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case t.number == 1 && t.wire == 2:
			name = t.body
		case t.number == 2 && t.wire == 2:
			value = t.body
		}
		entry = rest
	}
	return name, value, nil
}

// firstBytes returns the first value of a Feature that holds a BytesList.
func firstBytes(value []byte) (first []byte, err error) {
	err = eachField(value, int(bytesList), func(list []byte) error {
		return eachField(list, 1, func(v []byte) error {
			if first == nil {
				first = v
			}
			return nil
		})
	})
	return first, err
}
