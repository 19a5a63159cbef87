package reader

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	_ "github.com/tailorbird/tailorbird/datasets/formats/all"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

var allFormats = []string{"webdataset", "tfrecord", "parquet"}

// examples are n pictures of w x h pixels, each of its own colours, every third a
// PNG. The key of the i-th begins with a number that is not in order of i.
func examples(t testing.TB, n, w, h int) []*datasets.Example {
	t.Helper()
	enc := jpeg.NewEncoder()
	defer enc.Close()
	out := make([]*datasets.Example, n)
	for i := range out {
		rng := rand.New(rand.NewPCG(uint64(i), 3))
		m := raster.NewRGB(w, h)
		base := [3]int{rng.IntN(200), rng.IntN(200), rng.IntN(200)}
		for j := range m.Pix {
			m.Pix[j] = byte(base[j%3] + j/3%w%40 + rng.IntN(8))
		}
		label := i % 7
		ex := &datasets.Example{Key: fmt.Sprintf("k%04d_%d", (i*37)%9973, i), Split: "train", Width: w, Height: h, OriginalWidth: w, OriginalHeight: h,
			Label: &label, Ext: "jpg", Source: datasets.Origin{Name: "x", Bytes: 1, SHA256: hex.EncodeToString(make([]byte, 32))}}
		var err error
		if i%3 == 0 {
			ex.Ext = "png"
			ex.Image, err = picture.EncodePNG(nil, m)
		} else {
			ex.Image, err = enc.RGB(nil, m, 90, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		out[i] = ex
	}
	return out
}

// write builds a dataset without a pipeline: the examples dealt over shards.
func write(t testing.TB, exs []*datasets.Example, shards int, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	meta := &datasets.Meta{}
	for i := range 7 {
		meta.Classes = append(meta.Classes, datasets.Class{ID: int64(i), Name: fmt.Sprint("class ", i)})
	}
	m := &manifest.Manifest{Dataset: "imagenet", Task: string(datasets.Classification), Classes: meta.Classes, Splits: map[string]manifest.Split{},
		RecipeHash: hex.EncodeToString(make([]byte, 32)), Codec: "test", Transforms: "keep"}
	split := manifest.Split{Examples: len(exs), Annotations: len(exs)}
	for _, name := range names {
		f, _ := formats.Lookup(name)
		for s := range shards {
			part := []*datasets.Example{}
			for i := s; i < len(exs); i += shards {
				part = append(part, exs[i])
			}
			slices.SortFunc(part, func(a, b *datasets.Example) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
			var b bytes.Buffer
			w, err := f.NewWriter(&b, formats.Header{Dataset: "imagenet", Task: datasets.Classification, Meta: meta, Split: "train", Shard: s, Shards: shards})
			if err != nil {
				t.Fatal(err)
			}
			for _, ex := range part {
				if err := w.Write(ex); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			path := f.Path("train", s, shards)
			putFile(t, filepath.Join(dir, path), b.Bytes())
			sum := sha256.Sum256(b.Bytes())
			split.Shards = append(split.Shards, manifest.Shard{Format: name, Path: path, Bytes: int64(b.Len()), Examples: len(part),
				SHA256: hex.EncodeToString(sum[:]), CRC32C: fmt.Sprintf("%08x", crc32.Checksum(b.Bytes(), castagnoli))})
		}
	}
	m.Splits["train"] = split
	m.Seal()
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	putFile(t, filepath.Join(dir, manifest.Name), text)
	return dir
}

func putFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string, o Options) *Reader {
	t.Helper()
	r, err := Open(context.Background(), dir, "train", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// row is one delivered sample.
type row struct {
	id    int64
	key   string
	label int64
	sum   [32]byte // of its pixels or floats, both views
}

func rowsOf(b *Batch) []row {
	var out []row
	n := 3 * b.Width * b.Height
	for i, key := range b.Keys {
		h := sha256.New()
		for _, p := range [][]byte{b.Pixels, b.SecondPixels} {
			if p != nil {
				h.Write(p[i*n:][:n])
			}
		}
		for _, f := range [][]float32{b.Images, b.Second} {
			if f != nil {
				var buf []byte
				for _, v := range f[i*n:][:n] {
					buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
				}
				h.Write(buf)
			}
		}
		out = append(out, row{b.IDs[i], key, b.Labels[i], [32]byte(h.Sum(nil))})
	}
	return out
}

// take reads up to limit batches (all where it is negative).
func take(t testing.TB, r *Reader, limit int) []row {
	t.Helper()
	var out []row
	for n := 0; n != limit; n++ {
		b, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rowsOf(b)...)
		b.Release()
	}
	return out
}
