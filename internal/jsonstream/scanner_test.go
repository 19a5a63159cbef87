package jsonstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// walk visits every value of data with a small buffer, and lists the scalars
// and containers of depth 2 with their spans.
func walk(data []byte, buffer int) (spans []string, err error) {
	s := NewScanner(bytes.NewReader(data), Options{Name: "t.json", Buffer: buffer, MaxValue: 1 << 20})
	note := func(name string) error {
		raw, off, err := s.Value()
		if err != nil {
			return err
		}
		if !bytes.Equal(raw, data[off:off+int64(len(raw))]) {
			return fmt.Errorf("span %d+%d of %q differs from the bytes handed out %q", off, len(raw), name, raw)
		}
		spans = append(spans, fmt.Sprintf("%s=%s@%d", name, raw, off))
		return nil
	}
	c, err := s.Peek()
	if err != nil {
		return nil, err
	}
	switch c {
	case '{':
		err = s.Object(note)
	case '[':
		err = s.Array(func(i int) error { return note(fmt.Sprint(i)) })
	default:
		err = note("")
	}
	if err != nil {
		return nil, err
	}
	return spans, s.End()
}

func TestTheWalkShowsEveryMemberWithItsSpan(t *testing.T) {
	t.Parallel()
	data := []byte(" {\"a\" : [1, 2.50, -3e2], \"b\":\"x\\\"y\",\"a\":{}\n,\"\\u00e9\": null , \"n\": 12} ")
	want := []string{`a=[1, 2.50, -3e2]@8`, `b="x\"y"@29`, `a={}@40`, `é=null@54`, `n=12@66`}
	for _, buffer := range []int{1, 16, 17, 23, 64, 4096} {
		got, err := walk(data, buffer)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("buffer %d: %q, %v", buffer, got, err)
		}
	}
}

