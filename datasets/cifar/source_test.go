package cifar

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/datasettest"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// archive makes a tar of a folder of testdata, with its name as top folder.
func archive(t testing.TB, folder string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	root := os.DirFS("testdata")
	err := fs.WalkDir(root, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stored(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]datasettest.Case{
		"cifar10 records":           {Source: source{&cifar10}, Inputs: datasets.Inputs{"images": "testdata/cifar-10-batches-bin"}, Want: map[string]int{"train": 4, "test": 2}},
		"cifar100 records":          {Source: source{&cifar100}, Inputs: datasets.Inputs{"images": "testdata/cifar-100-binary"}, Want: map[string]int{"train": 3, "test": 1}},
		"cifar10 pictures":          {Source: source{&cifar10}, Inputs: datasets.Inputs{"images": "testdata/images"}, Want: map[string]int{"train": 3, "test": 1}},
		"cifar10 records in a tar":  {Source: source{&cifar10}, Inputs: datasets.Inputs{"images": stored(t, "c.tar", archive(t, "cifar-10-batches-bin"))}, Want: map[string]int{"train": 4, "test": 2}},
		"cifar100 records in a tar": {Source: source{&cifar100}, Inputs: datasets.Inputs{"images": stored(t, "c.tar", archive(t, "cifar-100-binary"))}, Want: map[string]int{"train": 3, "test": 1}},
		"cifar10 pictures in a tar": {Source: source{&cifar10}, Inputs: datasets.Inputs{"images": stored(t, "c.tar", archive(t, "images"))}, Want: map[string]int{"train": 3, "test": 1}},
	} {
		t.Run(name, func(t *testing.T) { datasettest.Run(t, c) })
	}
	for _, name := range []string{"cifar10", "cifar100"} {
		if _, ok := datasets.Lookup(name); !ok {
			t.Errorf("%s is not registered", name)
		}
	}
}

func TestEveryClassHasAName(t *testing.T) {
	t.Parallel()
	if len(cifar10.names) != 10 || len(cifar100.names) != 100 || len(cifar100.coarse) != 20 || len(cifar100.coarseOf) != 100 {
		t.Fatal(len(cifar10.names), len(cifar100.names), len(cifar100.coarse), len(cifar100.coarseOf))
	}
	if !slices.IsSorted(cifar100.names) || !slices.IsSorted(cifar100.coarse) {
		t.Error("the names of CIFAR-100 are in order in its release")
	}
	members := map[uint8]int{}
	for _, c := range cifar100.coarseOf {
		members[c]++
	}
	for c, name := range cifar100.coarse {
		if members[uint8(c)] != 5 {
			t.Errorf("%s has %d classes, want 5", name, members[uint8(c)])
		}
	}
	for class, want := range map[string]string{"cattle": "large_omnivores_and_herbivores", "worm": "non-insect_invertebrates", "apple": "fruit_and_vegetables",
		"mountain": "large_natural_outdoor_scenes", "boy": "people", "tractor": "vehicles_2", "rose": "flowers", "seal": "aquatic_mammals"} {
		if got := cifar100.classes()[slices.Index(cifar100.names, class)].Supercategory; got != want {
			t.Errorf("%s is among %s, want %s", class, got, want)
		}
	}
}

// planned runs Plan and reads every record.
func planned(t testing.TB, s source, addr string) (refs []datasets.Ref, rejected []datasets.Rejection, exs []*datasets.Example) {
	t.Helper()
	in := datasets.Inputs{"images": addr}
	p := &datasets.Planner{Emit: func(r datasets.Ref) error { refs = append(refs, r); return nil },
		Reject: func(r datasets.Rejection) error { rejected = append(rejected, r); return nil },
		Input:  func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {}}
	if err := s.Plan(context.Background(), in, p); err != nil {
		t.Fatal(err)
	}
	records, err := s.Records(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	for i := range refs {
		ex, err := records.Record(context.Background(), &refs[i])
		if err != nil {
			t.Fatal(err)
		}
		exs = append(exs, ex)
	}
	return refs, rejected, exs
}

// ramp is picture k of testdata/README.md.
func ramp(k int) *raster.RGB {
	m := raster.NewRGB(side, side)
	for y := range side {
		for x := range side {
			p := m.Pix[3*(side*y+x):]
			p[0], p[1], p[2] = byte(8*x+31*k), byte(8*y+17*k), byte(4*(x+y)+53*k)
		}
	}
	return m
}

func TestRecordsBecomeLosslessPictures(t *testing.T) {
	t.Parallel()
	type want struct {
		key, split, name string
		picture          int
	}
	cases := map[string]struct {
		s    source
		want []want
	}{
		"cifar-10-batches-bin": {source{&cifar10}, []want{{"data_batch_1_00000", "train", "frog", 0}, {"data_batch_1_00001", "train", "truck", 1},
			{"data_batch_1_00002", "train", "airplane", 2}, {"data_batch_2_00000", "train", "cat", 3}, {"test_batch_00000", "test", "ship", 4}, {"test_batch_00001", "test", "automobile", 5}}},
		"cifar-100-binary": {source{&cifar100}, []want{{"test_00000", "test", "mountain", 6}, {"train_00000", "train", "cattle", 0}, {"train_00001", "train", "worm", 1}, {"train_00002", "train", "apple", 2}}},
	}
	var zips []string
	for folder, c := range cases {
		tarred := archive(t, folder)
		zips = append(zips, stored(t, "x.tar.gz", zipped(t, tarred)))
		for form, addr := range map[string]string{"directory": filepath.Join("testdata", folder), "tar": stored(t, "x.tar", tarred), "tar.gz": zips[len(zips)-1]} {
			refs, rejected, exs := planned(t, c.s, addr)
			if len(refs) != len(c.want) || len(rejected) != 0 {
				t.Fatalf("%s %s: %d refs, rejected %+v", folder, form, len(refs), rejected)
			}
			dec := picture.NewDecoder(picture.Limits{})
			defer dec.Close()
			for i, w := range c.want {
				ex := exs[i]
				var m raster.RGB
				if err := dec.RGB(&m, ex.Image); err != nil || !bytes.Equal(m.Pix, ramp(w.picture).Pix) {
					t.Errorf("%s %s %s: another picture (%v)", folder, form, ex.Key, err)
				}
				if ex.Key != w.key || ex.Split != w.split || ex.Name != w.name || ex.Ext != "png" || ex.OriginalWidth != side || ex.Source.Bytes != c.s.v.recordBytes() {
					t.Errorf("%s %s: %+v, want %+v", folder, form, ex, w)
				}
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for key := range held {
		if slices.Contains(zips, key.addr) {
			t.Errorf("%s is still held", key.addr)
		}
	}
}

func TestPicturesAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	for form, addr := range map[string]string{"directory": "testdata/images", "tar": stored(t, "x.tar", archive(t, "images"))} {
		refs, rejected, exs := planned(t, source{&cifar10}, addr)
		if len(refs) != 4 || len(rejected) != 0 {
			t.Fatalf("%s: %+v", form, rejected)
		}
		for i, want := range []string{"test_dog_0000 png 5", "train_cat_0000 png 3", "train_cat_0001 jpg 3", "train_ship_0000 png 8"} {
			ex := exs[i]
			if got := ex.Key + " " + ex.Ext + " " + string(rune('0'+*ex.Label)); got != want || ex.Source.SHA256 != hexSum(ex.Image) {
				t.Errorf("%s: %s, want %s", form, got, want)
			}
		}
	}
}

func TestBrokenInputsAreSetAsideWithTheirPlace(t *testing.T) {
	t.Parallel()
	record := func(labels ...byte) []byte { return append(labels, make([]byte, pixels)...) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	type rejection struct {
		key    string
		offset int64
		reason fault.Code
	}
	for name, c := range map[string]struct {
		s    source
		file string
		data []byte
		good int
		want []rejection
	}{
		"a label of no class":             {source{&cifar10}, "test_batch.bin", join(record(1), record(10), record(2)), 2, []rejection{{"test_batch_00001", 3073, fault.InvalidAnnotation}}},
		"a file that ends early":          {source{&cifar10}, "data_batch_3.bin", join(record(1), record(2)[:100]), 1, []rejection{{"data_batch_3_00001", 3073, fault.Corrupt}}},
		"an empty file":                   {source{&cifar10}, "data_batch_3.bin", nil, 0, []rejection{{"data_batch_3_00000", 0, fault.Corrupt}}},
		"a fine label of no class":        {source{&cifar100}, "train.bin", join(record(0, 100), record(4, 0)), 1, []rejection{{"train_00000", 0, fault.InvalidAnnotation}}},
		"a coarse label of another class": {source{&cifar100}, "train.bin", join(record(4, 0), record(5, 0)), 1, []rejection{{"train_00001", 3074, fault.InvalidAnnotation}}},
		"a class that does not exist":     {source{&cifar10}, "train/zebra/1.png", []byte("x"), 0, []rejection{{"train_zebra_1", 0, fault.InvalidAnnotation}}},
		"a picture in no class":           {source{&cifar10}, "cat.png", []byte("x"), 0, []rejection{{"cat_png", 0, fault.InvalidAnnotation}}},
	} {
		dir := filepath.Dir(stored(t, "mark.txt", nil))
		path := filepath.Join(dir, filepath.FromSlash(c.file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		refs, rejected, _ := planned(t, c.s, dir)
		var got []rejection
		for _, r := range rejected {
			got = append(got, rejection{r.Key, r.Source.Offset, r.Reason})
		}
		if len(refs) != c.good || !slices.Equal(got, c.want) {
			t.Errorf("%s: %d planned, rejected %v; want %d, %v", name, len(refs), got, c.good, c.want)
		}
	}
}

func TestInputsOfNothingAreUsageErrors(t *testing.T) {
	t.Parallel()
	s := source{&cifar10}
	p := &datasets.Planner{Emit: func(datasets.Ref) error { return nil }, Reject: func(datasets.Rejection) error { return nil },
		Input: func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {}}
	for name, addr := range map[string]string{"a tar of other files": stored(t, "x.tar", archive(t, "README.md")), "records of the other dataset": "testdata/cifar-100-binary"} {
		if err := s.Plan(t.Context(), datasets.Inputs{"images": addr}, p); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{"a cut gzip": zipped(t, archive(t, "images"))[:500], "a gzip of nothing": {0x1f, 0x8b, 8}} {
		if err := s.Plan(t.Context(), datasets.Inputs{"images": stored(t, "x.tar.gz", data)}, p); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The real CIFAR-10 as JPEG, where it is there.
func TestTheSharedTar(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("walks an archive of 60,000 pictures")
	}
	addr := filepath.Join("..", "..", "..", "shared", "data", "cifar10", "cifar10_jpeg.tar")
	if _, err := os.Stat(addr); err != nil {
		t.Skip("the shared sample data is not beside the repository")
	}
	counts := map[string]int{}
	p := &datasets.Planner{Emit: func(r datasets.Ref) error { counts[r.Split]++; return nil }, Reject: func(r datasets.Rejection) error { counts["rejected"]++; return nil },
		Input: func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {}}
	if err := (source{&cifar10}).Plan(t.Context(), datasets.Inputs{"images": addr}, p); err != nil {
		t.Fatal(err)
	}
	if counts["train"] != 50_000 || counts["test"] != 10_000 || counts["rejected"] != 0 {
		t.Errorf("planned %v", counts)
	}
}
