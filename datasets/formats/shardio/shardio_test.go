package shardio_test

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestRecordIsOneReadableLine(t *testing.T) {
	t.Parallel()
	label := 3
	ex := &datasets.Example{Key: "a", Split: "train", Name: "man & dog <left> ж", Label: &label, Image: []byte("no part of it")}
	var enc shardio.Encoder
	for range 2 {
		got, err := enc.Encode(ex)
		want := `{"key":"a","split":"train","width":0,"height":0,"original_width":0,"original_height":0,` +
			`"source":{"name":"","offset":0,"bytes":0,"sha256":""},"label":3,"name":"man & dog <left> ж"}`
		if err != nil || string(got) != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestNumberThatJSONCannotHoldIsAnInvalidAnnotation(t *testing.T) {
	t.Parallel()
	var enc shardio.Encoder
	_, err := enc.Encode(&datasets.Example{Key: "a", Annotations: &[]datasets.Annotation{{Area: math.NaN()}}})
	if fault.CodeOf(err) != fault.InvalidAnnotation || fault.PlaceOf(err).Key != "a" {
		t.Errorf("got %v", err)
	}
}

func TestTextThatIsNoRecordIsTyped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault.Code{
		"": fault.Corrupt, "{": fault.Corrupt, "[]": fault.Corrupt, `{"key":7}`: fault.Corrupt, "{}": fault.Corrupt, `{"key":"a.b"}`: fault.Corrupt,
		`{"key":"a","annotations":[{"segmentation":7}]}`: fault.InvalidAnnotation,
		strings.Repeat("[", 1<<16):                       fault.Corrupt,
	} {
		if _, err := shardio.Decode([]byte(text)); fault.CodeOf(err) != want {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

func TestRecordsOfOthersAreTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"key":"0","caption":"x"}`: false, `{"split":"train"}`: false, `{"split":1,"source":2}`: false, `[1]`: false,
		`{"split":"train","source":{"sha256":""}}`: true, `{"key`: true,
	} {
		if got := shardio.IsRecord([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestKeysAscendAndKeepTheRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys string
		ok   bool
	}{
		{"a b c", true}, {"000000000001 000000000002", true}, {"A a", true}, {"b a", false}, {"a a", false}, {"a.b", false}, {"a ä 鳥", true}, {"a/b", false},
		{strings.Repeat("x", 80), true}, {strings.Repeat("x", 81), false},
	} {
		var o shardio.Order
		var err error
		for _, k := range strings.Fields(c.keys) {
			if err == nil {
				err = o.Next(k)
			}
		}
		if (err == nil) != c.ok || err != nil && fault.CodeOf(err) != fault.Bug {
			t.Errorf("%.40q: %v", c.keys, err)
		}
	}
}

func TestClassNamesAreUniqueAndHoldOneLineEach(t *testing.T) {
	t.Parallel()
	m := &datasets.Meta{Classes: []datasets.Class{{ID: 3, Name: "crane", Synset: "n1"}, {ID: 5, Name: "crane"}, {ID: 7, Name: " a\nb "}, {ID: 9}}}
	if d := cmp.Diff([]string{"crane", "crane (5)", "a b", "(9)"}, shardio.ClassNames(m, false)); d != "" {
		t.Error(d)
	}
	if got := shardio.ClassNames(m, true)[0]; got != "n1" {
		t.Errorf("got %q", got)
	}
}

func TestWindowReadsTheRightBytesInAnyOrder(t *testing.T) {
	t.Parallel()
	data := make([]byte, 5000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	w := shardio.NewWindow(bytes.NewReader(data), int64(len(data)), 256)
	for range 3000 {
		off := rng.IntN(len(data) + 1)
		n := rng.IntN(min(len(data)-off, 700) + 1)
		got, err := w.Read(int64(off), int64(n))
		if err != nil || !bytes.Equal(got, data[off:off+n]) {
			t.Fatalf("read %d at %d: %v", n, off, err)
		}
		if n > 256 {
			continue
		}
		if got, err = w.Peek(int64(off), n); err != nil || !bytes.Equal(got, data[off:off+n]) {
			t.Fatalf("peek %d at %d: %v", n, off, err)
		}
	}
}

func TestWindowRefusesRangesPastTheEnd(t *testing.T) {
	t.Parallel()
	w := shardio.NewWindow(bytes.NewReader(make([]byte, 100)), 100, 64)
	for _, c := range [][2]int64{{0, 101}, {100, 1}, {101, 0}, {-1, 5}, {5, -1}, {1, math.MaxInt64}, {math.MaxInt64, 1}} {
		if _, err := w.Read(c[0], c[1]); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("read %d at %d: %v", c[1], c[0], err)
		}
	}
	if _, err := w.Peek(0, 65); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("got %v", err)
	}
}

// An object that has shrunk is damaged data; a disk that fails is not.
func TestWindowTellsShortObjectsFromBrokenDisks(t *testing.T) {
	t.Parallel()
	short := shardio.NewWindow(bytes.NewReader(make([]byte, 10)), 100, 64)
	if _, err := short.Read(0, 50); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("got %v", err)
	}
	broken := shardio.NewWindow(brokenDisk{}, 100, 64)
	for range 2 { // the failed read must leave nothing behind
		if _, err := broken.Peek(0, 50); err != io.ErrNoProgress {
			t.Errorf("got %v", err)
		}
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, io.ErrNoProgress }

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"key":"a","image_id":1,"annotations":[{"segmentation":[[1,2,3]]},{"segmentation":{"size":[1,2],"counts":"0"}}]}`))
	f.Add([]byte(`{"key":"a","refs":[{"sentences":[{"tokens":["x"]}]}],"label":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		ex, err := shardio.Decode(text)
		if err != nil {
			if !fault.CodeOf(err).IsData() {
				t.Errorf("error without a data code: %v", err)
			}
			return
		}
		var enc shardio.Encoder
		again, err := enc.Encode(ex)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shardio.Decode(again); err != nil {
			t.Errorf("%v in %s", err, again)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	anns := make([]datasets.Annotation, 10)
	for i := range anns {
		anns[i] = datasets.Annotation{ID: int64(i), BBox: datasets.Box{1.25, 2.5, 3.75, 4}, Segmentation: &datasets.Segmentation{Polygons: [][]float64{make([]float64, 40)}}}
	}
	ex := &datasets.Example{Key: "a", Annotations: &anns}
	var enc shardio.Encoder
	b.ReportAllocs()
	for b.Loop() {
		if _, err := enc.Encode(ex); err != nil {
			b.Fatal(err)
		}
	}
}