func TestRecordTakesAnObjectApart(t *testing.T) {
	t.Parallel()
	s := NewScanner(strings.NewReader(`[{"id": 1, "\u0069d": 2, "s": [[1.5, 2], {"id": 9}]}, [3]]`), Options{Buffer: 16})
	err := s.Array(func(i int) error {
		rec, err := s.Record()
		if err != nil {
			return err
		}
		if i == 1 {
			if rec.Fields != nil || string(rec.Raw) != "[3]" {
				t.Errorf("element 1: %q, %v", rec.Raw, rec.Fields)
			}
			return nil
		}
		if id, err := Int(Lookup(rec.Fields, "id")); id != 2 || err != nil || len(rec.Fields) != 3 {
			t.Errorf("id %d, %v of %d fields: the last of one name wins", id, err, len(rec.Fields))
		}
		if got := string(Lookup(rec.Fields, "s")); got != `[[1.5, 2], {"id": 9}]` || rec.Offset != 1 {
			t.Errorf("s is %q, the record is at %d", got, rec.Offset)
		}
		return nil
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		t.Error(err)
	}
}

func TestSkippingALongValueNeedsOnlyTheBuffer(t *testing.T) {
	t.Parallel()
	data := `{"big": {"x": [` + strings.Repeat(`[1, {"k": "v"}], `, 5000) + `0]}, "id": 7}`
	s := NewScanner(strings.NewReader(data), Options{Buffer: 64, MaxValue: 64})
	var id int64
	err := s.Object(func(key string) error {
		if key != "id" {
			return nil
		}
		raw, _, err := s.Value()
		if err == nil {
			id, err = Int(raw)
		}
		return err
	})
	if err != nil || id != 7 || len(s.buf) != 64 {
		t.Errorf("id %d, %v, buffer of %d bytes", id, err, len(s.buf))
	}
}

func TestFault23AFileOfAnyLengthIsWalkedInOneBuffer(t *testing.T) {
	t.Parallel()
	part := annotations(100)
	part = append(part[1:len(part)-1:len(part)-1], ", "...)
	parts := []io.Reader{strings.NewReader(`{"annotations": [`)}
	for range 300 {
		parts = append(parts, bytes.NewReader(part))
	}
	parts = append(parts, strings.NewReader(`{"id": 5}]}`))
	s := NewScanner(io.MultiReader(parts...), Options{Buffer: 8 << 10})
	n := 0
	err := s.Object(func(string) error {
		return s.Array(func(int) error {
			rec, err := s.Record()
			if n++; err == nil && rec.Offset != int64(17+(n-1)*len(part)/100) {
				t.Fatalf("annotation %d is at byte %d", n, rec.Offset)
			}
			return err
		})
	})
	if err == nil {
		err = s.End()
	}
	if err != nil || n != 30001 || len(s.buf) != 8<<10 {
		t.Errorf("%d annotations, %v, buffer of %d bytes", n, err, len(s.buf))
	}
}

func TestAValueOverTheLimitIsTooLarge(t *testing.T) {
	t.Parallel()
	s := NewScanner(strings.NewReader(`["`+strings.Repeat("x", 300)+`"]`), Options{Name: "f", Buffer: 16, MaxValue: 200})
	err := s.Array(func(int) error { _, _, err := s.Value(); return err })
	if fault.CodeOf(err) != fault.TooLarge || fault.PlaceOf(err).Offset != 1 {
		t.Errorf("%v", err)
	}
	if _, _, again := s.Value(); again != err {
		t.Errorf("after an error: %v", again)
	}
}

func TestAnObjectOfTooManyMembersIsTooLargeOnlyWhereItIsTakenApart(t *testing.T) {
	t.Parallel()
	wide := func(n int) string { return "{" + strings.Repeat(`"":0,`, n-1) + `"":0}` }
	for n, code := range map[int]fault.Code{MaxMembers: "", MaxMembers + 1: fault.TooLarge} {
		if _, err := NewScanner(strings.NewReader(wide(n)), Options{}).Record(); fault.CodeOf(err) != code {
			t.Errorf("Record of %d members: %v", n, err)
		}
		if _, err := Fields(nil, []byte(wide(n))); fault.CodeOf(err) != code {
			t.Errorf("Fields of %d members: %v", n, err)
		}
		if err := NewScanner(strings.NewReader(wide(n)), Options{}).Skip(); err != nil {
			t.Errorf("Skip of %d members: %v", n, err)
		}
	}
}

func TestReadErrorsArePassedOnWithoutACode(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	s := NewScanner(io.MultiReader(strings.NewReader(`{"a": `), iotest.ErrReader(broken)), Options{})
	err := s.Object(func(string) error { return nil })
	if !errors.Is(err, broken) || fault.CodeOf(err) != "" {
		t.Errorf("%v, code %q", err, fault.CodeOf(err))
	}
}

func TestACallbackErrorEndsTheWalk(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	s := NewScanner(strings.NewReader(`{"a": [1, 2]}`), Options{})
	err := s.Object(func(string) error { return s.Array(func(int) error { return stop }) })
	if err != stop {
		t.Errorf("%v", err)
	}
}

func TestFault23JSON(t *testing.T) {
	t.Parallel()
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, data string
		code       fault.Code
		offset     int64
		says       string
	}{
		{"a byte order mark is passed over", "\xef\xbb\xbf{\"a\": 1}", "", 0, ""},
		{"64 levels are accepted", nest(64), "", 0, ""},
		{"65 levels are too deep", nest(65), fault.TooLarge, 64, "deeper than 64"},
		{"a million levels are too deep", strings.Repeat("[", 1e6), fault.TooLarge, 64, "deeper than 64"},
		{"a million objects are too deep", strings.Repeat(`{"":`, 1e6), fault.TooLarge, 64 * 4, "deeper than 64"},
		{"NaN is refused by name", `{"a": NaN}`, fault.Corrupt, 6, "NaN"},
		{"Infinity is refused by name", `{"a": [1, Infinity]}`, fault.Corrupt, 10, "Infinity"},
		{"minus Infinity is refused by name", `{"a": [1, -Infinity]}`, fault.Corrupt, 11, "Infinity"},
		{"a cut file says so", `{"a": [1, 2`, fault.Corrupt, 11, "cut short"},
		{"a file cut in a string says so", `{"a": "b`, fault.Corrupt, 8, "cut short"},
		{"a file cut in a literal says so", `{"a": tr`, fault.Corrupt, 8, "cut short"},
		{"an empty file says so", ``, fault.Corrupt, 0, "cut short"},
		{"a page of HTML is no value", `<html>`, fault.Corrupt, 0, "found '<'"},
		{"two values", `{} {}`, fault.Corrupt, 3, "after the end"},
		{"a comma too many in an array", `[1, 2,]`, fault.Corrupt, 6, "want a value"},
		{"a comma too many in an object", `{"a":1,}`, fault.Corrupt, 7, "member name"},
		{"a comma too few", `[12 34]`, fault.Corrupt, 4, "want a comma"},
		{"brackets that cross", `{"a": [1}`, fault.Corrupt, 8, "want a comma or ]"},
		{"a leading zero", `[01, 2, 3, 4, 5]`, fault.Corrupt, 2, "want a comma"},
		{"a number without a fraction", `[1., 2, 3, 4, 5]`, fault.Corrupt, 3, "digit"},
		{"a number without a whole part", `[.5, 2, 3, 4, 5]`, fault.Corrupt, 1, "want a value"},
		{"a name without quotes", `{a: 1}`, fault.Corrupt, 1, "double quotes"},
		{"a line break in a string", "[\"a\nb\"]", fault.Corrupt, 3, "control"},
		{"an unknown escape", `["\x41"]`, fault.Corrupt, 3, "escape"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, buffer := range []int{16, 4096} {
				_, err := walk([]byte(c.data), buffer)
				place := fault.PlaceOf(err)
				if fault.CodeOf(err) != c.code || place.Offset != c.offset || (err != nil) != (c.says != "") {
					t.Fatalf("buffer %d: %v: code %q, byte %d", buffer, err, fault.CodeOf(err), place.Offset)
				}
				if err != nil && (!strings.Contains(err.Error(), c.says) || place.Path != "t.json") {
					t.Errorf("buffer %d: %v does not say %q", buffer, err, c.says)
				}
			}
		})
	}
}

