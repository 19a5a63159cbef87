package tarindex

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

type entry struct {
	tar.Header
	body string
}

func build(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.Header
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		h.Size, h.Mode = int64(len(e.body)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, e.body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, body string) entry { return entry{tar.Header{Name: name}, body} }

func walk(b []byte, o Options) ([]Member, error) {
	var ms []Member
	for m, err := range New(bytes.NewReader(b), int64(len(b)), o).Members() {
		if err != nil {
			return ms, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func TestMembersAreLocatedInEveryFormat(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("d/", 90) + "x.JPEG"
	for name, format := range map[string]tar.Format{"ustar": tar.FormatUSTAR, "GNU": tar.FormatGNU, "PAX": tar.FormatPAX} {
		names := []string{"a.JPEG", long, strings.Repeat("p/", 60) + strings.Repeat("n", 90)}
		if format != tar.FormatUSTAR {
			names = append(names, strings.Repeat("m", 300), "ü.JPEG")
		}
		var es []entry
		for i, n := range names {
			es = append(es, entry{tar.Header{Name: n, Format: format}, strings.Repeat("z", 511*i)})
		}
		b := build(t, es...)
		for _, ahead := range []int{1, 512, 4096, 0} {
			ms, err := walk(b, Options{ReadAhead: ahead})
			if err != nil || len(ms) != len(es) {
				t.Fatalf("%s: %d members, error %v", name, len(ms), err)
			}
			for i, m := range ms {
				if m.Name != names[i] || m.Type != File || string(b[m.Offset:m.Offset+m.Size]) != es[i].body {
					t.Errorf("%s: member %d is %+v", name, i, m)
				}
			}
		}
	}
}

func TestATarOfTarsIsWalkedInPlace(t *testing.T) {
	t.Parallel()
	inner1 := build(t, file("n1_1.JPEG", "one"), file("n1_2.JPEG", "two"))
	inner2 := build(t, file("n2_1.JPEG", strings.Repeat("three", 4000)))
	b := build(t, file("n1.tar", string(inner1)), file("n2.tar", string(inner2)), file("readme", "no tar"))
	a := New(bytes.NewReader(b), int64(len(b)), Options{})
	var got []string
	for outer, err := range a.Members() {
		if err != nil {
			t.Fatal(err)
		}
		is, err := a.IsTar(outer)
		if err != nil {
			t.Fatal(err)
		}
		if !is {
			got = append(got, outer.Name)
			continue
		}
		for m, err := range a.Within(outer) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s/%s %.5s", outer.Name, m.Name, b[m.Offset:m.Offset+m.Size]))
		}
	}
	want := "n1.tar/n1_1.JPEG one,n1.tar/n1_2.JPEG two,n2.tar/n2_1.JPEG three,readme"
	if strings.Join(got, ",") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ","), want)
	}
}

func TestBase256SizesAreRead(t *testing.T) {
	t.Parallel()
	b := build(t, file("big", strings.Repeat("b", 700)), file("next", "n"))
	copy(b[sizeAt:], []byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 188})
	seal(b)
	ms, err := walk(b, Options{})
	if err != nil || len(ms) != 2 || ms[0].Size != 700 {
		t.Fatalf("%+v, %v", ms, err)
	}
	for _, field := range [][]byte{
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		[]byte("0000000009 \x00"),
		[]byte("-0000000001\x00"),
	} {
		copy(b[sizeAt:], field)
		seal(b)
		if _, err := walk(b, Options{}); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("size % x: error %v, want corrupt", field, err)
		}
	}
}

// seal writes the checksum of the first header of b.
func seal(b []byte) {
	copy(b[sumAt:sumEnd], "        ")
	var sum int
	for _, c := range b[:blockSize] {
		sum += int(c)
	}
	copy(b[sumAt:sumEnd], fmt.Sprintf("%06o\x00 ", sum))
}

func TestFault20ABadChecksumNamesItsOffset(t *testing.T) {
	t.Parallel()
	b := build(t, file("a", "x"), file("b", "y"))
	b[1024+20] ^= 1
	ms, err := walk(b, Options{})
	if len(ms) != 1 || fault.CodeOf(err) != fault.Corrupt || fault.PlaceOf(err).Offset != 1024 {
		t.Errorf("%d members, then %v", len(ms), err)
	}
}

// Every cut either falls into the closing zero blocks or behind a whole member,
// or is found out.
func TestATruncatedArchiveIsFoundOutAtEveryByte(t *testing.T) {
	t.Parallel()
	b := build(t, file("a", strings.Repeat("x", 600)), file("b", "y"))
	for n := range len(b) {
		ms, err := walk(b[:n], Options{})
		complete := n == 0 || n >= 512+600 && n <= 1536 || n >= 2048+1 && n <= 2560 || n >= 3072 || n == 2560
		if complete && err != nil {
			t.Errorf("cut at %d: %v", n, err)
		}
		if !complete && fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("cut at %d: %d members, error %v, want corrupt", n, len(ms), err)
		}
	}
}

