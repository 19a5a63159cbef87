package jsonstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// FuzzScanner holds the scanner against encoding/json: the same texts are
// accepted, and the values of depth 2 are the same bytes at the same places.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{
		`{"images": [{"id": 1}], "annotations": [{"segmentation": [[1.5, 20.25, 3, 4.0], [5]], "id": 9}]}`,
		`[1, 20.25, 0, 0.5, 00, 1.e, -1, 1e9, 12345678, 123456, 1234567]`, `[[], {}, "", "\u00e9\\", true, false, null]`,
		`[12.34, 56.78,90.12,  3.4, .5, 6]`, `[0.0, 01, 2]`, `[NaN, Infinity]`, `"\ud800"`, "\"\xff\"", "[\"abcdefgh\x1f\"]", ` 12 `, `-`, `{"a":1,"a":2}`,
		`{"counts": "PQ^\\1m3", "size": [480, 640]}`, `[1.2345678, 1.23456, 1.2345, ]`, `{"a\"b":{"c":":\""}}`,
	} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(20))
	}
	f.Fuzz(func(t *testing.T, data []byte, buffer uint8) {
		got, err := walk(data, int(buffer))
		if fault.CodeOf(err) == fault.TooLarge {
			return
		}
		if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
			return // accepted here, not there
		}
		if valid := json.Valid(data); valid != (err == nil) {
			t.Fatalf("valid %v, scanner says %v", valid, err)
		}
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Corrupt {
				t.Fatalf("code %q: %v", c, err)
			}
			return
		}
		want := reference(t, data)
		if len(got) != len(want) {
			t.Fatalf("%d values, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("value %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}

// reference is walk, written with encoding/json.
func reference(t *testing.T, data []byte) []string {
	d := json.NewDecoder(bytes.NewReader(data))
	var out []string
	note := func(name string) {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s=%s@%d", name, raw, d.InputOffset()-int64(len(raw))))
	}
	first := bytes.TrimLeft(data, " \n\r\t")[0]
	if first != '{' && first != '[' {
		note("")
		return out
	}
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for i := 0; d.More(); i++ {
		name := fmt.Sprint(i)
		if first == '{' {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			name = key.(string)
		}
		note(name)
	}
	return out
}

// FuzzFields holds the pieces that work in memory against encoding/json.
func FuzzFields(f *testing.F) {
	for _, s := range []string{`{"a": 1, "b": [1, 2]}`, `[1, "x", {}]`, `12`, `1.0`, `-0.25`, `702.1057499999998`, `0.123456789012345`, `00.1`, `123456789012345.5`, `"a\u0041"`, `{"id": 9007199254740993}`, `[1,`, `{"":{"":[]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		valid := json.Valid(raw)
		fields, err := Fields(nil, raw)
		if err == nil && !valid {
			t.Fatalf("Fields accepts %q", raw)
		}
		for _, x := range fields {
			if err == nil && !json.Valid(x.Value) {
				t.Fatalf("value %q", x.Value)
			}
		}
		elems := 0
		if err := Elements(raw, func(_ int, e []byte) error {
			if elems++; !json.Valid(e) {
				t.Fatalf("element %q", e)
			}
			return nil
		}); err == nil {
			var want []json.RawMessage
			if json.Unmarshal(raw, &want) != nil || len(want) != elems {
				t.Fatalf("Elements accepts %q with %d elements, want %d", raw, elems, len(want))
			}
		}
		if v, err := Float(raw); err == nil {
			var want float64
			if json.Unmarshal(raw, &want) != nil || v != want {
				t.Fatalf("Float(%q) = %v, want %v", raw, v, want)
			}
		}
		if s, err := Text(raw); err == nil {
			var want string
			if json.Unmarshal(raw, &want) != nil || s != want {
				t.Fatalf("Text(%q) = %q, want %q", raw, s, want)
			}
		}
		var want int64
		if v, err := Int(raw); json.Unmarshal(raw, &want) == nil && string(raw) != "null" && (err != nil || v != want) && bytes.TrimSpace(raw)[0] == raw[0] && len(bytes.TrimSpace(raw)) == len(raw) {
			t.Fatalf("Int(%q) = %d, %v, want %d", raw, v, err, want)
		}
	})
}
