package verify_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	_ "github.com/tailorbird/tailorbird/datasets/formats/all"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// dataset is a built dataset of two splits, train in two shards and val in one,
// that a test may damage.
type dataset struct {
	t   testing.TB
	dir string
	m   *manifest.Manifest
	exs map[string][]*datasets.Example // by split
}

// formatsOf lists the formats that hold a task.
func formatsOf(task datasets.Task) []string {
	if task == datasets.Classification {
		return []string{"webdataset", "tfrecord", "parquet"}
	}
	return []string{"webdataset", "tfrecord", "parquet", "coco"}
}

const trainExamples, valExamples, trainShards = 10, 3, 2

// examples are those of formattest, each ref with an expression.
func examples(task datasets.Task) map[string][]*datasets.Example {
	all := formattest.Examples(task, trainExamples+valExamples)
	for i, ex := range all {
		if ex.Refs != nil {
			for j := range *ex.Refs {
				r := &(*ex.Refs)[j]
				r.AnnID = int64(100*i + j + 1)
				r.Sentences = []datasets.Sentence{{SentID: int64(10*i + j), Raw: "Left", Sent: "left", Tokens: []string{"left"}}}
			}
		}
		if i >= trainExamples {
			ex.Split = "val"
		}
	}
	return map[string][]*datasets.Example{"train": all[:trainExamples], "val": all[trainExamples:]}
}

// newDataset writes a dataset as a build would, in the formats named or in all.
func newDataset(t testing.TB, task datasets.Task, names ...string) *dataset {
	t.Helper()
	return writeDataset(t, task, examples(task), names...)
}

func writeDataset(t testing.TB, task datasets.Task, exs map[string][]*datasets.Example, names ...string) *dataset {
	t.Helper()
	if len(names) == 0 {
		names = formatsOf(task)
	}
	meta := formattest.Meta(task)
	d := &dataset{t: t, dir: t.TempDir(), exs: exs, m: &manifest.Manifest{
		Dataset: formattest.Header(task).Dataset, Task: string(task), Codec: "none", Transforms: "keep",
		Classes: meta.Classes, Licenses: meta.Licenses, Splits: map[string]manifest.Split{},
	}}
	for name, list := range exs {
		split := manifest.Split{Examples: len(list)}
		for _, ex := range list {
			split.Annotations += max(1, len(ex.Objects()))
			if ex.Annotations != nil && len(*ex.Annotations) == 0 {
				split.Annotations--
			}
		}
		d.m.Splits[name] = split
	}
	for _, name := range names {
		f, ok := formats.Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		for split := range exs {
			d.writeSplit(f, split, formattest.Header(task))
		}
		if x, ok := f.(formats.Describer); ok {
			files, err := x.Describe(d.m.Dataset, task, meta, nil)
			d.check(err)
			for path, text := range files {
				d.write(path, text)
				d.m.Files = append(d.m.Files, manifest.File{Path: path})
			}
		}
	}
	d.reseal()
	return d
}

// writeSplit writes the shards of a split in one format and lists them.
func (d *dataset) writeSplit(f formats.Format, split string, h formats.Header) {
	h.Split, h.Shards = split, 1
	if split == "train" {
		h.Shards = trainShards
	}
	var fragments [][]byte
	list := d.m.Splits[split]
	for h.Shard = 0; h.Shard < h.Shards; h.Shard++ {
		var b bytes.Buffer
		w, err := f.NewWriter(&b, h)
		d.check(err)
		n := 0
		for i, ex := range d.exs[split] {
			if i%h.Shards == h.Shard {
				d.check(w.Write(ex))
				n++
			}
		}
		d.check(w.Close())
		fragments = append(fragments, b.Bytes())
		if _, merged := f.(formats.Merger); !merged {
			path := f.Path(split, h.Shard, h.Shards)
			d.write(path, b.Bytes())
			list.Shards = append(list.Shards, manifest.Shard{Format: f.Name(), Path: path, Examples: n})
		}
	}
	if m, merged := f.(formats.Merger); merged {
		var b bytes.Buffer
		var parts iter.Seq2[io.Reader, error] = func(yield func(io.Reader, error) bool) {
			for _, part := range fragments {
				if !yield(bytes.NewReader(part), nil) {
					return
				}
			}
		}
		d.check(m.Merge(&b, h.Dataset, h.Task, h.Meta, split, parts))
		d.write(m.MergedPath(split), b.Bytes())
		list.Shards = append(list.Shards, manifest.Shard{Format: f.Name(), Path: m.MergedPath(split), Examples: len(d.exs[split])})
	}
	d.m.Splits[split] = list
}

