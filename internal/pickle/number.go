package pickle

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// int32 is BININT: signed, little-endian.
func (m *machine) int32() error {
	v, err := m.little(4)
	if err != nil {
		return err
	}
	return m.push(Int, uint64(int64(int32(v))))
}

// uint is an unsigned Int of n bytes.
func (m *machine) uint(n uint64) error {
	v, err := m.little(n)
	if err != nil {
		return err
	}
	return m.push(Int, v)
}

// long is LONG1 or LONG4: a length of so many bytes, then a two's complement
// little-endian number; no bytes are 0.
func (m *machine) long(width uint64) error {
	n, err := m.little(width)
	if err != nil {
		return err
	}
	b, err := m.take(n)
	if err != nil {
		return err
	}
	var fill byte
	if n > 0 && b[n-1]&0x80 != 0 {
		fill = 0xff
	}
	for len(b) > 0 && b[len(b)-1] == fill {
		b = b[:len(b)-1]
	}
	if len(b) > 8 || len(b) == 8 && (b[7]^fill)&0x80 != 0 {
		return fault.New(fault.Unsupported, "integer of %d bits, at most 64 are read", 8*n)
	}
	v := littleEndian(b)
	if fill != 0 && len(b) < 8 {
		v |= math.MaxUint64 << (8 * len(b))
	}
	return m.push(Int, v)
}

// decimalInt is INT, also the form of protocol 0 for booleans: 00 and 01.
func (m *machine) decimalInt() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	switch string(b) {
	case "00":
		return m.push(Bool, 0)
	case "01":
		return m.push(Bool, 1)
	}
	return m.pushDecimal(b)
}

func (m *machine) decimalLong() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	return m.pushDecimal(bytes.TrimSuffix(b, []byte("L")))
}

func (m *machine) pushDecimal(b []byte) error {
	if v, ok := digits(b); ok {
		return m.push(Int, v)
	}
	v, err := strconv.ParseInt(string(b), 10, 64)
	if isRange(err) {
		return fault.New(fault.Unsupported, "integer of %d digits, at most 64 bits are read", len(b))
	}
	if err != nil {
		return fault.New(fault.Corrupt, "%.20q is no integer", b)
	}
	return m.push(Int, uint64(v))
}

// digits is the number that up to 18 digits spell: nearly all of protocol 0.
func digits(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + uint64(c-'0')
	}
	return v, true
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// decimalFloat is FLOAT: Python's repr. What is too large for 64 bits is an
// infinity, as in Python.
func (m *machine) decimalFloat() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil && !isRange(err) {
		return fault.New(fault.Corrupt, "%.20q is no number", b)
	}
	return m.push(Float, math.Float64bits(v))
}

// float64 is BINFLOAT, the one big-endian number of the format.
func (m *machine) float64() error {
	b, err := m.take(8)
	if err != nil {
		return err
	}
	return m.push(Float, binary.BigEndian.Uint64(b))
}

// decimalIndex is the memo index of PUT and GET.
func (m *machine) decimalIndex() (uint64, error) {
	b, err := m.line()
	if err != nil {
		return 0, err
	}
	v, ok := digits(b)
	if !ok {
		return 0, fault.New(fault.Corrupt, "%.20q is no memo index", b)
	}
	return v, nil
}
