package jsonstream

import (
	"errors"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Options sets what a Scanner may use; the zero value is right for files of any size.
type Options struct {
	Name     string // of the file, for errors
	Buffer   int    // bytes read at a time; 0: 512 KiB
	MaxValue int    // longest value handed over whole, in bytes; 0: 64 MiB
}

// Scanner walks one JSON text. It is not safe for concurrent use.
type Scanner struct {
	r        io.Reader
	name     string
	maxValue int

	buf      []byte // buf[pos:end] is read and not yet consumed
	pos, end int
	base     int64 // offset of buf[0]
	eof      bool  // buf[end-1] is a newline of ours behind the last byte, which ends a number
	depth    int
	fields   []Field
	err      error
}

// Record is a value with its place and, where it is an object, its members.
// Its slices live until the next call of the Scanner.
type Record struct {
	Raw    []byte
	Offset int64   // of Raw[0]
	Fields []Field // nil where the value is no object
}

// NewScanner starts before the first value of r.
func NewScanner(r io.Reader, o Options) *Scanner {
	if o.Buffer == 0 {
		o.Buffer = 512 << 10
	}
	if o.MaxValue == 0 {
		o.MaxValue = 64 << 20
	}
	return &Scanner{r: r, name: o.Name, maxValue: max(o.MaxValue, o.Buffer), buf: make([]byte, max(o.Buffer, 16))}
}

// Offset returns the offset of the next byte that is not consumed. Inside the
// callbacks of Object and Array that is the first byte of the value.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// Peek returns the first byte of the next value: one of { [ " t f n - or a digit.
func (s *Scanner) Peek() (byte, error) { return s.next(wantValue) }

// Object enters an object and calls fn before the value of each member, in the
// order of the file, members of one name included. A value that fn leaves
// untouched is skipped. An error of fn ends the walk and is returned as it is.
func (s *Scanner) Object(fn func(key string) error) error {
	if err := s.enter('{'); err != nil {
		return err
	}
	for n := 0; ; n++ {
		more, err := s.separate(n, '}', wantCommaObject)
		if err != nil || !more {
			return err
		}
		key, err := s.member()
		if err != nil {
			return err
		}
		at := s.Offset()
		if err := fn(key); err != nil {
			return err
		}
		if err := s.pass(at); err != nil {
			return err
		}
	}
}

// Array enters an array and calls fn before each element with its index. An
// element that fn leaves untouched is skipped. An error of fn ends the walk and is
// returned as it is.
func (s *Scanner) Array(fn func(i int) error) error {
	if err := s.enter('['); err != nil {
		return err
	}
	for n := 0; ; n++ {
		more, err := s.separate(n, ']', wantCommaArray)
		if err != nil || !more {
			return err
		}
		at := s.Offset()
		if err := fn(n); err != nil {
			return err
		}
		if err := s.pass(at); err != nil {
			return err
		}
	}
}

// Value consumes the next value and returns its bytes, which live until the
// next call, and the offset of the first of them.
func (s *Scanner) Value() (raw []byte, off int64, err error) {
	n, err := s.scan(value)
	if err != nil {
		return nil, 0, err
	}
	raw, off = s.buf[s.pos:n], s.Offset()
	s.pos = n
	return raw, off, nil
}

// Record is Value, with the members of an object taken apart in the same pass.
func (s *Scanner) Record() (Record, error) {
	n, err := s.scan(s.record)
	if err != nil {
		return Record{}, err
	}
	r := Record{Raw: s.buf[s.pos:n], Offset: s.Offset()}
	if r.Raw[0] == '{' {
		r.Fields = s.fields
	}
	s.pos = n
	return r, nil
}

func (s *Scanner) record(b []byte, i, depth int) (int, verdict) {
	if b[i] != '{' {
		return value(b, i, depth)
	}
	s.fields = s.fields[:0]
	return object(b, i+1, depth+1, &s.fields)
}

// Skip consumes the next value. However long it is, it is checked in full and
// needs no more memory than its longest string.
func (s *Scanner) Skip() error {
	c, err := s.next(wantValue)
	if err != nil {
		return err
	}
	for {
		n, v := value(s.buf[:s.end], s.pos, s.depth)
		switch {
		case v == good:
			s.pos = n
			return nil
		case v != short || s.eof:
			return s.refuse(v, n)
		case s.pos > 0 || s.end < len(s.buf):
			if err := s.fill(); err != nil {
				return err
			}
		case c == '{':
			return s.Object(func(string) error { return nil })
		case c == '[':
			return s.Array(func(int) error { return nil })
		default:
			_, _, err := s.Value()
			return err
		}
	}
}

// End checks that nothing but white space follows.
func (s *Scanner) End() error {
	for s.err == nil {
		s.pos = space(s.buf[:s.end], s.pos)
		switch {
		case s.pos < s.end:
			return s.fail(fault.New(fault.Corrupt, "json: %q after the end of the value", s.buf[s.pos]), s.pos)
		case s.eof:
			return nil
		}
		s.fill()
	}
	return s.err
}

// enter consumes an opening bracket.
func (s *Scanner) enter(open byte) error {
	c, err := s.next(wantValue)
	if err != nil {
		return err
	}
	if c != open {
		return s.fail(fault.New(fault.Corrupt, "json: want %q, found %q", open, c), s.pos)
	}
	if s.depth == MaxDepth {
		return s.refuse(deep, s.pos)
	}
	s.depth++
	s.pos++
	return nil
}

// separate moves to element n of a container that ends with end; more tells
// whether there is one.
func (s *Scanner) separate(n int, end byte, want verdict) (more bool, err error) {
	c, err := s.next(short)
	if err != nil {
		return false, err
	}
	switch {
	case c == end:
		s.pos++
		s.depth--
		return false, nil
	case n == 0:
		return true, nil
	case c != ',':
		return false, s.refuse(want, s.pos)
	}
	s.pos++
	_, err = s.next(wantValue)
	return true, err
}

// member consumes a name and its colon and stands before the value.
func (s *Scanner) member() (string, error) {
	n, err := s.scan(func(b []byte, i, _ int) (int, verdict) { return member(b, i) })
	if err != nil {
		return "", err
	}
	key := s.buf[s.pos+1 : n]
	name := string(unescape(key[:closing(key)]))
	s.pos = n
	_, err = s.next(wantValue)
	return name, err
}

// pass skips the value at offset at where the caller did not consume it.
func (s *Scanner) pass(at int64) error {
	if s.err == nil && s.Offset() == at {
		return s.Skip()
	}
	return s.err
}

// next moves to the next byte that is not white space and returns it.
func (s *Scanner) next(want verdict) (byte, error) {
	for s.err == nil {
		s.pos = space(s.buf[:s.end], s.pos)
		if s.pos < s.end {
			return s.buf[s.pos], nil
		}
		if s.eof {
			return 0, s.refuse(short, s.pos)
		}
		s.fill()
	}
	return 0, s.err
}

// scan runs a scan from the next byte that is not white space until it has all
// it needs in the buffer, and returns the index behind what it passed over.
func (s *Scanner) scan(over func(b []byte, i, depth int) (int, verdict)) (int, error) {
	if _, err := s.next(wantValue); err != nil {
		return 0, err
	}
	for {
		n, v := over(s.buf[:s.end], s.pos, s.depth)
		if v == good {
			return n, nil
		}
		if v != short || s.eof {
			return 0, s.refuse(v, n)
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// fill reads until the buffer is full, after moving the unconsumed bytes to its
// front. A buffer that is full of one value is doubled.
func (s *Scanner) fill() error {
	if s.err != nil {
		return s.err
	}
	first := s.base == 0 && s.end == 0
	if s.pos > 0 {
		s.base += int64(s.pos)
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	} else if s.end == len(s.buf) {
		if s.end >= s.maxValue {
			return s.fail(fault.New(fault.TooLarge, "json: a value of more than %d bytes", s.maxValue), 0)
		}
		s.buf = append(make([]byte, 0, min(2*s.end, s.maxValue)), s.buf...)
		s.buf = s.buf[:cap(s.buf)]
	}
	n, err := io.ReadFull(s.r, s.buf[s.end:])
	s.end += n
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.eof = true
		s.buf[s.end] = '\n'
		s.end++
	} else if err != nil {
		return s.fail(err, s.end)
	}
	if first && s.end >= 3 && s.buf[0] == 0xef && s.buf[1] == 0xbb && s.buf[2] == 0xbf {
		s.pos = 3
	}
	return nil
}

// refuse records the verdict on buf[i].
func (s *Scanner) refuse(v verdict, i int) error {
	if s.eof && i >= s.end-1 {
		v, i = short, s.end-1
	}
	return s.fail(complain(v, s.buf[:s.end], i), i)
}

func (s *Scanner) fail(err error, i int) error {
	if s.err == nil {
		s.err = fault.At(err, fault.Offset(s.name, s.base+int64(i)))
	}
	return s.err
}
