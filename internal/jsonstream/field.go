package jsonstream

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Field is one member of an object: its name, unescaped, and its value as it stands.
type Field struct {
	Key   []byte
	Value []byte
}

// Lookup returns the value of the last member of that name, nil where there is none.
func Lookup(fields []Field, name string) []byte {
	for i := len(fields) - 1; i >= 0; i-- {
		if string(fields[i].Key) == name {
			return fields[i].Value
		}
	}
	return nil
}

// Fields takes apart the object raw and appends its members to dst. Their
// slices point into raw.
func Fields(dst []Field, raw []byte) ([]Field, error) {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return dst, fault.New(fault.Corrupt, "json: want an object, found %s", Kind(raw))
	}
	n, v := object(raw, i+1, 1, &dst)
	return dst, finish(raw, n, v)
}

// Elements calls fn with each element of the array raw, in order. Its slices
// point into raw. An error of fn ends the walk and is returned as it is.
func Elements(raw []byte, fn func(i int, elem []byte) error) error {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return fault.New(fault.Corrupt, "json: want an array, found %s", Kind(raw))
	}
	if i = space(raw, i+1); i < len(raw) && raw[i] == ']' {
		return finish(raw, i+1, good)
	}
	for k := 0; ; k++ {
		n, v := value(raw, i, 1)
		if v != good {
			return finish(raw, n, v)
		}
		if err := fn(k, raw[i:n]); err != nil {
			return err
		}
		if i = space(raw, n); i >= len(raw) {
			return finish(raw, i, short)
		}
		switch raw[i] {
		case ',':
			i = space(raw, i+1)
		case ']':
			return finish(raw, i+1, good)
		default:
			return finish(raw, i, wantCommaArray)
		}
	}
}

// finish checks that a value which ends before raw[n] is all of raw.
func finish(raw []byte, n int, v verdict) error {
	if v != good {
		err := complain(v, raw, n)
		return fault.New(fault.CodeOf(err), "byte %d of the value: %w", n, err)
	}
	if n = space(raw, n); n < len(raw) {
		return fault.New(fault.Corrupt, "byte %d of the value: json: %q after its end", n, raw[n])
	}
	return nil
}

// Int reads an integer. A number with a fraction or an exponent is accepted
// where it stands for a whole number of at most 2^53; integers are exact over
// all of int64.
func Int(raw []byte) (int64, error) {
	i, sign := 0, int64(1)
	if len(raw) > 0 && raw[0] == '-' {
		i, sign = 1, -1
	}
	if n := len(raw) - i; n < 1 || n > 18 || (n > 1 && raw[i] == '0') { // 18 digits cannot overflow
		return intSlow(raw)
	}
	var n int64
	for ; i < len(raw); i++ {
		d := raw[i] - '0'
		if d > 9 {
			return intSlow(raw)
		}
		n = 10*n + int64(d)
	}
	return sign * n, nil
}

func intSlow(raw []byte) (int64, error) {
	if !isNumber(raw) {
		return 0, fault.New(fault.Corrupt, "json: want an integer, found %s", Kind(raw))
	}
	if !bytes.ContainsAny(raw, ".eE") {
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return 0, fault.New(fault.Corrupt, "json: %.40s does not fit 64 bits", raw)
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, fault.New(fault.Corrupt, "json: %.40s is not an integer", raw)
	}
	return int64(f), nil
}

// Float reads a number; one that no float64 can hold is refused.
func Float(raw []byte) (float64, error) {
	if f, ok := shortFloat(raw); ok {
		return f, nil
	}
	if !isNumber(raw) {
		return 0, fault.New(fault.Corrupt, "json: want a number, found %s", Kind(raw))
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, fault.New(fault.Corrupt, "json: %.40s does not fit a float64", raw)
	}
	return f, nil
}

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat reads a number of at most 15 digits without an exponent: digits and
// power of ten are exact as float64, so one division rounds correctly (Clinger,
// "How to read floating point numbers accurately", PLDI 1990).
func shortFloat(raw []byte) (f float64, ok bool) {
	i, point := 0, -1
	if len(raw) > 0 && raw[0] == '-' {
		i = 1
	}
	if len(raw)-i > 16 || (len(raw)-i > 1 && raw[i] == '0' && raw[i+1] != '.') {
		return 0, false
	}
	digits, start := int64(0), i
	for ; i < len(raw); i++ {
		switch d := raw[i] - '0'; {
		case d <= 9:
			digits = 10*digits + int64(d)
		case raw[i] == '.' && point < 0 && i > start:
			point = i
		default:
			return 0, false
		}
	}
	if i == start || point == i-1 || (point < 0 && i-start > 15) {
		return 0, false
	}
	f = float64(digits)
	if point >= 0 {
		f /= pow10[i-1-point]
	}
	if raw[0] == '-' {
		f = -f
	}
	return f, true
}

// Text reads a string.
func Text(raw []byte) (string, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", fault.New(fault.Corrupt, "json: want a string, found %s", Kind(raw))
	}
	if n, v := text(raw, 1); v != good || n != len(raw) {
		return "", fault.New(fault.Corrupt, "json: a broken string")
	}
	return string(unescape(raw[1 : len(raw)-1])), nil
}

// Kind names the kind of the value raw for messages.
func Kind(raw []byte) string {
	i := space(raw, 0)
	if i == len(raw) {
		return "nothing"
	}
	switch raw[i] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// isNumber tells whether raw is one number and nothing else.
func isNumber(raw []byte) bool {
	if len(raw) == 0 || raw[0] != '-' && raw[0]-'0' > 9 {
		return false
	}
	// The scan wants a byte behind the number; where raw ends with a digit it is complete.
	n, v := number(raw, 0)
	return n == len(raw) && v == short && raw[n-1]-'0' <= 9
}

// unescape returns the text of a string whose syntax is known to be right:
// itself where it needs no change.
func unescape(body []byte) []byte {
	plain := true
	for _, c := range body {
		if c == '\\' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return body
	}
	var s string
	quoted := append(append([]byte{'"'}, body...), '"')
	if err := json.Unmarshal(quoted, &s); err != nil {
		return body
	}
	return []byte(s)
}
