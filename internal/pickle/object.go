package pickle

import (
	"bytes"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// objects are the opcodes that Options.Global opens. They record what Python
// would call, and call nothing.
var objects = map[byte]func(*machine) error{
	'c':  (*machine).global,
	0x93: (*machine).stackGlobal,
	'R':  (*machine).reduce,
	0x81: (*machine).reduce, // NEWOBJ
	'b':  (*machine).build,
	'Q':  (*machine).persistent,
}

// Global is the module and the name of a Global; ok is false for all else.
func (v Value) Global() (module, name string, ok bool) {
	if v.Kind() != Global {
		return "", "", false
	}
	b, n, _ := bytes.Cut(v.d.bytes(v.c), []byte("\n"))
	return string(b), string(n), true
}

// Call is what a Call would have called, a Global, and its arguments, a Tuple;
// ok is false for all else. Len, Entry and Lookup give what the file put into
// the result, as into a dict, and under the key None what it gave to BUILD.
func (v Value) Call() (callee, args Value, ok bool) {
	if v.Kind() != Call {
		return Value{}, Value{}, false
	}
	items := v.d.items(v.c)
	return Value{v.d, items[0]}, Value{v.d, items[1]}, true
}

// global names a class or function on two lines, which stay as they are.
func (m *machine) global() error {
	start := m.pos
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	if err := m.allowed(module, name); err != nil {
		return err
	}
	return m.push(Global, place(start, len(module)+1+len(name)))
}

func (m *machine) stackGlobal() error {
	v, err := m.top(2)
	if err != nil {
		return err
	}
	if v[0].kind() != String || v[1].kind() != String {
		return fault.New(fault.Corrupt, "%v and %v, want two strings", v[0].kind(), v[1].kind())
	}
	module, name := m.doc.bytes(v[0]), m.doc.bytes(v[1])
	if err := m.allowed(module, name); err != nil {
		return err
	}
	start := len(m.doc.text)
	t := append(append(m.doc.text, module...), '\n')
	return m.pushSide(Global, start, append(t, name...))
}

func (m *machine) allowed(module, name []byte) error {
	if !utf8.Valid(module) || !utf8.Valid(name) || bytes.ContainsRune(module, '\n') || !m.allow(string(module), string(name)) {
		return fault.New(fault.Unsupported, "%.60q of %.60q is not allowed here", name, module)
	}
	return nil
}

// reduce records a call.
func (m *machine) reduce() error {
	v, err := m.top(2)
	if err != nil {
		return err
	}
	if v[0].kind() != Global || v[1].kind() != Tuple {
		return fault.New(fault.Corrupt, "%v called with a %v, want a global and a tuple", v[0].kind(), v[1].kind())
	}
	return m.container(Call, v)
}

// build records the state of an object as its entry None.
func (m *machine) build() error {
	state, err := m.top(1)
	if err != nil {
		return err
	}
	return m.into(Call, []cell{newCell(None, m.at, 0), state[0]})
}

// persistent records the name of a thing that lies outside the pickle.
func (m *machine) persistent() error {
	id, err := m.top(1)
	if err != nil {
		return err
	}
	return m.container(Persistent, id)
}
