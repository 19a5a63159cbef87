package verify_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/verify"
)

// jpg is the text of a small JPEG file, cutJPG half of it.
var (
	jpg    = string(formattest.Picture(24, 16, 0))
	png    = string(formattest.Picture(24, 16, 7))
	cutJPG = jpg[:len(jpg)/2]
)

// foreign is a directory by others.
func foreign(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// flip changes one byte.
func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// paxTar holds one file whose name only PAX can state.
func paxTar(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(jpg)), Format: tar.FormatPAX})
	if err == nil {
		_, err = w.Write([]byte(jpg))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Fault 20: what tars by others get wrong.
func TestWebDatasetsMadeByOthers(t *testing.T) {
	t.Parallel()
	good := tarOf(t, file{"a.jpg", jpg}, file{"a.json", `{"caption": "a bird"}`}, file{"b.png", png}, file{"b.seg.png", png}, file{"b.txt", "no image"})
	long := strings.Repeat("k", 120)
	for _, c := range []struct {
		name     string
		files    map[string][]byte
		examples int
		want     []string
	}{
		{"a good one", map[string][]byte{"s-000000.tar": good, "README.md": []byte("mine")}, 2, nil},
		{"directories inside and around", map[string][]byte{"x/s.tar": tarOf(t, file{"d/a.jpg", jpg}, file{"d/a.cls", "3"})}, 1, nil},
		{"files of a sample apart", map[string][]byte{"s.tar": tarOf(t, file{"a.jpg", jpg}, file{"b.jpg", jpg}, file{"a.json", "{}"})}, 2, []string{"duplicate s.tar a"}},
		{"a name twice", map[string][]byte{"s.tar": tarOf(t, file{"a.jpg", jpg}, file{"a.jpg", jpg})}, 0, []string{"duplicate s.tar a"}},
		{"a key of 120 characters", map[string][]byte{"s.tar": paxTar(t, long+".jpg")}, 0, []string{"structure s.tar " + long}},
		{"a header with a wrong checksum", map[string][]byte{"s.tar": flip(good, 1024+512+3)}, 0, []string{"structure s.tar a"}},
		{"the first header with a wrong checksum", map[string][]byte{"s.tar": flip(good, 0)}, 0, []string{"structure s.tar"}},
		{"cut inside a file", map[string][]byte{"s.tar": good[:len(good)-1024-512-512-10]}, 1, []string{"structure s.tar b"}},
		{"cut before the end", map[string][]byte{"s.tar": good[:len(good)-1024]}, 2, []string{"structure s.tar"}},
		{"an empty file", map[string][]byte{"s.tar": {}}, 0, []string{"structure s.tar"}},
		{"a JPEG cut short", map[string][]byte{"s.tar": tarOf(t, file{"a.jpg", cutJPG}, file{"b.jpg", jpg})}, 2, []string{"image s.tar a"}},
		{"a page under an image's name", map[string][]byte{"s.tar": tarOf(t, file{"a.left.PNG", "<html>"})}, 1, []string{"image s.tar a"}},
		{"a key in two shards", map[string][]byte{"s-0.tar": good, "s-1.tar": tarOf(t, file{"b.jpg", jpg})}, 3, []string{"duplicate s-1.tar b"}},
		{"a key in two splits", map[string][]byte{"train-0.tar": good, "val-0.tar": good}, 4, nil},
		{"what a download left", map[string][]byte{"s.tar": good, "s.tar.part": good[:9], ".s.tar": good[:9]}, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, got := run(t, foreign(t, c.files), verify.Options{})
			same(t, got, c.want...)
			if res.Examples != c.examples {
				t.Errorf("%d examples, want %d", res.Examples, c.examples)
			}
		})
	}
}

// record frames data as TFRecord files do.
func record(data []byte) []byte {
	sum := func(b []byte) uint32 {
		crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
		return (crc>>15 | crc<<17) + 0xa282ead8
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, sum(b))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, sum(data))
}

// example is a tf.Example of one bytes feature: Example{features: Features{
// feature: {name: Feature{bytes_list: {value}}}}}.
func example(name, value string) []byte {
	field := func(n byte, b []byte) []byte {
		return append(binary.AppendUvarint([]byte{n<<3 | 2}, uint64(len(b))), b...)
	}
	feature := field(1, field(1, []byte(value)))
	return field(1, field(1, append(field(1, []byte(name)), field(2, feature)...)))
}

func TestTFRecordsMadeByOthers(t *testing.T) {
	t.Parallel()
	one := record(example("image/encoded", jpg))
	two := append(bytes.Clone(one), record(example("image/encoded", png))...)
	const name = "x.tfrecord-00000-of-00001"
	for _, c := range []struct {
		name     string
		files    map[string][]byte
		examples int
		want     []string
	}{
		{"good ones", map[string][]byte{name: two, "y.tfrecord": one, "train-00000-of-01024": one, "x.tfrecord.idx": []byte("0 12")}, 4, nil},
		{"no images and no tf.Examples", map[string][]byte{name: append(record([]byte("anything")), record(nil)...)}, 2, nil},
		{"an empty file", map[string][]byte{name: {}}, 0, nil},
		{"a wrong checksum of a length", map[string][]byte{name: flip(two, 9)}, 0, []string{"structure " + name}},
		{"a wrong length", map[string][]byte{name: flip(two, len(one))}, 1, []string{"structure " + name}},
		{"wrong data in the first of two", map[string][]byte{name: flip(two, 100)}, 1, []string{"structure " + name}},
		{"a wrong checksum of data", map[string][]byte{name: flip(two, len(one)-1)}, 1, []string{"structure " + name}},
		{"cut inside the data", map[string][]byte{name: two[:len(two)-20]}, 1, []string{"structure " + name}},
		{"cut inside a head", map[string][]byte{name: two[:len(one)+5]}, 1, []string{"structure " + name}},
		{"an image that does not decode", map[string][]byte{name: append(bytes.Clone(one), record(example("image/encoded", cutJPG))...)}, 2, []string{"image " + name}},
		{"an image that is none", map[string][]byte{name: record(example("image/encoded", "<html>"))}, 1, []string{"image " + name}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, got := run(t, foreign(t, c.files), verify.Options{})
			same(t, got, c.want...)
			if res.Examples != c.examples {
				t.Errorf("%d examples, want %d", res.Examples, c.examples)
			}
		})
	}
}

func TestQuickLeavesTheImagesOfOthersAlone(t *testing.T) {
	t.Parallel()
	dir := foreign(t, map[string][]byte{"s.tar": tarOf(t, file{"a.jpg", cutJPG}), "r.tfrecord": record(example("image/encoded", "<html>"))})
	res, got := run(t, dir, verify.Options{Quick: true})
	same(t, got)
	if res.Examples != 2 {
		t.Errorf("%d examples, want 2", res.Examples)
	}
}

func TestAFractionOfOthersReadsTheFirstOfEachSplit(t *testing.T) {
	t.Parallel()
	bad := tarOf(t, file{"a.jpg", cutJPG})
	dir := foreign(t, map[string][]byte{"train-000.tar": bad, "train-001.tar": bad, "val-7.tar": bad})
	_, got := run(t, dir, verify.Options{Fraction: 1e-12})
	same(t, got, "image train-000.tar a", "image val-7.tar a")
}