func TestTheFileMayBeShorterThanItsSize(t *testing.T) {
	t.Parallel()
	b := build(t, file("a", strings.Repeat("x", 600)), file("b", "y"))
	for m, err := range New(bytes.NewReader(b[:1700]), int64(len(b)), Options{}).Members() {
		if err == nil && m.Name == "a" {
			continue
		}
		if fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

func TestAReadErrorIsNotBadData(t *testing.T) {
	t.Parallel()
	eio := errors.New("input/output error")
	for _, err := range New(readerAt(func([]byte, int64) (int, error) { return 0, eio }), 4096, Options{}).Members() {
		if !errors.Is(err, eio) || fault.CodeOf(err) != "" {
			t.Errorf("error %v with code %q", err, fault.CodeOf(err))
		}
	}
}

type readerAt func([]byte, int64) (int, error)

func (f readerAt) ReadAt(b []byte, off int64) (int, error) { return f(b, off) }

func TestFault19HostileNamesAndTypesAreReported(t *testing.T) {
	t.Parallel()
	bad := []entry{
		file("../x.jpg", ""), file("a/../../x", ""), file("/etc/passwd", ""), file("CON", ""), file("a/nul.txt", ""),
		file("com1.jpg", ""), file(`a\b`, ""), file("C:x", ""), file("a\nb", ""), file(strings.Repeat("n", 300), ""),
		{tar.Header{Name: "s", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""},
		{tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "../../x"}, ""},
		{tar.Header{Name: "c", Typeflag: tar.TypeChar}, ""}, {tar.Header{Name: "b", Typeflag: tar.TypeBlock}, ""},
		{tar.Header{Name: "f", Typeflag: tar.TypeFifo}, ""}, {tar.Header{Name: "d/", Typeflag: tar.TypeDir}, ""},
		{tar.Header{Name: "\xff\xfe.jpg", Format: tar.FormatGNU}, ""},
	}
	ms, err := walk(build(t, append(bad, file("good/n01440764_1.JPEG", "x"), file("COM0", ""), file("console", ""))...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range ms {
		if err := m.Check(); (err != nil) != (i < len(bad)) || (err != nil && fault.CodeOf(err) != fault.Unsupported) {
			t.Errorf("member %q of type %s: Check gives %v", m.Name, m.Type, err)
		}
	}
}

func TestAPAXPathWithANULIsCorrupt(t *testing.T) {
	t.Parallel()
	b := build(t, entry{tar.Header{Name: "pax\u00fc", Format: tar.FormatPAX}, "x"})
	i := bytes.Index(b, []byte("path=pax"))
	b[i+6] = 0
	if _, err := walk(b, Options{}); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("error %v, want corrupt", err)
	}
}

func TestExtendedHeadersAreBounded(t *testing.T) {
	t.Parallel()
	b := build(t, file("a", "x"))
	b[typeAt] = 'x'
	copy(b[sizeAt:sizeEnd], "77777777777\x00")
	seal(b)
	if _, err := walk(b, Options{}); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("error %v, want too large", err)
	}
	copy(b[sizeAt:sizeEnd], "00000010000\x00")
	seal(b)
	if _, err := walk(b, Options{}); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("error %v, want corrupt", err)
	}
}

// endless serves one empty member over and over: a tar of ten million entries
// that takes no disk.
type endless []byte

func (e endless) ReadAt(b []byte, off int64) (int, error) {
	for i := 0; i < len(b); i += blockSize {
		copy(b[i:], e)
	}
	return len(b), nil
}

func TestFault18TenMillionEmptyEntriesEndAtTheLimit(t *testing.T) {
	t.Parallel()
	for _, flag := range []byte{'0', 'x', 'L', 'g'} {
		h := build(t, file("e", ""))[:blockSize]
		h[typeAt] = flag
		seal(h)
		n := 0
		var last error
		for _, err := range New(endless(h), 1e7*blockSize, Options{MaxHeaders: 100_000}).Members() {
			n++
			last = err
		}
		if fault.CodeOf(last) != fault.TooLarge || n > 100_001 {
			t.Errorf("type %q: %d members, then %v", flag, n, last)
		}
	}
}

// counting counts the bytes and requests of a walk.
type counting struct {
	io.ReaderAt
	bytes, reads int64
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	c.bytes += int64(len(b))
	c.reads++
	return c.ReaderAt.ReadAt(b, off)
}

func TestLargeBodiesAreSkippedAndSmallOnesReadAhead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		members, size   int
		reads, maxBytes int64
	}{
		{"four members of 4 MiB cost a small read each", 4, 4 << 20, 6, 1 << 20},
		{"4,000 members of 100 bytes cost one read for 512", 4000, 100, 9, 5 << 20},
	} {
		var es []entry
		for i := range c.members {
			es = append(es, file(fmt.Sprint(i), strings.Repeat("x", c.size)))
		}
		b := build(t, es...)
		r := &counting{ReaderAt: bytes.NewReader(b)}
		for _, err := range New(r, int64(len(b)), Options{}).Members() {
			if err != nil {
				t.Fatal(err)
			}
		}
		if r.reads > c.reads || r.bytes > c.maxBytes {
			t.Errorf("%s: %d reads of %d bytes in all", c.name, r.reads, r.bytes)
		}
	}
}