// annotations is the text of an array of n annotations with polygons of 37 points.
func annotations(n int) []byte {
	ann := `{"bbox": [12.08, 245.03, 32.49, 37.45], "category_id": 852, "image_id": 565853, "id": 1, "segmentation": [[` +
		strings.Repeat("41.51, 263.79, 9.30, 266.05, ", 18) + `1.00, 2.00]], "area": 959.73}`
	return []byte("[" + strings.Repeat(ann+", ", n-1) + ann + "]")
}

// BenchmarkRecord checks every annotation and takes it apart.
func BenchmarkRecord(b *testing.B) {
	data := annotations(5000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(bytes.NewReader(data), Options{})
		err := s.Array(func(int) error { _, err := s.Record(); return err })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSkip checks all and looks at nothing.
func BenchmarkSkip(b *testing.B) {
	data := annotations(5000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := NewScanner(bytes.NewReader(data), Options{}).Skip(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFile skips through the file that TAILORBIRD_BENCH_ANNOTATIONS names.
func BenchmarkFile(b *testing.B) {
	path := os.Getenv("TAILORBIRD_BENCH_ANNOTATIONS")
	if path == "" {
		b.Skip("TAILORBIRD_BENCH_ANNOTATIONS names no file")
	}
	for b.Loop() {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		s := NewScanner(f, Options{Name: path})
		if err := s.Skip(); err != nil {
			b.Fatal(err)
		}
		if err := s.End(); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(s.Offset())
		f.Close()
	}
}
