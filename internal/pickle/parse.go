package pickle

import (
	"bytes"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Limits that no pickle of data comes near.
const (
	maxInput  = math.MaxInt32 // bytes: offsets and lengths are kept in 32 bits
	maxDepth  = 64            // containers within containers
	maxMarks  = 4 * maxDepth  // open MARKs; a pickler has at most two a level
	maxItems  = 16 << 20      // values, unless Options says otherwise
	maxGrowth = 16            // written out, shared values repeated, against input
)

// Options bounds what Parse accepts.
type Options struct {
	MaxItems int // values that may be made, 0: 16 Mi (five times the largest REFER file)

	// Global tells which classes and functions a pickle may name, as those of
	// PyTorch's checkpoints do. They come as values of the kinds Global, Call and
	// Persistent; nothing is called. Nil: none, and every such opcode is refused.
	Global func(module, name string) bool
}

// Parse reads data, which is one pickle from its first to its last byte. The
// Document refers to data. Errors: fault.Corrupt for bytes that are no pickle,
// fault.Unsupported for one that holds more than data, fault.TooLarge for one
// over a limit, each with the offset of the opcode.
func Parse(data []byte, o Options) (*Document, error) {
	// REFER's files have a value every 8 bytes or more: room for as many spares
	// the array from growing, and what is not used is never touched.
	m, err := run(data, o, len(data)/8)
	if err != nil {
		return nil, err
	}
	if n := len(data) - m.pos; n > 0 {
		return nil, m.locate(fault.New(fault.Corrupt, "%d bytes after the end of the pickle", n))
	}
	return m.finish()
}

// ParseFirst is Parse of data that begins with a pickle. It returns the pickle's
// length too.
func ParseFirst(data []byte, o Options) (*Document, int, error) {
	m, err := run(data, o, 0)
	if err != nil {
		return nil, 0, err
	}
	doc, err := m.finish()
	return doc, m.pos, err
}

// run executes data up to STOP.
func run(data []byte, o Options, room int) (*machine, error) {
	if len(data) > maxInput {
		return nil, fault.New(fault.TooLarge, "pickle of %d bytes, at most %d are read", len(data), maxInput)
	}
	m := &machine{doc: &Document{in: data, cells: make([]cell, 0, room)}, limit: o.MaxItems, allow: o.Global}
	if m.limit == 0 {
		m.limit = maxItems
	}
	for {
		m.at = m.pos
		if m.pos == len(data) {
			return nil, m.locate(fault.New(fault.Corrupt, "pickle ends without STOP"))
		}
		op := data[m.pos]
		m.pos++
		if op == stop {
			return m, nil
		}
		run := opcodes[op].run
		if run == nil && m.allow != nil {
			run = objects[op]
		}
		if run == nil {
			return nil, m.locate(fault.New(fault.Unsupported, "pickle opcode %s is not data", opcodeName(op)))
		}
		if err := run(m); err != nil {
			return nil, m.locate(fault.New(fault.CodeOf(err), "%s: %w", opcodeName(op), err))
		}
	}
}

// machine is the stack machine that a pickle is a program for.
type machine struct {
	doc   *Document
	pos   int // next byte
	at    int // opcode that runs
	stack []cell
	marks []int // heights of the stack
	memo  memo
	made  int // values so far
	limit int // values at most
	allow func(module, name string) bool
}

func (m *machine) locate(err error) error { return fault.At(err, fault.Offset("", int64(m.at))) }

func (m *machine) finish() (*Document, error) {
	if len(m.marks) > 0 || len(m.stack) != 1 {
		return nil, m.locate(fault.New(fault.Corrupt, "pickle leaves %d values and %d marks, want one value", len(m.stack), len(m.marks)))
	}
	m.doc.root = m.stack[0]
	if err := m.doc.check(); err != nil {
		return nil, err
	}
	return m.doc, nil
}

// take is the next n bytes of the input.
func (m *machine) take(n uint64) ([]byte, error) {
	if left := uint64(len(m.doc.in) - m.pos); n > left {
		return nil, fault.New(fault.Corrupt, "%d bytes wanted, %d are left", n, left)
	}
	b := m.doc.in[m.pos : m.pos+int(n)]
	m.pos += int(n)
	return b, nil
}

// line is the rest of the line, without its end.
func (m *machine) line() ([]byte, error) {
	rest := m.doc.in[m.pos:]
	n := bytes.IndexByte(rest, '\n')
	if n < 0 {
		return nil, fault.New(fault.Corrupt, "line without an end")
	}
	m.pos += n + 1
	return rest[:n], nil
}

// little is an unsigned little-endian number of n bytes.
func (m *machine) little(n uint64) (uint64, error) {
	b, err := m.take(n)
	return littleEndian(b), err
}

func (m *machine) proto() error {
	v, err := m.little(1)
	if err == nil && v > 5 {
		return fault.New(fault.Unsupported, "protocol %d, at most 5 is read", v)
	}
	return err
}

// frame checks a frame's length; its bytes are opcodes like any others.
func (m *machine) frame() error {
	n, err := m.little(8)
	if left := len(m.doc.in) - m.pos; err == nil && n > uint64(left) {
		return fault.New(fault.Corrupt, "frame of %d bytes, %d are left", n, left)
	}
	return err
}

func (m *machine) pushCell(c cell) error {
	if m.made == m.limit {
		return fault.New(fault.TooLarge, "more than %d values", m.limit)
	}
	m.made++
	m.stack = append(m.stack, c)
	return nil
}

func (m *machine) push(k Kind, data uint64) error { return m.pushCell(newCell(k, m.at, data)) }

func (m *machine) mark() error {
	if len(m.marks) == maxMarks {
		return fault.New(fault.TooLarge, "more than %d open marks", maxMarks)
	}
	m.marks = append(m.marks, len(m.stack))
	return nil
}

// floor is the height below which the stack belongs to an open mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

// top takes the uppermost n values off the stack. They stay readable until the
// next push.
func (m *machine) top(n int) ([]cell, error) {
	h := len(m.stack) - n
	if h < m.floor() {
		return nil, fault.New(fault.Corrupt, "%d values wanted, the stack has %d", n, len(m.stack)-m.floor())
	}
	v := m.stack[h:]
	m.stack = m.stack[:h]
	return v, nil
}

// sinceMark closes the last mark and takes the values above it off the stack.
func (m *machine) sinceMark() ([]cell, error) {
	if len(m.marks) == 0 {
		return nil, fault.New(fault.Corrupt, "no mark")
	}
	n := len(m.stack) - m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	return m.top(n)
}

// pop drops the uppermost value, or the mark where there is nothing above it.
func (m *machine) pop() error {
	if len(m.marks) > 0 && m.floor() == len(m.stack) {
		return m.popMark()
	}
	_, err := m.top(1)
	return err
}

func (m *machine) popMark() error {
	_, err := m.sinceMark()
	return err
}

func (m *machine) dup() error {
	v, err := m.top(1)
	if err != nil {
		return err
	}
	m.stack = m.stack[:len(m.stack)+1]
	return m.pushCell(v[0])
}
