package tarindex

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// FuzzMembers holds the walk to archive/tar wherever both accept the archive:
// same names, same contents. An error must be typed, and nothing may lie outside
// the archive.
func FuzzMembers(f *testing.F) {
	f.Add(build(f, file("n01440764/a.JPEG", "hello"), file("b", "")))
	f.Add(build(f, entry{tar.Header{Name: "\u00fc", Format: tar.FormatPAX}, "x"}))
	f.Add(build(f, entry{tar.Header{Name: string(bytes.Repeat([]byte("l"), 200)), Format: tar.FormatGNU}, "x"}, file("z", "y")))
	f.Add(build(f, entry{tar.Header{Name: "s", Typeflag: tar.TypeSymlink, Linkname: "t"}, ""}, entry{tar.Header{Name: "d/", Typeflag: tar.TypeDir}, ""}))
	otherVersion := build(f, file("s", ""))
	copy(otherVersion[magicEnd:], "\x00@")
	copy(otherVersion[prefixAt:], "000000")
	f.Add(otherVersion)
	f.Add(build(f, file("n1.tar", string(build(f, file("n1_1.JPEG", "one"))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		for i := 0; i+blockSize <= len(b); i += blockSize {
			if string(b[i+magicAt:][:5]) == "ustar" && b[i+sumAt] != '?' {
				seal(b[i:]) // or few mutations would come past the checksum
			}
		}
		var mine []Member
		for m, err := range New(bytes.NewReader(b), int64(len(b)), Options{}).Members() {
			if err != nil {
				if !fault.CodeOf(err).IsData() || !fault.PlaceOf(err).HasOffset {
					t.Fatalf("error without a code or an offset: %v", err)
				}
				return
			}
			if m.Offset < blockSize || m.Size < 0 || m.Offset+m.Size > int64(len(b)) || m.Header >= m.Offset {
				t.Fatalf("%+v lies outside of %d bytes", m, len(b))
			}
			m.Check()
			mine = append(mine, m)
		}
		theirs, ok := stdlib(b)
		if !ok {
			return
		}
		if len(mine) != len(theirs) {
			t.Fatalf("%d members, archive/tar has %d", len(mine), len(theirs))
		}
		for i, m := range mine {
			// archive/tar also joins the prefix of malformed GNU headers that old
			// versions of itself wrote.
			if got := describe(m, b); got != theirs[i] && !strings.HasSuffix(theirs[i], "/"+got[1:]) {
				t.Fatalf("member %d is %s, archive/tar has %s", i, got, theirs[i])
			}
		}
	})
}

func describe(m Member, b []byte) string {
	if m.Type == Sparse || m.Type == Other {
		return "-"
	}
	return fmt.Sprintf("%q %t %x", m.Name, m.Type == File, b[m.Offset:m.Offset+m.Size])
}

func stdlib(b []byte) (out []string, ok bool) {
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out, true
		}
		if err != nil {
			return nil, false
		}
		body, err := io.ReadAll(io.LimitReader(r, int64(len(b))+1))
		if err != nil {
			return nil, false
		}
		switch t := typeOf(h.Typeflag); {
		case h.Typeflag == tar.TypeXGlobalHeader:
		case t == Sparse, t == Other, len(h.PAXRecords["GNU.sparse.major"]) > 0, len(h.PAXRecords["GNU.sparse.map"]) > 0:
			out = append(out, "-")
		default:
			out = append(out, fmt.Sprintf("%q %t %x", h.Name, t == File, body))
		}
	}
}

func BenchmarkMembers(b *testing.B) {
	for _, size := range []int{0, 2 << 10, 110 << 10} {
		n := 1000
		var es []entry
		for i := range n {
			es = append(es, file(fmt.Sprintf("n01440764_%d.JPEG", i), string(make([]byte, size))))
		}
		data := build(b, es...)
		b.Run(fmt.Sprintf("body=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				for range New(bytes.NewReader(data), int64(len(data)), Options{}).Members() {
					got++
				}
				if got != n {
					b.Fatal(got)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "members/s")
		})
	}
}
