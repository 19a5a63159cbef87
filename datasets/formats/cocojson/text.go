package cocojson

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// printer appends JSON as encoding/json writes it, many times as fast: an LVIS
// split is a hundred million numbers. The zero value is ready.
type printer struct {
	b   []byte
	err error // the first number that JSON cannot hold
}

func (p *printer) raw(s string) { p.b = append(p.b, s...) }

// integer appends a member that is whole; name has the quotes and the colon.
func (p *printer) integer(name string, v int64) {
	p.raw(name)
	p.b = strconv.AppendInt(p.b, v, 10)
}

// float appends the shortest decimal that reads back as v, with an exponent
// below 1e-6 and from 1e21 (the rule of ECMAScript's Number.toString).
func (p *printer) float(v float64) {
	// Annotators' tools round to hundredths. Decimals of up to 15 digits are all
	// different as float64, so where one reads back as v no shorter one does.
	if n := int64(v*100 + 0.5); v > 0 && v < 1e12 && float64(n)/100 == v {
		p.hundredths(uint64(n))
		return
	}
	abs := math.Abs(v)
	if !(abs <= math.MaxFloat64) {
		if p.err == nil {
			p.err = fault.New(fault.InvalidAnnotation, "%v is not a number of JSON", v)
		}
		return
	}
	if abs == 0 || abs >= 1e-6 && abs < 1e21 {
		p.b = strconv.AppendFloat(p.b, v, 'f', -1, 64)
		return
	}
	p.b = strconv.AppendFloat(p.b, v, 'e', -1, 64)
	if n := len(p.b); p.b[n-3] == '-' && p.b[n-2] == '0' { // e-09 is e-9
		p.b[n-2] = p.b[n-1]
		p.b = p.b[:n-1]
	}
}

func (p *printer) hundredths(n uint64) {
	p.b = strconv.AppendUint(p.b, n/100, 10)
	if n %= 100; n > 0 {
		p.b = append(p.b, '.', '0'+byte(n/10))
		if n %= 10; n > 0 {
			p.b = append(p.b, '0'+byte(n))
		}
	}
}

func (p *printer) floats(vs []float64) {
	if vs == nil {
		p.raw("null")
		return
	}
	p.raw("[")
	for i, v := range vs {
		if i > 0 {
			p.raw(",")
		}
		p.float(v)
	}
	p.raw("]")
}

func (p *printer) integers(vs []int64) {
	p.raw("[")
	for i, v := range vs {
		if i > 0 {
			p.raw(",")
		}
		p.b = strconv.AppendInt(p.b, v, 10)
	}
	p.raw("]")
}

const hex = "0123456789abcdef"

// text appends a string; <, > and & stay, and what is not UTF-8 becomes U+FFFD.
func (p *printer) text(s string) { p.quote(s, false) }

// quote appends a string. markup writes <, > and & as escapes, and U+FFFD too
// where it stands for what is not UTF-8.
func (p *printer) quote(s string, markup bool) {
	p.raw(`"`)
	done := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || markup && (c == '<' || c == '>' || c == '&') {
				p.raw(s[done:i])
				p.escape(c)
				done = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		escaped := ""
		switch {
		case r == utf8.RuneError && n == 1 && markup:
			escaped = `\ufffd`
		case r == utf8.RuneError && n == 1:
			escaped = "\ufffd"
		case r == '\u2028': // ends a line in old JavaScript
			escaped = `\u2028`
		case r == '\u2029':
			escaped = `\u2029`
		}
		if escaped != "" {
			p.raw(s[done:i])
			p.raw(escaped)
			done = i + n
		}
		i += n
	}
	p.raw(s[done:])
	p.raw(`"`)
}

func (p *printer) escape(c byte) {
	switch c {
	case '"', '\\':
		p.b = append(p.b, '\\', c)
	case '\b':
		p.raw(`\b`)
	case '\f':
		p.raw(`\f`)
	case '\n':
		p.raw(`\n`)
	case '\r':
		p.raw(`\r`)
	case '\t':
		p.raw(`\t`)
	default:
		p.b = append(p.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

// mask appends a segmentation. Run lengths as a string have their markup
// escaped, as datasets.Segmentation writes them.
func (p *printer) mask(s *datasets.Segmentation) {
	if s.RLE == nil {
		p.raw("[")
		for i, outline := range s.Polygons {
			if i > 0 {
				p.raw(",")
			}
			p.floats(outline)
		}
		p.raw("]")
		return
	}
	p.integer(`{"size":[`, int64(s.RLE.Size[0]))
	p.integer(",", int64(s.RLE.Size[1]))
	p.raw(`],"counts":`)
	if s.RLE.Runs == nil {
		p.quote(s.RLE.Counts, true)
		p.raw("}")
		return
	}
	p.raw("[")
	for i, n := range s.RLE.Runs {
		if i > 0 {
			p.raw(",")
		}
		p.b = strconv.AppendUint(p.b, uint64(n), 10)
	}
	p.raw("]}")
}
