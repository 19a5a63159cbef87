package jsonstream

import (
	"encoding/binary"
	"math/bits"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// MaxDepth is how many arrays and objects may lie within one another.
const MaxDepth = 64

// MaxMembers is how many members an object may have that is taken apart; one
// that is skipped may have any number.
const MaxMembers = 1 << 16

// verdict is what a scan over a slice found. The index that comes with it is
// that of the byte after the value, or of the byte that is wrong.
type verdict uint8

const (
	good  verdict = iota
	short         // the slice ends before the value does
	deep
	wide
	wantValue
	wantKey
	wantColon
	wantCommaArray
	wantCommaObject
	badLiteral
	badNumber
	badEscape
	control
	notANumber
	infinite
)

var complaints = map[verdict]string{
	short:           "the file ends inside a value: it is cut short",
	wantValue:       "want a value",
	wantKey:         "want a member name in double quotes",
	wantColon:       "want a colon after the member name",
	wantCommaArray:  "want a comma or ] after an element",
	wantCommaObject: "want a comma or } after a member",
	badLiteral:      "want true, false or null",
	badNumber:       "a digit is missing in a number",
	badEscape:       "an escape that JSON does not have",
	control:         "a control character inside a string",
	notANumber:      "NaN is not JSON",
	infinite:        "Infinity is not JSON",
}

// complain turns a verdict on b[i] into an error without a place.
func complain(v verdict, b []byte, i int) error {
	switch {
	case v == deep:
		return fault.New(fault.TooLarge, "json: values nest deeper than %d levels", MaxDepth)
	case v == wide:
		return fault.New(fault.TooLarge, "json: an object of more than %d members", MaxMembers)
	case v == short || v == notANumber || v == infinite || i >= len(b):
		return fault.New(fault.Corrupt, "json: %s", complaints[v])
	}
	return fault.New(fault.Corrupt, "json: %s, found %q", complaints[v], b[i])
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// value scans the value that starts at b[i]; depth counts the containers around it.
func value(b []byte, i, depth int) (int, verdict) {
	if i >= len(b) {
		return i, short
	}
	switch c := b[i]; c {
	case '"':
		return text(b, i+1)
	case '{':
		return object(b, i+1, depth+1, nil)
	case '[':
		return array(b, i+1, depth+1)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return number(b, i)
	case 't':
		return literal(b, i, "true", badLiteral, good)
	case 'f':
		return literal(b, i, "false", badLiteral, good)
	case 'n':
		return literal(b, i, "null", badLiteral, good)
	case 'N':
		return literal(b, i, "NaN", wantValue, notANumber)
	case 'I':
		return literal(b, i, "Infinity", wantValue, infinite)
	}
	return i, wantValue
}

// object scans from behind the opening brace. Where rec is not nil the members
// are appended to it.
func object(b []byte, i, depth int, rec *[]Field) (int, verdict) {
	if depth > MaxDepth {
		return i - 1, deep
	}
	i = space(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1, good
	}
	for {
		key := i + 1
		var v verdict
		if i, v = member(b, i); v != good {
			return i, v
		}
		keyEnd := key + closing(b[key:i])
		start := i
		if i, v = value(b, i, depth); v != good {
			return i, v
		}
		if rec != nil {
			if len(*rec) == MaxMembers {
				return start, wide
			}
			*rec = append(*rec, Field{Key: unescape(b[key:keyEnd]), Value: b[start:i]})
		}
		i = space(b, i)
		if i >= len(b) {
			return i, short
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			return i + 1, good
		default:
			return i, wantCommaObject
		}
	}
}

// member scans a name, its colon and the space around it, up to the value.
func member(b []byte, i int) (int, verdict) {
	if i >= len(b) {
		return i, short
	}
	if b[i] != '"' {
		return i, wantKey
	}
	i, v := text(b, i+1)
	if v != good {
		return i, v
	}
	i = space(b, i)
	if i >= len(b) {
		return i, short
	}
	if b[i] != ':' {
		return i, wantColon
	}
	return space(b, i+1), good
}

// closing returns the index of the quote that ends the name at the start of
// what member passed over: the last quote, for only a colon and space follow it.
func closing(b []byte) int {
	n := len(b) - 1
	for n >= 0 && b[n] != '"' {
		n--
	}
	return n
}

// array scans from behind the opening bracket.
func array(b []byte, i, depth int) (int, verdict) {
	if depth > MaxDepth {
		return i - 1, deep
	}
	i = space(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1, good
	}
	for {
		i = space(b, numbers(b, i))
		var v verdict
		if i, v = value(b, i, depth); v != good {
			return i, v
		}
		i = space(b, i)
		if i >= len(b) {
			return i, short
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1, good
		default:
			return i, wantCommaArray
		}
	}
}

// numbers passes over plain numbers of up to seven characters, each with its
// comma and one space, eight bytes a step and without a branch on their digits:
// polygons are nearly all of an annotation file. It stops before any other value.
func numbers(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		x := w ^ '0'*ones
		other := (x&^highs + 0x76*ones | x) & highs // bit 7 of each byte that is no digit
		n := bits.TrailingZeros64(other)
		if n == 7 || n == 64 || (w&0xff == '0' && n != 15) { // none, all, or a leading zero
			return i
		}
		if byte(w>>((n-7)&63)) == '.' {
			other &= other - 1
			m := bits.TrailingZeros64(other)
			if m == n+8 || m == 64 {
				return i
			}
			n = m
		}
		if byte(w>>((n-7)&63)) != ',' {
			return i
		}
		i += n>>3 + 1
		if i < len(b) && b[i] == ' ' {
			i++
		}
	}
	return i
}

// number scans -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func number(b []byte, i int) (int, verdict) {
	if b[i] == '-' {
		if i++; i < len(b) && b[i] == 'I' {
			return literal(b, i, "Infinity", badNumber, infinite)
		}
	}
	var v verdict
	if i < len(b) && b[i] == '0' {
		i++
	} else if i, v = digits(b, i); v != good {
		return i, v
	}
	if i < len(b) && b[i] == '.' {
		if i, v = digits(b, i+1); v != good {
			return i, v
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i, v = digits(b, i); v != good {
			return i, v
		}
	}
	if i >= len(b) {
		return i, short
	}
	return i, good
}

// digits passes over one digit or more.
func digits(b []byte, i int) (int, verdict) {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	switch {
	case i > start:
		return i, good
	case i >= len(b):
		return i, short
	}
	return i, badNumber
}

// literal scans word; a differing byte gives otherwise, the whole word gives found.
func literal(b []byte, i int, word string, otherwise, found verdict) (int, verdict) {
	for k := range len(word) {
		if i+k >= len(b) {
			return len(b), short
		}
		if b[i+k] != word[k] {
			return i + k, otherwise
		}
	}
	if found != good {
		return i, found
	}
	return i + len(word), good
}

// text scans from behind the opening quote.
func text(b []byte, i int) (int, verdict) {
	for {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			// A borrow can only mark bytes above the first true one, so the lowest mark is exact.
			stop := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & highs
			if stop == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(stop) >> 3
		}
		if i >= len(b) {
			return i, short
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, good
		case c == '\\':
			var v verdict
			if i, v = escape(b, i+1); v != good {
				return i, v
			}
		case c < 0x20:
			return i, control
		default:
			i++
		}
	}
}

// escape scans from behind the backslash.
func escape(b []byte, i int) (int, verdict) {
	if i >= len(b) {
		return i, short
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, good
	case 'u':
		for k := 1; k <= 4; k++ {
			if i+k >= len(b) {
				return len(b), short
			}
			if c := b[i+k]; c-'0' > 9 && (c|0x20)-'a' > 5 {
				return i + k, badEscape
			}
		}
		return i + 5, good
	}
	return i, badEscape
}

// space passes over white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}
