package webdataset_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestConformance(t *testing.T) {
	formattest.Run(t, webdataset.Format{}, formattest.Options{CutsFound: true})
}

// The standard library, as a second opinion, must make the same headers.
func TestBytesEqualThoseOfArchiveTar(t *testing.T) {
	t.Parallel()
	for _, task := range formattest.Tasks {
		got := formattest.Shard(t, webdataset.Format{}, task, 20)
		var want bytes.Buffer
		w := tar.NewWriter(&want)
		for r := tar.NewReader(bytes.NewReader(got)); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			again := &tar.Header{Typeflag: tar.TypeReg, Name: h.Name, Size: h.Size, Mode: 0o644, ModTime: time.Unix(946684800, 0), Format: tar.FormatUSTAR}
			if err := w.WriteHeader(again); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(w, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: bytes differ", task)
		}
	}
}

type file struct{ name, data string }

func makeTar(t testing.TB, format tar.Format, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o600, Format: format}); err != nil {
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

func open(shard []byte) *webdataset.Reader {
	return webdataset.NewReader(bytes.NewReader(shard), int64(len(shard)))
}

// describe writes what Samples yields, one line a sample.
func describe(shard []byte) string {
	var b strings.Builder
	for s, err := range open(shard).Samples() {
		fmt.Fprintf(&b, "%.20s@%d", s.Key, s.Offset)
		for _, f := range s.Files {
			fmt.Fprintf(&b, " %s:%d", f.Ext, f.Size)
		}
		if err != nil {
			p := fault.PlaceOf(err)
			fmt.Fprintf(&b, " ! %s key=%.20s byte=%d", fault.CodeOf(err), p.Key, p.Offset)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestTarsByOthersAreRead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("d/", 60) + "a"
	for _, c := range []struct {
		name   string
		format tar.Format
		files  []file
		want   string
	}{
		{"the key is the path up to the first dot of the base name", tar.FormatUSTAR,
			[]file{{"x.y/a.seg.png", "1"}, {"x.y/a.cls", "22"}, {"b.jpg", ""}}, "x.y/a@0 seg.png:1 cls:2\nb@2048 jpg:0\n"},
		{"extensions are lower-cased", tar.FormatUSTAR, []file{{"a.JPG", "1"}, {"a.Json", "2"}}, "a@0 jpg:1 json:1\n"},
		{"names without a stem or an extension and marked names are passed over", tar.FormatUSTAR,
			[]file{{"README", "1"}, {".hidden", "1"}, {"__meta.json__", "1"}, {"a.jpg", "1"}}, "a@3072 jpg:1\n"},
		{"PAX names work", tar.FormatPAX, []file{{"ä/ж.jpg", "1"}, {"ä/ж.txt", "1"}}, "ä/ж@0 jpg:1 txt:1\n"},
		{"a USTAR prefix is joined", tar.FormatUSTAR, []file{{strings.Repeat("p", 90) + "/" + strings.Repeat("q", 20) + ".jpg", "1"}},
			"pppppppppppppppppppp@0 jpg:1 ! too_large key=pppppppppppppppppppp byte=0\n"},
		{"GNU long names work", tar.FormatGNU, []file{{long + ".jpg", "1"}}, "d/d/d/d/d/d/d/d/d/d/@0 jpg:1 ! too_large key=d/d/d/d/d/d/d/d/d/d/ byte=0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := describe(makeTar(t, c.format, c.files...)); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestFault20BrokenTarsAreNamed(t *testing.T) {
	t.Parallel()
	good := makeTar(t, tar.FormatUSTAR, file{"a.jpg", "1"}, file{"a.cls", "2"}, file{"b.jpg", "3"})
	broken := func(at int, with string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	for _, c := range []struct {
		name  string
		shard []byte
		want  string
	}{
		{"files of a sample that are not adjacent", makeTar(t, tar.FormatUSTAR, file{"a.jpg", "1"}, file{"b.jpg", "2"}, file{"a.cls", "3"}, file{"c.jpg", "4"}),
			"a@0 jpg:1\nb@1024 jpg:1\na@2048 cls:1 ! conflict key=a byte=2048\nc@3072 jpg:1\n"},
		{"a name that comes twice", makeTar(t, tar.FormatUSTAR, file{"a.jpg", "1"}, file{"a.JPG", "2"}, file{"b.jpg", "3"}),
			"a@0 jpg:1 jpg:1 ! conflict key=a byte=0\nb@2048 jpg:1\n"},
		{"a key over 100 bytes", makeTar(t, tar.FormatPAX, file{strings.Repeat("k", 101) + ".jpg", "1"}, file{"l.jpg", "2"}),
			"kkkkkkkkkkkkkkkkkkkk@0 jpg:1 ! too_large key=kkkkkkkkkkkkkkkkkkkk byte=0\nl@2048 jpg:1\n"},
		{"a wrong header checksum", broken(1024, "x"), "a@0 jpg:1 ! corrupt key=a byte=1024\n"},
		{"a size that is no number", broken(124, "zz"), "@0 ! corrupt key= byte=0\n"},
		{"a tar cut inside a file", good[:1024+512], "a@0 jpg:1 ! corrupt key=a byte=1024\n"},
		{"a tar cut inside a header", good[:1024+100], "a@0 jpg:1 ! corrupt key=a byte=1024\n"},
		{"a tar without its end", good[:3*1024], "a@0 jpg:1 cls:1\nb@2048 jpg:1\n@0 ! corrupt key= byte=3072\n"},
		{"a tar with half its end", good[:3*1024+512], "a@0 jpg:1 cls:1\nb@2048 jpg:1 ! corrupt key=b byte=3072\n"},
		{"an empty file", nil, "@0 ! corrupt key= byte=0\n"},
		{"a page of HTML", []byte("<html>" + strings.Repeat(" ", 600)), "@0 ! corrupt key= byte=0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := describe(c.shard); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestHugeStatedSizesAreRefusedBeforeAllocation(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"77777777777\x00", "\x80\x00\x00\x00\x3f\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		for _, typ := range "0xLg" {
			b := makeTar(t, tar.FormatUSTAR, file{"a.jpg", "1"})
			copy(b[124:], size)
			b[156] = byte(typ)
			sum := 0
			copy(b[148:], "        ")
			for _, c := range b[:512] {
				sum += int(c)
			}
			copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
			if err := formattest.Damaged(t, webdataset.Format{}, b); fault.CodeOf(err) != fault.Corrupt {
				t.Errorf("size %q of type %c: %v", size, typ, err)
			}
		}
	}
}

func TestExamplesOfOthersHoldKeyImageAndLabel(t *testing.T) {
	t.Parallel()
	shard := makeTar(t, tar.FormatUSTAR,
		file{"d/a.JPEG", "img"}, file{"d/a.cls", " 7\n"}, file{"d/a.json", `{"key": "x", "width": null}`},
		file{"b.txt", "no image"},
		file{"c.png", "img"}, file{"c.cls", "cat"})
	var got []string
	for ex, err := range open(shard).All() {
		if err != nil {
			got = append(got, string(fault.CodeOf(err))+" "+fault.PlaceOf(err).Key)
			continue
		}
		label := -1
		if ex.Label != nil {
			label = *ex.Label
		}
		got = append(got, fmt.Sprintf("%s %s %s %d", ex.Key, ex.Ext, ex.Image, label))
	}
	if want := "d/a jpg img 7;corrupt b;c png img -1"; strings.Join(got, ";") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ";"), want)
	}
}

func TestTarOfThePythonPackageIsRead(t *testing.T) {
	t.Parallel()
	shard, err := os.ReadFile("testdata/python.tar")
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for ex, err := range open(shard).All() {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("dir/sample%d", i); ex.Key != want || *ex.Label != i || ex.Ext != "png" || ex.Image[8] != byte(i) {
			t.Errorf("example %d: %+v", i, ex)
		}
		i++
	}
	if i != 2 {
		t.Errorf("%d examples, want 2", i)
	}
}

func TestGetNeedsNothingBeyondItsSample(t *testing.T) {
	t.Parallel()
	shard := formattest.Shard(t, webdataset.Format{}, datasets.Detection, 3)
	entries, err := open(shard).Index()
	if err != nil {
		t.Fatal(err)
	}
	shard[entries[1].Offset] ^= 1 // a header of the next sample
	if ex, err := open(shard).Get(entries[0]); err != nil || ex.Key != entries[0].Key {
		t.Errorf("got %v", err)
	}
}

func TestRecordThatBelongsToAnotherKeyIsCorrupt(t *testing.T) {
	t.Parallel()
	shard := formattest.Shard(t, webdataset.Format{}, datasets.Detection, 1)
	shard = bytes.Replace(shard, []byte(`"key":"000000000001"`), []byte(`"key":"000000000009"`), 1)
	if err := formattest.Damaged(t, webdataset.Format{}, shard); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("got %v", err)
	}
}

func TestIndexReadsFewBytesOfLargeImages(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 4<<20)
	shard := makeTar(t, tar.FormatUSTAR, file{"a.jpg", big}, file{"b.jpg", big}, file{"c.jpg", big})
	c := &counting{r: bytes.NewReader(shard)}
	entries, err := webdataset.NewReader(c, int64(len(shard))).Index()
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	if c.bytes > 2<<20 || c.calls > 8 {
		t.Errorf("the index of %d bytes read %d of them in %d calls", len(shard), c.bytes, c.calls)
	}
}

type counting struct {
	r            io.ReaderAt
	bytes, calls int
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	c.bytes, c.calls = c.bytes+len(b), c.calls+1
	return c.r.ReadAt(b, off)
}

func FuzzReader(f *testing.F) {
	f.Add(formattest.Shard(f, webdataset.Format{}, datasets.Referring, 2))
	f.Add(formattest.Shard(f, webdataset.Format{}, datasets.Classification, 1))
	f.Add(makeTar(f, tar.FormatPAX, file{"ä.jpg", "1"}, file{strings.Repeat("k", 101) + ".jpg", "2"}))
	f.Add(makeTar(f, tar.FormatGNU, file{strings.Repeat("k", 101) + ".jpg", "2"}))
	f.Fuzz(func(t *testing.T, shard []byte) { formattest.Damaged(t, webdataset.Format{}, shard) })
}

func BenchmarkWrite(b *testing.B) {
	for _, task := range formattest.Tasks {
		b.Run(string(task), func(b *testing.B) { formattest.BenchmarkWrite(b, webdataset.Format{}, task) })
	}
}

func BenchmarkRead(b *testing.B) {
	b.Run("all", func(b *testing.B) { formattest.BenchmarkRead(b, webdataset.Format{}, datasets.Classification) })
	b.Run("index", func(b *testing.B) { formattest.BenchmarkIndex(b, webdataset.Format{}, datasets.Classification) })
}
