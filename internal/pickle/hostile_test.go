package pickle

import (
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func le(width int, n uint64) string {
	return string(binary.LittleEndian.AppendUint64(nil, n)[:width])
}

// hostile is fault 22: what a pickle from a public host may hold instead of data.
var hostile = []struct {
	name, in string
	code     fault.Code
	message  string // part of it
}{
	{"GLOBAL", "cos\nsystem\n(S'true'\ntR.", fault.Unsupported, "byte 0: pickle opcode GLOBAL is not data"},
	{"STACK_GLOBAL", "\x80\x04\x8c\x02os\x8c\x06system\x93.", fault.Unsupported, "byte 14: pickle opcode STACK_GLOBAL"},
	{"REDUCE", ")R.", fault.Unsupported, "byte 1: pickle opcode REDUCE"},
	{"INST", "(S'true'\nios\nsystem\n.", fault.Unsupported, "INST"},
	{"OBJ", "(o.", fault.Unsupported, "OBJ"},
	{"NEWOBJ", "))\x81.", fault.Unsupported, "NEWOBJ"},
	{"NEWOBJ_EX", "\x92.", fault.Unsupported, "NEWOBJ_EX"},
	{"BUILD", "}}b.", fault.Unsupported, "byte 2: pickle opcode BUILD"},
	{"EXT1", "\x82\x01.", fault.Unsupported, "EXT1"},
	{"EXT2", "\x83\x01\x00.", fault.Unsupported, "EXT2"},
	{"EXT4", "\x84\x01\x00\x00\x00.", fault.Unsupported, "EXT4"},
	{"PERSID", "P1\n.", fault.Unsupported, "PERSID"},
	{"BINPERSID", "K\x01Q.", fault.Unsupported, "BINPERSID"},
	{"NEXT_BUFFER", "\x97.", fault.Unsupported, "NEXT_BUFFER"},
	{"a byte that is no opcode", "\xff.", fault.Unsupported, "0xff"},
	{"a protocol to come", "\x80\x06N.", fault.Unsupported, "protocol 6"},

	{"BINBYTES8 of a tebibyte", "\x8e" + le(8, 1<<40) + ".", fault.Corrupt, "1099511627776 bytes wanted, 1 are left"},
	{"BINUNICODE of 2 GiB", "X" + le(4, 1<<31) + ".", fault.Corrupt, "2147483648 bytes wanted"},
	{"BINUNICODE8 of all", "\x8d" + le(8, 1<<64-1) + ".", fault.Corrupt, "18446744073709551615 bytes wanted"},
	{"BINSTRING of a negative length", "T" + le(4, 1<<32-1) + ".", fault.Corrupt, "bytes wanted"},
	{"LONG1 beyond the input", "\x8a\xff.", fault.Corrupt, "255 bytes wanted"},
	{"LONG4 of 2 GiB", "\x8b" + le(4, 1<<31) + ".", fault.Corrupt, "bytes wanted"},
	{"LONG4 of 9 bytes", "\x8b" + le(4, 9) + "\x01\x01\x01\x01\x01\x01\x01\x01\x01.", fault.Unsupported, "72 bits"},
	{"FRAME beyond the input", "\x95" + le(8, 1<<63) + "N.", fault.Corrupt, "frame of 9223372036854775808 bytes, 2 are left"},
	{"LONG of a million digits", "L" + strings.Repeat("9", 1e6) + "L\n.", fault.Unsupported, "1000000 digits"},

	{"a huge memo index", "Nr" + le(4, 1<<32-1) + ".", fault.TooLarge, "memo index 4294967295 after 1 values"},
	{"a huge memo index in decimal", "Np999999999999999999\n.", fault.TooLarge, "memo index"},
	{"a memo index beyond 64 bits", "Np99999999999999999999\n.", fault.Corrupt, "no memo index"},
	{"a memo index that was never set", "h\x00.", fault.Corrupt, "memo has no 0"},
	{"a gap in the memo", "Nq\x01h\x00.", fault.Corrupt, "memo has no 0"},
	{"nothing to memoize", "\x94.", fault.Corrupt, "nothing to remember"},

	{"a million lists within lists", strings.Repeat("]", 1e6) + strings.Repeat("a", 1e6-1) + ".", fault.TooLarge, "nested more than 64 deep"},
	{"a million marks", strings.Repeat("(", 1e6) + ".", fault.TooLarge, "open marks"},
	{"a list that holds itself", "]q\x00h\x00a.", fault.Unsupported, "list that holds itself"},
	{"a dict that holds itself", "}q\x00U\x01ah\x00s.", fault.Unsupported, "dict that holds itself"},
	{"a cycle of two", "]q\x00]q\x01h\x00aa.", fault.Unsupported, "holds itself"},
	{"sharing that grows tenfold a level", laughs(), fault.TooLarge, "shared values make it 16 times as large"},
	{"one long string a hundred thousand times", "U\xff" + strings.Repeat("x", 255) + "q\x000](" + strings.Repeat("h\x00", 1e5) + "e.", fault.TooLarge, "shared values"},

	{"an empty file", "", fault.Corrupt, "without STOP"},
	{"a stop alone", ".", fault.Corrupt, "leaves 0 values"},
	{"two values", "NN.", fault.Corrupt, "leaves 2 values"},
	{"bytes after the end", "N.N", fault.Corrupt, "1 bytes after the end"},
	{"a key without a value", "(U\x01ad.", fault.Corrupt, "key without a value"},
	{"a list as a key", "}]Ns.", fault.Corrupt, "list as a key"},
	{"APPEND to a dict", "}Na.", fault.Corrupt, "byte 2: APPEND: dict, want list"},
	{"APPEND to a tuple", ")Na.", fault.Corrupt, "tuple, want list"},
	{"APPENDS to nothing", "(Ne.", fault.Corrupt, "no list to extend"},
	{"APPEND across a mark", "](a.", fault.Corrupt, "1 values wanted, the stack has 0"},
	{"POP of nothing", "0.", fault.Corrupt, "1 values wanted"},
	{"POP_MARK without a mark", "1.", fault.Corrupt, "no mark"},
	{"text that is not UTF-8", "\x8c\x01\xff.", fault.Corrupt, "not UTF-8"},
	{"half a surrogate pair", "V\\ud83dx\n.", fault.Corrupt, "surrogate 0xd83d"},
	{"a character beyond Unicode", "V\\U00110000\n.", fault.Corrupt, "no character"},
	{"a short escape", "S'\\x4'\n.", fault.Corrupt, "escape"},
	{"an unquoted string", "Sabc\n.", fault.Corrupt, "no quoted string"},
	{"a string with one quote", "S'\n.", fault.Corrupt, "no quoted string"},
	{"a backslash at the end", "S'\\'\n.", fault.Corrupt, "backslash"},
	{"an INT of letters", "Iabc\n.", fault.Corrupt, "no integer"},
	{"a FLOAT of letters", "Fabc\n.", fault.Corrupt, "no number"},
	{"an index of letters", "Npabc\n.", fault.Corrupt, "no memo index"},
	{"a line without an end", "I1", fault.Corrupt, "line without an end"},
}

// laughs is 10 lists deep, each holding the one before ten times.
func laughs() string {
	var b strings.Builder
	b.WriteString("]q\x000")
	for i := range 10 {
		b.WriteString("](" + strings.Repeat("h"+string(rune(i)), 10) + "eq" + string(rune(i+1)))
		if i < 9 {
			b.WriteString("0")
		}
	}
	b.WriteString(".")
	return b.String()
}

// TestFault22HostilePicklesAreRefusedWithoutMemory does not run in parallel: it
// counts what is allocated.
func TestFault22HostilePicklesAreRefusedWithoutMemory(t *testing.T) {
	for _, c := range hostile {
		in := []byte(c.in)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse(in, Options{})
		runtime.ReadMemStats(&after)
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: got %v (%s), want %s with %q", c.name, err, fault.CodeOf(err), c.code, c.message)
		}
		if !fault.PlaceOf(err).HasOffset {
			t.Errorf("%s: %v has no offset", c.name, err)
		}
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+160*len(in)); got > most {
			t.Errorf("%s: %d bytes allocated for an input of %d", c.name, got, len(in))
		}
	}
}

func TestFault22TheNumberOfValuesIsLimited(t *testing.T) {
	t.Parallel()
	in := []byte("](" + strings.Repeat("N", 100) + "e.")
	if _, err := Parse(in, Options{MaxItems: 101}); err != nil {
		t.Error(err)
	}
	_, err := Parse(in, Options{MaxItems: 100})
	if fault.CodeOf(err) != fault.TooLarge || !strings.Contains(err.Error(), "more than 100 values") {
		t.Errorf("got %v", err)
	}
}

func TestFault22EveryByteFlippedIsReadOrRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"testdata/refs.p0.pkl", "testdata/refs.p2.pkl", "testdata/refs.p4.pkl"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			for _, x := range []byte{0x01, 0x20, 0x80, 0xff} {
				data[i] ^= x
				if doc, err := Parse(data, Options{}); err == nil {
					tree(doc.Root())
				} else if !fault.CodeOf(err).IsData() {
					t.Fatalf("%s, byte %d: %v has no data code", name, i, err)
				}
				data[i] ^= x
			}
		}
	}
}
