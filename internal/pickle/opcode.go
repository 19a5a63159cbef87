package pickle

import "strconv"

// opcode is one instruction: its name in pickletools.py and what it does here.
// An opcode without run is known but refused.
type opcode struct {
	name string
	run  func(*machine) error
}

// stop ends a pickle; the loop of Parse looks for it.
const stop = '.'

// opcodes is the allow-list: what has no run in it does not run.
var opcodes = [256]opcode{
	// Framing and the stack.
	stop: {name: "STOP"},
	0x80: {"PROTO", (*machine).proto},
	0x95: {"FRAME", (*machine).frame},
	'(':  {"MARK", (*machine).mark},
	'0':  {"POP", (*machine).pop},
	'1':  {"POP_MARK", (*machine).popMark},
	'2':  {"DUP", (*machine).dup},

	// Scalars.
	'N':  {"NONE", func(m *machine) error { return m.push(None, 0) }},
	0x88: {"NEWTRUE", func(m *machine) error { return m.push(Bool, 1) }},
	0x89: {"NEWFALSE", func(m *machine) error { return m.push(Bool, 0) }},
	'I':  {"INT", (*machine).decimalInt},
	'L':  {"LONG", (*machine).decimalLong},
	'J':  {"BININT", (*machine).int32},
	'K':  {"BININT1", func(m *machine) error { return m.uint(1) }},
	'M':  {"BININT2", func(m *machine) error { return m.uint(2) }},
	0x8a: {"LONG1", func(m *machine) error { return m.long(1) }},
	0x8b: {"LONG4", func(m *machine) error { return m.long(4) }},
	'F':  {"FLOAT", (*machine).decimalFloat},
	'G':  {"BINFLOAT", (*machine).float64},

	// Strings. The first three are those of Python 2.
	'S':  {"STRING", (*machine).quoted},
	'T':  {"BINSTRING", func(m *machine) error { return m.byteString(4) }},
	'U':  {"SHORT_BINSTRING", func(m *machine) error { return m.byteString(1) }},
	'V':  {"UNICODE", (*machine).escapedText},
	'X':  {"BINUNICODE", func(m *machine) error { return m.text(4) }},
	0x8c: {"SHORT_BINUNICODE", func(m *machine) error { return m.text(1) }},
	0x8d: {"BINUNICODE8", func(m *machine) error { return m.text(8) }},
	'B':  {"BINBYTES", func(m *machine) error { return m.bytes(4) }},
	'C':  {"SHORT_BINBYTES", func(m *machine) error { return m.bytes(1) }},
	0x8e: {"BINBYTES8", func(m *machine) error { return m.bytes(8) }},

	// Containers.
	']':  {"EMPTY_LIST", func(m *machine) error { return m.container(List, nil) }},
	'l':  {"LIST", func(m *machine) error { return m.fromMark(List) }},
	'a':  {"APPEND", func(m *machine) error { return m.extend(1, List) }},
	'e':  {"APPENDS", func(m *machine) error { return m.extendFromMark(List) }},
	')':  {"EMPTY_TUPLE", func(m *machine) error { return m.container(Tuple, nil) }},
	't':  {"TUPLE", func(m *machine) error { return m.fromMark(Tuple) }},
	0x85: {"TUPLE1", func(m *machine) error { return m.tuple(1) }},
	0x86: {"TUPLE2", func(m *machine) error { return m.tuple(2) }},
	0x87: {"TUPLE3", func(m *machine) error { return m.tuple(3) }},
	'}':  {"EMPTY_DICT", func(m *machine) error { return m.container(Dict, nil) }},
	'd':  {"DICT", func(m *machine) error { return m.fromMark(Dict) }},
	's':  {"SETITEM", func(m *machine) error { return m.extend(2, Dict) }},
	'u':  {"SETITEMS", func(m *machine) error { return m.extendFromMark(Dict) }},
	0x8f: {"EMPTY_SET", func(m *machine) error { return m.container(Set, nil) }},
	0x91: {"FROZENSET", func(m *machine) error { return m.fromMark(Set) }},
	0x90: {"ADDITEMS", func(m *machine) error { return m.extendFromMark(Set) }},

	// The memo.
	'p':  {"PUT", func(m *machine) error { return m.put(m.decimalIndex()) }},
	'q':  {"BINPUT", func(m *machine) error { return m.put(m.little(1)) }},
	'r':  {"LONG_BINPUT", func(m *machine) error { return m.put(m.little(4)) }},
	0x94: {"MEMOIZE", (*machine).memoize},
	'g':  {"GET", func(m *machine) error { return m.get(m.decimalIndex()) }},
	'h':  {"BINGET", func(m *machine) error { return m.get(m.little(1)) }},
	'j':  {"LONG_BINGET", func(m *machine) error { return m.get(m.little(4)) }},

	// Refused: all that names classes, calls them or reaches out of the file. The
	// table objects opens some of them.
	'c':  {name: "GLOBAL"},
	0x93: {name: "STACK_GLOBAL"},
	'R':  {name: "REDUCE"},
	'b':  {name: "BUILD"},
	'i':  {name: "INST"},
	'o':  {name: "OBJ"},
	0x81: {name: "NEWOBJ"},
	0x92: {name: "NEWOBJ_EX"},
	'P':  {name: "PERSID"},
	'Q':  {name: "BINPERSID"},
	0x82: {name: "EXT1"},
	0x83: {name: "EXT2"},
	0x84: {name: "EXT4"},
	0x96: {name: "BYTEARRAY8"},
	0x97: {name: "NEXT_BUFFER"},
	0x98: {name: "READONLY_BUFFER"},
}

// opcodeName is the name of an opcode, or its byte where there is none.
func opcodeName(op byte) string {
	if n := opcodes[op].name; n != "" {
		return n
	}
	return "0x" + strconv.FormatUint(uint64(op), 16)
}
