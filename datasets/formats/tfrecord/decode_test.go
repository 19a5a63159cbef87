package tfrecord

import (
	"encoding/binary"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// decodeExample reads a serialized Example whole, to hold the encoder to. Values of bytes lie in b.
func decodeExample(b []byte) ([]feature, error) {
	var fs []feature
	err := eachEntry(b, func(name, value []byte) error {
		f := feature{name: string(name)}
		for len(value) > 0 {
			t, rest, err := nextField(value)
			if err != nil {
				return err
			}
			if t.wire == 2 && t.number <= int(int64List) {
				f.kind = kind(t.number)
				if err := f.decodeList(t.body); err != nil {
					return err
				}
			}
			value = rest
		}
		fs = append(fs, f)
		return nil
	})
	return fs, err
}

// decodeList reads a list message: numbers may be packed or single.
func (f *feature) decodeList(b []byte) error {
	for len(b) > 0 {
		t, rest, err := nextField(b)
		if err != nil {
			return err
		}
		b = rest
		switch {
		case t.number != 1:
		case f.kind == bytesList && t.wire == 2:
			f.bytes = append(f.bytes, t.body)
		case f.kind == floatList && t.wire == 5:
			f.floats = append(f.floats, math.Float32frombits(uint32(t.num)))
		case f.kind == floatList && t.wire == 2:
			if len(t.body)%4 != 0 {
				return fault.New(fault.Corrupt, "tf.Example: %d bytes of packed floats", len(t.body))
			}
			for p := t.body; len(p) > 0; p = p[4:] {
				f.floats = append(f.floats, math.Float32frombits(binary.LittleEndian.Uint32(p)))
			}
		case f.kind == int64List && t.wire == 0:
			f.ints = append(f.ints, int64(t.num))
		case f.kind == int64List && t.wire == 2:
			for p := t.body; len(p) > 0; {
				v, n := binary.Uvarint(p)
				if n <= 0 {
					return fault.New(fault.Corrupt, "tf.Example: bad packed varint")
				}
				f.ints = append(f.ints, int64(v))
				p = p[n:]
			}
		}
	}
	return nil
}
