package parquet_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/formats/parquet"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestConformance(t *testing.T) {
	formattest.Run(t, parquet.Format{}, formattest.Options{CutsFound: true})
}

// The library's own reader, as a second opinion, must find the nested columns.
func TestNestedColumnsComeBackThroughTheLibrary(t *testing.T) {
	t.Parallel()
	type sentence struct {
		ID     int64    `parquet:"sent_id,optional"`
		Raw    string   `parquet:"raw,optional"`
		Sent   string   `parquet:"sent,optional"`
		Tokens []string `parquet:"tokens,list,optional"`
	}
	type ref struct {
		RefID     int64      `parquet:"ref_id,optional"`
		BBox      []float64  `parquet:"bbox,list,optional"`
		Category  int64      `parquet:"category,optional"`
		Sentences []sentence `parquet:"sentences,list,optional"`
	}
	type row struct {
		Key  string `parquet:"key,optional"`
		Refs []ref  `parquet:"refs,list,optional"`
	}
	shard := formattest.Shard(t, parquet.Format{}, datasets.Referring, 130)
	r := pq.NewGenericReader[row](bytes.NewReader(shard))
	defer r.Close()
	got := make([]row, 130)
	if n, err := r.Read(got); n != 130 || err != nil && err != io.EOF {
		t.Fatal(n, err)
	}
	classOf := formattest.Meta(datasets.Referring).ClassByID()
	for i, ex := range formattest.Examples(datasets.Referring, 130) {
		want := row{Key: ex.Key}
		for _, o := range *ex.Refs {
			w := ref{RefID: o.RefID, BBox: o.BBox[:], Category: int64(classOf[o.CategoryID])}
			for _, s := range o.Sentences {
				w.Sentences = append(w.Sentences, sentence{s.SentID, s.Raw, s.Sent, s.Tokens})
			}
			want.Refs = append(want.Refs, w)
		}
		empty := cmp.FilterPath(func(cmp.Path) bool { return true }, cmp.Comparer(func(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") }))
		noSentences := cmp.FilterValues(func(a, b []sentence) bool { return len(a)+len(b) == 0 }, cmp.Ignore())
		if d := cmp.Diff(want, got[i], empty, noSentences); d != "" {
			t.Fatalf("row %d:\n%s", i, d)
		}
	}
}

func TestMetadataHoldsTheFeaturesInTheOrderOfTheColumns(t *testing.T) {
	t.Parallel()
	for _, task := range formattest.Tasks {
		shard := formattest.Shard(t, parquet.Format{}, task, 1)
		f, err := pq.OpenFile(bytes.NewReader(shard), int64(len(shard)))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := f.Lookup("huggingface")
		var meta struct {
			Info struct{ Features map[string]any }
		}
		if err := json.Unmarshal([]byte(text), &meta); err != nil {
			t.Fatal(err)
		}
		for _, field := range f.Schema().Fields() {
			if meta.Info.Features[field.Name()] == nil {
				t.Errorf("%s: column %s has no feature", task, field.Name())
			}
		}
		if n := len(f.Schema().Fields()); n != len(meta.Info.Features) {
			t.Errorf("%s: %d columns, %d features", task, n, len(meta.Info.Features))
		}
		if f.Metadata().CreatedBy != "tailorbird version 1(build 0)" {
			t.Errorf("created by %q: the bytes depend on the library's version", f.Metadata().CreatedBy)
		}
	}
}

func TestRowGroupsAreSmallAndHoldNoPixelsInTheFooter(t *testing.T) {
	t.Parallel()
	shard := formattest.Shard(t, parquet.Format{}, datasets.Detection, 250)
	f, err := pq.OpenFile(bytes.NewReader(shard), int64(len(shard)))
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, g := range f.RowGroups() {
		rows = append(rows, g.NumRows())
	}
	if d := cmp.Diff([]int64{100, 100, 50}, rows); d != "" {
		t.Error(d)
	}
	footer := shard[len(shard)-8-int(binary.LittleEndian.Uint32(shard[len(shard)-8:])):]
	if bytes.Contains(footer, []byte("\xff\xd8\xff")) || bytes.Contains(footer, []byte(`{"key":"0`)) {
		t.Error("the footer holds an image or a record")
	}
}

func TestWriterHoldsOneRowGroup(t *testing.T) {
	w, err := parquet.Format{}.NewWriter(io.Discard, formattest.Header(datasets.Detection))
	if err != nil {
		t.Fatal(err)
	}
	ex := *formattest.Examples(datasets.Detection, 4)[3]
	ex.Image = make([]byte, 100_000)
	var m runtime.MemStats
	peak := uint64(0)
	for i := range 2000 { // 200 MB, of which a group is 10
		ex.Key = fmt.Sprintf("k%04d", i)
		if err := w.Write(&ex); err != nil {
			t.Fatal(err)
		}
		if i%50 == 49 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if peak > 80<<20 {
		t.Errorf("%d bytes in use at most, the rows take 200 MB", peak)
	}
}

func TestFilesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	type other struct {
		Key string `parquet:"key"`
	}
	type asList struct {
		Key    []string               `parquet:"key"`
		Image  struct{ Bytes []byte } `parquet:"image"`
		Record string                 `parquet:"record"`
	}
	for name, shard := range map[string][]byte{
		"other columns": written(t, []other{{"a"}}),
		"a list":        written(t, []asList{{Key: []string{"a"}}}),
	} {
		if err := formattest.Damaged(t, parquet.Format{}, shard); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func written[T any](t *testing.T, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pq.NewGenericWriter[T](&b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHugeStatedSizesAreRefusedBeforeAllocation(t *testing.T) {
	t.Parallel()
	for _, footer := range []string{
		"\x19\xfc\xff\xff\xff\xff\x0f",                         // a schema of 2^32-1 elements
		"\x29\xfc\xff\xff\xff\xff\x0f",                         // likewise
		"\x15\x02\x19\xfc\x80\x80\x80\x80\x80\x80\x80\x80\x7f", // 2^62
		"\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f",             // a string
		strings.Repeat("\x1c", 5000),                           // structs in structs
		strings.Repeat("\x19", 5000),                           // lists in lists
		"\x1b\xff\xff\xff\xff\xff\x7f\x33",                     // a map
	} {
		shard := "PAR1" + footer + string(binary.LittleEndian.AppendUint32(nil, uint32(len(footer)))) + "PAR1"
		if err := formattest.Damaged(t, parquet.Format{}, []byte(shard)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("footer %q: %v", footer[:min(20, len(footer))], err)
		}
	}
	for _, n := range []uint32{1, 1 << 31, 1<<32 - 1} {
		shard := "PAR1" + string(binary.LittleEndian.AppendUint32(nil, n)) + "PAR1"
		if err := formattest.Damaged(t, parquet.Format{}, []byte(shard)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("footer of %d bytes: %v", n, err)
		}
	}
}

func TestChangedPixelEndsTheShardWithItsOffset(t *testing.T) {
	t.Parallel()
	shard := formattest.Shard(t, parquet.Format{}, datasets.Classification, 3)
	at := bytes.Index(shard, formattest.Examples(datasets.Classification, 3)[1].Image)
	shard[at+20] ^= 4
	err := formattest.Damaged(t, parquet.Format{}, shard)
	if fault.CodeOf(err) != fault.Corrupt || !fault.PlaceOf(err).HasOffset {
		t.Errorf("got %v", err)
	}
}

func TestBrokenDiskIsNotBadData(t *testing.T) {
	t.Parallel()
	if _, err := (parquet.Format{}).NewReader(brokenDisk{}, 1000); err == nil || fault.CodeOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, io.ErrNoProgress }

func FuzzReader(f *testing.F) {
	f.Add(formattest.Shard(f, parquet.Format{}, datasets.Classification, 2))
	f.Add(formattest.Shard(f, parquet.Format{}, datasets.Referring, 1))
	f.Fuzz(func(t *testing.T, shard []byte) { formattest.Damaged(t, parquet.Format{}, shard) })
}

func BenchmarkWrite(b *testing.B) {
	for _, task := range formattest.Tasks {
		b.Run(string(task), func(b *testing.B) { formattest.BenchmarkWrite(b, parquet.Format{}, task) })
	}
}

func BenchmarkRead(b *testing.B) {
	b.Run("all", func(b *testing.B) { formattest.BenchmarkRead(b, parquet.Format{}, datasets.Classification) })
	b.Run("index", func(b *testing.B) { formattest.BenchmarkIndex(b, parquet.Format{}, datasets.Classification) })
}
