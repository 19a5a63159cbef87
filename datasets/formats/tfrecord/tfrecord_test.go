package tfrecord_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/formats/tfrecord"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestConformance(t *testing.T) {
	formattest.Run(t, tfrecord.Format{}, formattest.Options{Checksums: true})
}

func TestCutIsFoundUnlessItIsBetweenRecords(t *testing.T) {
	t.Parallel()
	shard := formattest.Shard(t, tfrecord.Format{}, datasets.Detection, 4)
	r, err := tfrecord.Format{}.NewReader(bytes.NewReader(shard), int64(len(shard)))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := r.Index()
	if err != nil {
		t.Fatal(err)
	}
	between := map[int64]bool{0: true}
	for _, e := range entries {
		between[e.Offset+e.Bytes] = true
	}
	for n := range shard {
		err := formattest.Damaged(t, tfrecord.Format{}, shard[:n:n])
		if want := !between[int64(n)]; (fault.CodeOf(err) == fault.Corrupt) != want {
			t.Fatalf("cut at %d: %v, want a fault: %v", n, err, want)
		}
	}
}

func TestChangedPixelCostsOneExampleAndNamesItsOffset(t *testing.T) {
	t.Parallel()
	exs := formattest.Examples(datasets.Classification, 3)
	shard := formattest.Shard(t, tfrecord.Format{}, datasets.Classification, 3)
	at := bytes.Index(shard, exs[1].Image)
	shard[at+10] ^= 1
	r, err := tfrecord.Format{}.NewReader(bytes.NewReader(shard), int64(len(shard)))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := r.Index()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for ex, err := range r.All() {
		if err != nil {
			if p := fault.PlaceOf(err); fault.CodeOf(err) != fault.Corrupt || p.Offset != entries[1].Offset {
				t.Errorf("got %v, want corrupt at byte %d", err, entries[1].Offset)
			}
			continue
		}
		got = append(got, ex.Key)
	}
	if len(got) != 2 || got[0] != exs[0].Key || got[1] != exs[2].Key {
		t.Errorf("read %v", got)
	}
}

func TestRecordsOfOthersAreUnsupported(t *testing.T) {
	t.Parallel()
	shard := readFixture(t)
	if err := formattest.Damaged(t, tfrecord.Format{}, shard); fault.CodeOf(err) != fault.Unsupported {
		t.Errorf("got %v", err)
	}
}

func TestLabelNamesAreUniqueAndHoldOneLineEach(t *testing.T) {
	t.Parallel()
	m := &datasets.Meta{Classes: []datasets.Class{{ID: 3, Name: "crane"}, {ID: 5, Name: "crane"}, {ID: 7, Name: " a\nb "}, {ID: 9}}}
	files := describe(t, "refcoco+", datasets.Detection, m)
	if got, want := string(files["tfrecord/objects-label.labels.txt"]), "crane\ncrane (5)\na b\n(9)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range m.Classes {
		m.Classes[i].Synset = "n" + strings.Repeat("0", i)
	}
	files = describe(t, "imagenet", datasets.Classification, m)
	if got, want := string(files["tfrecord/label.labels.txt"]), "n\nn0\nn00\nn000\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDatasetInfoStatesShardsAsTFDSWantsThem(t *testing.T) {
	t.Parallel()
	files := describe(t, "refcoco+", datasets.Referring, formattest.Meta(datasets.Referring))
	var info struct {
		Name, FileFormat string
		Splits           []struct {
			Name, NumBytes, FilepathTemplate string
			ShardLengths                     []string
		}
	}
	if err := json.Unmarshal(files["tfrecord/dataset_info.json"], &info); err != nil {
		t.Fatal(err)
	}
	s := info.Splits[0]
	if info.Name != "refcoco_plus" || info.FileFormat != "tfrecord" || s.Name != "train" || s.NumBytes != "300" ||
		strings.Join(s.ShardLengths, " ") != "1 2" || s.FilepathTemplate != "{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}" {
		t.Errorf("got %+v", info)
	}
}

func describe(t *testing.T, name string, task datasets.Task, m *datasets.Meta) map[string][]byte {
	t.Helper()
	files, err := tfrecord.Format{}.Describe(name, task, m, []formats.Split{{Name: "train", Examples: 3, ShardCounts: []int{1, 2}, ShardBytes: []int64{100, 200}}})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func BenchmarkWrite(b *testing.B) {
	for _, task := range formattest.Tasks {
		b.Run(string(task), func(b *testing.B) { formattest.BenchmarkWrite(b, tfrecord.Format{}, task) })
	}
}

func BenchmarkRead(b *testing.B) {
	b.Run("all", func(b *testing.B) { formattest.BenchmarkRead(b, tfrecord.Format{}, datasets.Classification) })
	b.Run("index", func(b *testing.B) { formattest.BenchmarkIndex(b, tfrecord.Format{}, datasets.Classification) })
}
