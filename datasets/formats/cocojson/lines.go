package cocojson

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// line is a line of a fragment with its kind in front and its line feed; the
// bytes are valid until the next one.
type line struct {
	raw []byte
	off int64
}

func (l line) kind() byte {
	if len(l.raw) == 0 {
		return 0
	}
	return l.raw[0]
}

// object is the line without its kind and its end.
func (l line) object() []byte { return l.raw[1 : len(l.raw)-1] }

// whole reports whether the line looks unbroken; the fragment's checksum says
// whether it is.
func (l line) whole() bool {
	n := len(l.raw)
	return n >= 4 && l.raw[1] == '{' && l.raw[n-2] == '}' && l.raw[n-1] == '\n'
}

// scanner reads the lines of a fragment.
type scanner struct {
	in     *bufio.Reader
	part   bool // the lines are some of a fragment, without its end line
	long   []byte
	off    int64
	crc    uint32
	ended  bool
	record []byte // the object of the last record line
}

// lines yields the lines of a fragment, and a broken one with a fault.Corrupt
// that has its offset and, where the line is within an example, its key. It
// goes on after a broken line. The last error is that of a fragment that is cut
// off or that its checksum does not fit.
func lines(in *bufio.Reader) iter.Seq2[line, error] {
	return (&scanner{in: in}).all
}

func (s *scanner) all(yield func(line, error) bool) {
	for {
		l, err := s.read()
		if err == io.EOF {
			if !s.ended && !s.part {
				yield(l, s.broken(l, "truncated: there is no end line"))
			}
			return
		}
		if err != nil {
			yield(l, err)
			return
		}
		err = s.check(l)
		s.off += int64(len(l.raw))
		if !yield(l, err) || s.ended && err != nil {
			return
		}
	}
}

// read returns the next line; io.EOF is between two lines.
func (s *scanner) read() (line, error) {
	s.long = s.long[:0]
	for {
		text, err := s.in.ReadSlice('\n')
		if len(s.long) > 0 || errors.Is(err, bufio.ErrBufferFull) {
			s.long = append(s.long, text...)
			text = s.long
		}
		l := line{text, s.off}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(text) > 0:
			return l, s.broken(l, "truncated: a line without an end")
		}
		return l, err
	}
}

// check holds a line to its form.
func (s *scanner) check(l line) error {
	if s.ended {
		return s.broken(l, "a line after the end line")
	}
	if l.kind() == endLine {
		s.ended = true
		return s.sum(l)
	}
	s.crc = crc32.Update(s.crc, castagnoli, l.raw)
	if !l.whole() {
		return s.broken(l, "the line is not an object in one piece")
	}
	switch l.kind() {
	case recordLine:
		s.record = append(s.record[:0], l.object()...)
	case imageLine, objectLine, againLine, refLine:
	default:
		return s.broken(l, fmt.Sprintf("line of unknown kind %q", l.kind()))
	}
	return nil
}

// sum checks the checksum in an end line.
func (s *scanner) sum(l line) error {
	const size = len(`"crc32c":"01234567"}` + "\n")
	at := max(len(l.raw)-size, 0)
	s.crc = crc32.Update(s.crc, castagnoli, l.raw[:at])
	if want := fmt.Sprintf(checksum, s.crc); string(l.raw[at:]) != want {
		return s.broken(l, fmt.Sprintf("checksum: the fragment has %s, its end line says %q", strings.TrimSpace(want), l.raw[at:]))
	}
	return nil
}

func (s *scanner) broken(l line, what string) error {
	place := fault.Offset("", l.off)
	switch l.kind() {
	case imageLine, objectLine, againLine, refLine:
		place.Key, _ = keyOf(s.record)
	}
	return fault.At(fault.New(fault.Corrupt, "fragment: %s", what), place)
}

// keyOf reads the key in a record.
func keyOf(record []byte) (string, error) {
	var head struct{ Key string }
	err := json.Unmarshal(record, &head)
	return head.Key, err
}
