package pickle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	ogorek "github.com/kisielk/og-rek"
)

// errNotComparable marks a value on which og-rek keeps less than we do.
var errNotComparable = fmt.Errorf("not comparable")

// fromOgrek is a value of og-rek in the form of tree, dicts sorted.
func fromOgrek(x any) (any, error) {
	switch x := x.(type) {
	case ogorek.None:
		return nil, nil
	case bool:
		return x, nil
	case int64:
		return json.Number(strconv.FormatInt(x, 10)), nil
	case *big.Int:
		return json.Number(x.String()), nil
	case float64:
		return number(x), nil
	case string:
		if utf8.ValidString(x) {
			return x, nil
		}
		return latin1([]byte(x)), nil
	case ogorek.Bytes:
		return map[string]any{"bytes": latin1([]byte(x))}, nil
	case []any:
		return ogrekItems(x)
	case ogorek.Tuple:
		list, err := ogrekItems(x)
		return map[string]any{"tuple": list}, err
	case map[any]any:
		var flat []any
		for k, v := range x {
			flat = append(flat, k, v)
		}
		list, err := ogrekItems(flat)
		if err != nil {
			return nil, err
		}
		pairs := []any{}
		for i := 0; i < len(list); i += 2 {
			pairs = append(pairs, []any{list[i], list[i+1]})
		}
		return sorted(pairs)
	}
	return nil, errNotComparable
}

func ogrekItems(list []any) ([]any, error) {
	out := []any{}
	for _, x := range list {
		v, err := fromOgrek(x)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// number keeps NaNs comparable.
func number(f float64) any {
	if math.IsNaN(f) {
		return map[string]any{"float": "nan"}
	}
	return map[string]any{"float": f}
}

// sorted orders the pairs of a dict by key. Equal keys of mixed types (1 and
// True) are one key in Python and several here, and og-rek's own rule: left out.
func sorted(pairs []any) (any, error) {
	last := map[string]any{}
	for _, p := range pairs {
		k := p.([]any)[0]
		switch k.(type) {
		case string:
			last[k.(string)] = p
		default:
			return nil, errNotComparable
		}
	}
	keys := make([]string, 0, len(last))
	for k := range last {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := []any{}
	for _, k := range keys {
		out = append(out, last[k])
	}
	return map[string]any{"dict": out}, nil
}

// comparable is what tree made, dicts sorted and NaNs named.
func comparable(x any) (any, error) {
	var err error
	each := func(list []any) []any {
		out := []any{}
		for _, x := range list {
			v, e := comparable(x)
			if e != nil {
				err = e
			}
			out = append(out, v)
		}
		return out
	}
	switch x := x.(type) {
	case []any:
		return each(x), err
	case map[string]any:
		if pairs, ok := x["dict"].([]any); ok {
			pairs = each(pairs)
			if err != nil {
				return nil, err
			}
			return sorted(pairs)
		}
		if f, ok := x["float"].(float64); ok {
			return number(f), nil
		}
		if list, ok := x["tuple"].([]any); ok {
			return map[string]any{"tuple": each(list)}, err
		}
		if x["set"] != nil {
			return nil, errNotComparable
		}
	}
	return x, nil
}

// compareWithOgrek reads data with both readers and tells how they differ,
// where both read it.
func compareWithOgrek(data []byte) (compared bool, difference string) {
	doc, err := Parse(data, Options{MaxItems: 1 << 16})
	if err != nil || sharesLists(data) {
		return false, ""
	}
	theirs, err := ogorek.NewDecoder(bytes.NewReader(data)).Decode()
	if err != nil {
		return false, ""
	}
	want, err := fromOgrek(theirs)
	if err != nil {
		return false, ""
	}
	got, err := comparable(tree(doc.Root()))
	if err != nil {
		return false, ""
	}
	if !reflect.DeepEqual(got, want) {
		return true, fmt.Sprintf("ours %#v, og-rek's %#v", got, want)
	}
	return true, ""
}

// sharesLists tells whether the pickle data, which Parse reads, uses a list
// twice. og-rek copies such a list as it was when it was remembered, usually
// empty, where Python and Parse mean the list itself.
func sharesLists(data []byte) bool {
	m := &machine{doc: &Document{in: data}, limit: maxItems}
	for {
		m.at = m.pos
		op := data[m.pos]
		m.pos++
		if op == stop {
			return false
		}
		if err := opcodes[op].run(m); err != nil {
			return false
		}
		switch opcodes[op].name {
		case "DUP", "GET", "BINGET", "LONG_BINGET":
			if m.stack[len(m.stack)-1].kind() == List {
				return true
			}
		}
	}
}

func TestOgrekReadsTheSame(t *testing.T) {
	t.Parallel()
	n := 0
	for _, name := range corpus(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		compared, difference := compareWithOgrek(data)
		if difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
		if compared {
			n++
		} else {
			t.Logf("%s: not compared", name)
		}
	}
	if n < 20 {
		t.Errorf("compared %d files only", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range hostile {
		if len(c.in) < 4096 {
			f.Add([]byte(c.in))
		}
	}
	for _, name := range append(corpus(f), "testdata/torch.p2.bin", "testdata/torch.p4.bin") {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	anything := func(_, _ string) bool { return true }
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse(data, Options{Global: anything})
		if err != nil {
			return
		}
		tree(doc.Root())
		if got, most := footprint(doc), 4096+128*len(data); got > most {
			t.Fatalf("%d bytes kept for an input of %d", got, len(data))
		}
		if _, difference := compareWithOgrek(data); difference != "" {
			t.Fatal(difference)
		}
	})
}

// footprint is the memory that a document holds beside its input, in bytes.
func footprint(d *Document) int { return cap(d.text) + 16*len(d.cells) + 12*cap(d.lists) }

// refsPickle is n refs as Python 2 wrote them: protocol 0, all memoized.
func refsPickle(n int) []byte {
	var b strings.Builder
	memo := 0
	put := func(format string, args ...any) {
		fmt.Fprintf(&b, format+"p%d\n", append(args, memo)...)
		memo++
	}
	put("(l")
	for i := range n {
		put("(d")
		put("S'file_name'\n")
		put("S'COCO_train2014_%012d_%d.jpg'\n", i, i%7)
		b.WriteString("s")
		put("S'sentences'\n")
		put("(l")
		for j := range 3 {
			put("(d")
			put("S'raw'\n")
			put("S'the lady with the blue shirt %d'\n", j)
			b.WriteString("s")
			put("S'tokens'\n")
			put("(l")
			for _, w := range []string{"lady", "with", "blue", "shirt"} {
				put("S'%s'\n", w)
				b.WriteString("a")
			}
			b.WriteString("s")
			put("S'sent_id'\n")
			fmt.Fprintf(&b, "I%d\nsa", 3*i+j)
		}
		b.WriteString("sa")
	}
	b.WriteString(".")
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	data := refsPickle(5000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
