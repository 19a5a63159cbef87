package jpeg

import (
	"image"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestReadInfoReadsHeaders(t *testing.T) {
	const (
		r444, r422, r420 = image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420
	)
	tests := []struct {
		file   string
		kind   Kind
		ratio  image.YCbCrSubsampleRatio
		planar bool
	}{
		{"420", YCbCr, r420, true}, {"422", YCbCr, r422, true}, {"444", YCbCr, r444, true},
		{"progressive", YCbCr, r420, true}, {"restart", YCbCr, r420, true}, {"grey", Grey, r420, true},
		{"rgb", RGB, r444, false}, {"cmyk", CMYK, r444, false}, {"ycck", YCCK, r444, false},
	}
	for _, tt := range tests {
		info, err := ReadInfo(testdata(t, tt.file+".jpg"))
		if err != nil {
			t.Fatal(tt.file, err)
		}
		if info.Width != 45 || info.Height != 31 || info.Precision != 8 || info.Orientation != 1 {
			t.Errorf("%s: %+v", tt.file, info)
		}
		if info.Kind != tt.kind || info.Subsampling != tt.ratio || info.Planar() != tt.planar {
			t.Errorf("%s: %v %v planar %v", tt.file, info.Kind, info.Subsampling, info.Planar())
		}
		if info.Progressive != (tt.file == "progressive") {
			t.Errorf("%s: progressive %v", tt.file, info.Progressive)
		}
	}
}

func TestReadInfoTellsKindsAsLibjpegDoes(t *testing.T) {
	file := func(extra []byte, ids string) []byte {
		var c []component
		for i := range len(ids) {
			c = append(c, component{ids[i], 1, 1})
		}
		b, _ := build(t, 8, 8, extra, c...)
		return b
	}
	tests := []struct {
		name string
		file []byte
		want Kind
	}{
		{"three plain components", file(nil, "\x01\x02\x03"), YCbCr},
		{"unusual ids", file(nil, "YUV"), YCbCr},
		{"ids R, G, B", file(nil, "RGB"), RGB},
		{"ids R, G, B with JFIF", file(seg(mAPP0, jfif), "RGB"), YCbCr},
		{"ids R, G, B with Adobe's transform 1", file(seg(mAPP14, adobeYCbCr), "RGB"), YCbCr},
		{"Adobe's transform 0", file(seg(mAPP14, adobeNone), "\x01\x02\x03"), RGB},
		{"a short Adobe segment counts for nothing", file(seg(mAPP14, "Adobe"), "\x01\x02\x03"), YCbCr},
		{"four plain components", file(nil, "\x01\x02\x03\x04"), CMYK},
		{"four with Adobe's transform 0", file(seg(mAPP14, adobeNone), "CMYK"), CMYK},
		{"four with Adobe's transform 2", file(seg(mAPP14, adobeYCCK), "\x01\x02\x03\x04"), YCCK},
	}
	for _, tt := range tests {
		if info, err := ReadInfo(tt.file); err != nil || info.Kind != tt.want {
			t.Errorf("%s: %v, %v", tt.name, info.Kind, err)
		}
	}
}

// exif makes an EXIF block with one tag in either byte order.
func exif(big bool, tag, kind, count, value byte) string {
	if big {
		return "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01" + string([]byte{tag, 0, kind, 0, 0, 0, count, 0, value}) + "\x00\x00\x00\x00\x00\x00"
	}
	return "Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + string([]byte{tag, 1, kind, 0, count, 0, 0, 0, value}) + "\x00\x00\x00\x00\x00\x00\x00"
}

func TestOrientationComesFromEXIF(t *testing.T) {
	tests := []struct {
		name string
		body string
		want int
	}{
		{"little endian", exif(false, 0x12, 3, 1, 6), 6},
		{"big endian", exif(true, 0x12, 3, 1, 8), 8},
		{"another tag", exif(true, 0x13, 3, 1, 8), 1},
		{"a long instead of a short", exif(true, 0x12, 4, 1, 8), 1},
		{"two values", exif(true, 0x12, 3, 2, 8), 1},
		{"value 0", exif(true, 0x12, 3, 1, 0), 1},
		{"value 9", exif(false, 0x12, 3, 1, 9), 1},
		{"a directory beyond the end", "Exif\x00\x00II*\x00\xFF\xFF\xFF\xFF", 1},
		{"a directory cut short", exif(false, 0x12, 3, 1, 6)[:20], 1},
		{"neither byte order", "Exif\x00\x00XX*\x00\x08\x00\x00\x00\x01\x00", 1},
		{"not EXIF", "http://ns.adobe.com/xap/1.0/\x00<x/>", 1},
		{"nothing", "", 1},
	}
	for o := byte(1); o <= 8; o++ {
		tests = append(tests, struct {
			name string
			body string
			want int
		}{"each value", exif(o%2 == 0, 0x12, 3, 1, o), int(o)})
	}
	base := baseline(t, 8, 8)
	for _, tt := range tests {
		if info, err := ReadInfo(insert(base, 2, seg(mAPP1, tt.body)...)); err != nil || info.Orientation != tt.want {
			t.Errorf("%s: %d, %v, want %d", tt.name, info.Orientation, err, tt.want)
		}
	}
}

func TestBrokenHeadersAreCorruptWithTheirOffset(t *testing.T) {
	base := baseline(t, 40, 30)
	frame := frameOf(t, base)
	set := func(at int, v byte) []byte { return edit(base, func(b []byte) { b[at] = v }) }
	tests := []struct {
		name   string
		file   []byte
		offset int
		text   string
	}{
		{"an empty file", nil, 0, "no start-of-image"},
		{"a newline first", insert(base, 0, '\n'), 0, "no start-of-image"},
		{"only the first marker", base[:2], 2, "ends where a marker"},
		{"a marker cut in half", base[:3], 3, "ends inside a marker"},
		{"a length cut off", base[:5], 5, "ends inside a segment"},
		{"a segment beyond the end", base[:40], 40, "of byte 2"},
		{"length 1", edit(base, func(b []byte) { b[4], b[5] = 0, 1 }), 4, "length 1"},
		{"a second start", insert(base, 2, 0xFF, mSOI), 2, "second start"},
		{"an end before any scan", insert(base, 2, 0xFF, mEOI), 2, "before its first scan"},
		{"a second frame", insert(base, frame-4, seg(mSOF0, "\x08\x00\x08\x00\x08\x01\x01\x11\x00")...), frame - 4 + 13, "second frame"},
		{"width 0", edit(base, func(b []byte) { b[frame+3], b[frame+4] = 0, 0 }), frame - 4, "width 0"},
		{"sampling factor 0", set(frame+7, 0x02), frame - 4, "factors 0x2"},
		{"sampling factor 5", set(frame+7, 0x25), frame - 4, "factors 2x5"},
		{"more components than bytes", set(frame+5, 4), frame - 4, "frame header of 15 bytes"},
		{"a scan before the frame", insert(base, 2, seg(mSOS, "\x01\x01\x00\x00\x3F\x00")...), 2, "before any frame"},
	}
	for _, tt := range tests {
		_, err := ReadInfo(tt.file)
		if fault.CodeOf(err) != fault.Corrupt || !strings.Contains(err.Error(), tt.text) || fault.PlaceOf(err).Offset != int64(tt.offset) {
			t.Errorf("%s: %v, want %q at byte %d", tt.name, err, tt.text, tt.offset)
		}
	}
}

// FuzzReadInfo: no panic, and a size within the format's bounds.
func FuzzReadInfo(f *testing.F) {
	for name := range pillow {
		f.Add(testdata(f, name+".jpg"))
	}
	f.Add(insert(baseline(f, 8, 8), 2, seg(mAPP1, exif(true, 0x12, 3, 1, 8))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := ReadInfo(data)
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Corrupt && c != fault.Unsupported {
				t.Errorf("code %q: %v", c, err)
			}
			return
		}
		if info.Width < 1 || info.Height < 1 || info.Width > 65535 || info.Height > 65535 || info.Orientation < 1 || info.Orientation > 8 {
			t.Errorf("%+v", info)
		}
		if _, err := readScans(data, &info); err != nil && !fault.CodeOf(err).IsData() {
			t.Error(err)
		}
	})
}
