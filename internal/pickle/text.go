package pickle

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// sized is a length of so many bytes and then as many bytes: where they lie in
// the input.
func (m *machine) sized(width uint64) (start int, b []byte, err error) {
	n, err := m.little(width)
	if err != nil {
		return 0, nil, err
	}
	start = m.pos
	b, err = m.take(n)
	return start, b, err
}

// place packs where a string lies for a cell.
func place(start, n int) uint64 { return uint64(start)<<32 | uint64(n) }

// text is a string of UTF-8.
func (m *machine) text(width uint64) error {
	start, b, err := m.sized(width)
	if err != nil {
		return err
	}
	if !utf8.Valid(b) {
		return fault.New(fault.Corrupt, "text of %d bytes is not UTF-8", len(b))
	}
	return m.push(String, place(start, len(b)))
}

func (m *machine) bytes(width uint64) error {
	start, b, err := m.sized(width)
	if err != nil {
		return err
	}
	return m.push(Bytes, place(start, len(b)))
}

// byteString is a string of Python 2.
func (m *machine) byteString(width uint64) error {
	start, b, err := m.sized(width)
	if err != nil {
		return err
	}
	if utf8.Valid(b) {
		return m.push(String, place(start, len(b)))
	}
	return m.pushLatin1(len(m.doc.text), b)
}

// pushLatin1 pushes b, in Latin-1, as a string that starts at byte start of the
// side text.
func (m *machine) pushLatin1(start int, b []byte) error {
	return m.pushSide(String, start, appendLatin1(m.doc.text[:start], b))
}

// appendLatin1 appends b, read as Latin-1, to t as UTF-8.
func appendLatin1(t, b []byte) []byte {
	for _, c := range b {
		t = utf8.AppendRune(t, rune(c))
	}
	return t
}

// pushSide pushes the string from byte start of the side text t, which grew.
func (m *machine) pushSide(k Kind, start int, t []byte) error {
	m.doc.text = t
	c := newCell(k, m.at, place(start, len(t)-start))
	c.info |= side
	return m.pushCell(c)
}

// quoted is STRING: a string of Python 2 as its repr. Without escapes it is
// used where it lies.
func (m *machine) quoted() error {
	start := m.pos + 1
	b, err := m.line()
	if err != nil {
		return err
	}
	if n := len(b); n < 2 || b[0] != b[n-1] || b[0] != '\'' && b[0] != '"' {
		return fault.New(fault.Corrupt, "%.20q is no quoted string", b)
	}
	b = b[1 : len(b)-1]
	plain := true
	for _, c := range b {
		plain = plain && c != '\\' && c < utf8.RuneSelf
	}
	if plain {
		return m.push(String, place(start, len(b)))
	}
	return m.pushUnescaped(b)
}

// pushUnescaped resolves the escapes of b and reads the result as byteString
// does.
func (m *machine) pushUnescaped(b []byte) error {
	start := len(m.doc.text)
	t := m.doc.text
	for len(b) > 0 {
		if b[0] != '\\' {
			t, b = append(t, b[0]), b[1:]
			continue
		}
		if len(b) == 1 {
			return fault.New(fault.Corrupt, "backslash at the end of a string")
		}
		c, n, err := escape(b)
		if err != nil {
			return err
		}
		t, b = append(t, c...), b[n:]
	}
	m.doc.text = t[:start]
	if s := t[start:]; !utf8.Valid(s) {
		// Latin-1 grows in place: decode from a copy.
		return m.pushLatin1(start, append([]byte(nil), s...))
	}
	return m.pushSide(String, start, t)
}

// simpleEscapes are the one-letter escapes of a Python 2 string literal.
var simpleEscapes = map[byte]string{
	'\\': "\\", '\'': "'", '"': "\"", 'n': "\n", 'r': "\r", 't': "\t",
	'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v",
}

// escape is the value of the escape that b starts with, and its length. One
// that Python does not know stands for itself.
func escape(b []byte) (value []byte, n int, err error) {
	if s, ok := simpleEscapes[b[1]]; ok {
		return []byte(s), 2, nil
	}
	if b[1] == 'x' {
		v, err := hex(b[2:], 2)
		return []byte{byte(v)}, 4, err
	}
	v := 0
	for n = 1; n < len(b) && n < 4 && '0' <= b[n] && b[n] <= '7'; n++ {
		v = v<<3 | int(b[n]-'0')
	}
	if n > 1 {
		return []byte{byte(v)}, n, nil
	}
	return b[:2], 2, nil
}

// hex is the number that the first n digits of b spell.
func hex(b []byte, n int) (uint64, error) {
	if len(b) < n {
		return 0, fault.New(fault.Corrupt, "escape is cut short")
	}
	v, err := strconv.ParseUint(string(b[:n]), 16, 32)
	if err != nil {
		return 0, fault.New(fault.Corrupt, "%q is no escape", b[:n])
	}
	return v, nil
}

// escapedText is UNICODE: Python's raw-unicode-escape, Latin-1 but for \uXXXX
// and \UXXXXXXXX.
func (m *machine) escapedText() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	start := len(m.doc.text)
	t := m.doc.text
	for len(b) > 0 {
		r, n, err := escapedRune(b)
		if err != nil {
			return err
		}
		t, b = utf8.AppendRune(t, r), b[n:]
		if n == 1 && r == '\\' && len(b) > 0 { // no escape: what follows starts none
			t, b = utf8.AppendRune(t, rune(b[0])), b[1:]
		}
	}
	return m.pushSide(String, start, t)
}

// escapedRune is the character that b starts with and the bytes it takes: 1
// where it is no escape. Narrow builds of Python 2 wrote characters beyond 16
// bits as two surrogates.
func escapedRune(b []byte) (rune, int, error) {
	r, n, err := oneEscape(b)
	if err != nil || !utf16.IsSurrogate(r) {
		return r, n, err
	}
	if len(b) > n {
		low, m, err := oneEscape(b[n:])
		if full := utf16.DecodeRune(r, low); err == nil && full != utf8.RuneError {
			return full, n + m, nil
		}
	}
	return 0, 0, fault.New(fault.Corrupt, "surrogate %#x without its other half", r)
}

func oneEscape(b []byte) (rune, int, error) {
	digits := 0
	if len(b) > 1 && b[0] == '\\' {
		digits = map[byte]int{'u': 4, 'U': 8}[b[1]]
	}
	if digits == 0 {
		return rune(b[0]), 1, nil
	}
	v, err := hex(b[2:], digits)
	if err == nil && v > utf8.MaxRune {
		err = fault.New(fault.Corrupt, "%#x is no character", v)
	}
	return rune(v), 2 + digits, err
}
