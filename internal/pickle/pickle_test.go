package pickle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// tree is v in the form of the testdata's JSON; see testdata/make.py.
func tree(v Value) any {
	switch v.Kind() {
	case Bool:
		b, _ := v.Bool()
		return b
	case Int:
		n, _ := v.Int()
		return json.Number(strconv.FormatInt(n, 10))
	case Float:
		f, _ := v.Float()
		return map[string]any{"float": f}
	case String:
		s, _ := v.Text()
		return s
	case Bytes:
		b, _ := v.Bytes()
		return map[string]any{"bytes": latin1(b)}
	case Global:
		module, name, _ := v.Global()
		return map[string]any{"global": []any{module, name}}
	case List:
		return items(v)
	case Tuple:
		return map[string]any{"tuple": items(v)}
	case Set:
		return map[string]any{"set": items(v)}
	case Persistent:
		return map[string]any{"persistent": items(v)}
	case Call:
		callee, args, _ := v.Call()
		return map[string]any{"call": []any{tree(callee), tree(args), entries(v)}}
	case Dict:
		return map[string]any{"dict": entries(v)}
	}
	return nil
}

func entries(v Value) []any {
	pairs := []any{}
	for i := range v.Len() {
		k, x := v.Entry(i)
		pairs = append(pairs, []any{tree(k), tree(x)})
	}
	return pairs
}

func items(v Value) []any {
	out := []any{}
	for i := range v.Len() {
		out = append(out, tree(v.Index(i)))
	}
	return out
}

func latin1(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// floats turns the reprs of the JSON into numbers.
func floats(x any) any {
	switch x := x.(type) {
	case []any:
		for i := range x {
			x[i] = floats(x[i])
		}
	case map[string]any:
		for k := range x {
			if s, ok := x[k].(string); ok && k == "float" {
				x[k], _ = strconv.ParseFloat(s, 64)
			} else {
				x[k] = floats(x[k])
			}
		}
	}
	return x
}

func corpus(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.pkl")
	if err != nil || len(names) < 30 {
		t.Fatalf("%d pickles in testdata, %v", len(names), err)
	}
	return names
}

func TestPicklesOfRealPythonReadAsPythonMeantThem(t *testing.T) {
	t.Parallel()
	for _, name := range corpus(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		expect, err := os.ReadFile(strings.Split(name, ".p")[0] + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(expect))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		doc, err := Parse(data, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := tree(doc.Root()); !reflect.DeepEqual(got, floats(want)) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want)
		}
	}
}

func TestAPickleCutAnywhereIsCorrupt(t *testing.T) {
	t.Parallel()
	for _, name := range corpus(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(data); n += 1 + len(data)/997 {
			if _, err := Parse(data[:n], Options{}); fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestSingleValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     any
	}{
		{"false of protocol 0", "I00\n.", false},
		{"true of protocol 0", "I01\n.", true},
		{"a one that is no boolean", "I1\n.", json.Number("1")},
		{"a long with its suffix", "L-12L\n.", json.Number("-12")},
		{"a long of no bytes", "\x8a\x00.", json.Number("0")},
		{"a long padded with its sign", "\x8a\x0a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff.", json.Number("-2")},
		{"a long of 4-byte length", "\x8b\x02\x00\x00\x00\x00\x80.", json.Number("-32768")},
		{"a float too large for 64 bits", "F1e999\n.", map[string]any{"float": positiveInf()}},
		{"a string with all escapes", `S'\\ \' \" \n\r\t\a\b\f\v \x41\101\q'` + "\n.", "\\ ' \" \n\r\t\a\b\f\v AA\\q"},
		{"a string in double quotes", "S\"it's\"\n.", "it's"},
		{"bytes that are UTF-8", "U\x02\xc3\xa9.", "\u00e9"},
		{"bytes that are Latin-1", "U\x01\xe9.", "\u00e9"},
		{"escapes that are Latin-1", `S'caf\xe9'` + "\n.", "caf\u00e9"},
		{"escapes that are UTF-8", `S'caf\xc3\xa9'` + "\n.", "caf\u00e9"},
		{"text with an escaped backslash", "V\\\\u0041\\u005c\n.", "\\\\u0041\\"},
		{"text of a narrow build", "V\\ud83d\\ude00\n.", "\U0001f600"},
		{"text of a wide build", "V\\U0001f600\n.", "\U0001f600"},
		{"text with Latin-1 in it", "Vcaf\xe9\n.", "caf\u00e9"},
		{"a value dropped", "K\x01K\x020.", json.Number("1")},
		{"a mark dropped", "K\x01(0.", json.Number("1")},
		{"a mark dropped with what is above it", "K\x01(K\x02K\x031.", json.Number("1")},
		{"a value twice", "](K\x072e.", []any{json.Number("7"), json.Number("7")}},
		{"a list that grows after others", "](](K\x01e](K\x02ee2K\x03a0.", []any{[]any{json.Number("1")}, []any{json.Number("2")}, json.Number("3")}},
	} {
		doc, err := Parse([]byte(c.in), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := tree(doc.Root()); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", c.name, got, c.want)
		}
	}
}

func positiveInf() float64 {
	f, _ := strconv.ParseFloat("inf", 64)
	return f
}

func TestLookupTakesTheLastOfEqualKeys(t *testing.T) {
	t.Parallel()
	doc, err := Parse([]byte("}(U\x01aK\x01U\x01aK\x02K\x05K\x06u."), Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, ok := doc.Root().Lookup("a")
	if n, err := v.Int(); !ok || err != nil || n != 2 || doc.Root().Len() != 3 {
		t.Errorf("got %d, %v, %v of %d", n, ok, err, doc.Root().Len())
	}
	if _, ok := doc.Root().Lookup("b"); ok {
		t.Error("found a key that is not there")
	}
}

func TestAnotherKindIsNamedWithItsOffset(t *testing.T) {
	t.Parallel()
	doc, err := Parse([]byte("](U\x01aNe."), Options{})
	if err != nil {
		t.Fatal(err)
	}
	list := doc.Root()
	_, intErr := list.Index(0).Int()
	_, textErr := list.Text()
	_, boolErr := list.Index(1).Bool()
	_, floatErr := list.Index(1).Float()
	for want, err := range map[string]error{
		"byte 2: string, want int":  intErr,
		"byte 0: list, want string": textErr,
		"byte 5: None, want bool":   boolErr,
		"byte 5: None, want float":  floatErr,
		"byte 2: string, want dict": list.Index(0).Want(Dict),
	} {
		if fmt.Sprint(err) != want || fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("got %v (%s), want %s", err, fault.CodeOf(err), want)
		}
	}
}