// reseal makes the manifest agree with the files as they are now, but for the
// numbers of examples.
func (d *dataset) reseal() {
	d.t.Helper()
	for name, s := range d.m.Splits {
		for i := range s.Shards {
			x := &s.Shards[i]
			b := d.read(x.Path)
			x.Bytes, x.SHA256 = int64(len(b)), shaOf(b)
			x.CRC32C = fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
		}
		d.m.Splits[name] = s
	}
	for i := range d.m.Files {
		b := d.read(d.m.Files[i].Path)
		d.m.Files[i].Bytes, d.m.Files[i].SHA256 = int64(len(b)), shaOf(b)
	}
	d.sealAsIs()
}

// sealAsIs writes the manifest with a root hash that fits what it says.
func (d *dataset) sealAsIs() {
	d.t.Helper()
	d.m.Seal()
	text, err := d.m.Encode()
	d.check(err)
	d.write(manifest.Name, text)
}

func shaOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (d *dataset) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *dataset) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func (d *dataset) read(name string) []byte {
	d.t.Helper()
	b, err := os.ReadFile(d.path(name))
	d.check(err)
	return b
}

func (d *dataset) write(name string, b []byte) {
	d.t.Helper()
	d.check(os.MkdirAll(filepath.Dir(d.path(name)), 0o755))
	d.check(os.WriteFile(d.path(name), b, 0o644))
}

// edit changes the bytes of a file.
func (d *dataset) edit(name string, change func([]byte) []byte) {
	d.t.Helper()
	d.write(name, change(d.read(name)))
}

// replace puts one text for another, once, which must be there.
func (d *dataset) replace(name, old, text string) {
	d.t.Helper()
	d.edit(name, func(b []byte) []byte {
		if !bytes.Contains(b, []byte(old)) {
			d.t.Fatalf("%s does not hold %q", name, old)
		}
		return bytes.Replace(b, []byte(old), []byte(text), 1)
	})
}

func (d *dataset) swap(a, b string) {
	x, y := d.read(a), d.read(b)
	d.write(a, y)
	d.write(b, x)
}

// run verifies and gives each problem as "KIND PATH KEY" with its message.
func (d *dataset) run(o verify.Options) (verify.Result, []verify.Problem) {
	d.t.Helper()
	return run(d.t, d.dir, o)
}

func run(t testing.TB, dir string, o verify.Options) (verify.Result, []verify.Problem) {
	t.Helper()
	var got []verify.Problem
	res, err := verify.Run(t.Context(), dir, o, func(p verify.Problem) { got = append(got, p) })
	if err != nil {
		t.Fatal(err)
	}
	if res.Problems != len(got) {
		t.Errorf("%d problems reported, the result says %d", len(got), res.Problems)
	}
	return res, got
}

// same compares problems with lines "KIND PATH KEY", in any order.
func same(t testing.TB, got []verify.Problem, want ...string) {
	t.Helper()
	lines := make([]string, len(got))
	for i, p := range got {
		lines[i] = p.Kind + " " + p.Path
		if p.Key != "" {
			lines[i] += " " + p.Key
		}
		if p.Message == "" {
			t.Errorf("%s: no message", lines[i])
		}
	}
	slices.Sort(lines)
	slices.Sort(want)
	if !slices.Equal(lines, want) {
		t.Errorf("problems %+v\nwant %q", got, want)
	}
}

// file is one member of a tar that others might have made.
type file struct{ name, data string }

// tarOf is a plain tar.
func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
