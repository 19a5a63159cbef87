package jpeg

import (
	"bytes"
	"image"
	"runtime"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// A file cut anywhere is refused, or gives the whole picture where only the end
// marker or padding bits are gone.
func TestFault14TruncatedJPEGAtEveryByte(t *testing.T) {
	manyScans, _ := build(t, 30, 22, nil, yuv422...)
	files := map[string][]byte{
		"one scan":            baseline(t, 61, 45),
		"a scan a component":  manyScans,
		"progressive":         testdata(t, "progressive.jpg"),
		"restart intervals":   testdata(t, "restart.jpg"),
		"four components":     testdata(t, "cmyk.jpg"),
		"a trailing comment":  insert(baseline(t, 20, 20), -2, seg(mCOM, "last words")...),
		"stray bytes and EOI": insert(baseline(t, 20, 20), -2, 1, 2, 3),
	}
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		var whole, rgb raster.RGB
		for name, file := range files {
			accepted := 0
			if err := d.RGB(&whole, file); err != nil {
				t.Fatal(name, err)
			}
			for n := range file {
				err := d.RGB(&rgb, file[:n:n])
				if err == nil {
					accepted++
					if !bytes.Equal(rgb.Pix, whole.Pix) {
						t.Errorf("%s: cut at byte %d of %d is accepted with other pixels", name, n, len(file))
					}
				} else if fault.CodeOf(err) != fault.Corrupt {
					t.Errorf("%s: cut at byte %d of %d: %v", name, n, len(file), err)
				}
			}
			if accepted < 1 || accepted > 16 {
				t.Errorf("%s: %d cuts are accepted; the missing end marker should be, and little else", name, accepted)
			}
		}
	})
}

func TestFault15Oddities(t *testing.T) {
	base := baseline(t, 45, 31)
	frame, end := frameOf(t, base), len(base)-2
	bare := append([]byte{0xFF, mSOI}, base[2:]...) // image/jpeg writes no JFIF segment
	noHeight := edit(base, func(b []byte) { b[frame+1], b[frame+2] = 0, 0 })
	tests := []struct {
		name string
		file []byte
	}{
		{"a junk byte before the end marker", insert(base, end, 0x7F)},
		{"300 stray bytes before the end marker", insert(base, end, make([]byte, 300)...)},
		{"fill bytes before the end marker", insert(base, end, 0xFF, 0xFF, 0xFF)},
		{"fill bytes before a header marker", insert(base, 2, 0xFF, 0xFF)},
		{"stray bytes between segments", insert(base, 2, 1, 2, 3)},
		{"trailing garbage", append(append([]byte(nil), base...), "\x00\xFFgarbage\xFF\xD8"...)},
		{"no end marker", base[:end]},
		{"half an end marker", base[:end+1]},
		{"stray bytes and no end marker", insert(base, 2, 1, 2, 3)[:end+3]},
		{"a broken EXIF block", insert(base, 2, seg(mAPP1, "Exif\x00\x00MM\x00*\xFF\xFF\xFF\xFF")...)},
		{"an EXIF block of nothing", insert(base, 2, seg(mAPP1, "")...)},
		{"a broken ICC profile", insert(base, 2, seg(mAPP0+2, "ICC_PROFILE\x00\x09\x02junk")...)},
		{"an empty Huffman table segment", insert(base, 2, seg(mDHT, "")...)},
		{"component ids X, 2, 3", withIDs(t, bare, "X\x02\x03")},
		{"component ids Y, U, V", withIDs(t, bare, "YUV")},
		{"component ids 0, 1, 2", withIDs(t, bare, "\x00\x01\x02")},
		{"component ids R, G, B under JFIF", insert(withIDs(t, bare, "RGB"), 2, seg(mAPP0, jfif)...)},
		{"JFIF and Adobe transform 0", insert(base, 2, append(seg(mAPP0, jfif), seg(mAPP14, adobeNone)...)...)},
		{"Adobe transform 1", insert(base, 2, seg(mAPP14, adobeYCbCr)...)},
		{"a DNL segment that repeats the height", insert(base, end, seg(mDNL, "\x00\x1F")...)},
		{"a DNL segment that gives the height", insert(noHeight, end, seg(mDNL, "\x00\x1F")...)},
		{"a JPG0 extension segment", insert(base, 2, seg(0xF0, "what")...)},
		{"a reserved JPG segment", insert(base, 2, seg(mJPG, "what")...)},
		{"a last restart marker", insert(base, end, 0xFF, mRST0)},
	}
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		want := outcome(d, base)
		for _, tt := range tests {
			if got := outcome(d, tt.file); got != want {
				t.Errorf("%s: %s, want %s", tt.name, got, want)
			}
			var planes image.YCbCr
			if err := d.Planes(&planes, tt.file); err != nil {
				t.Errorf("%s: planes: %v", tt.name, err)
			}
		}
	})
}

func TestFault15ColourModels(t *testing.T) {
	four := []component{{1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}}
	plain, _ := build(t, 20, 10, nil, four...)
	none, greys := build(t, 20, 10, seg(mAPP14, adobeNone), four...)
	rgb, _ := build(t, 20, 10, seg(mAPP14, adobeNone), yuv444...)
	ids, _ := build(t, 20, 10, nil, component{'R', 1, 1}, component{'G', 1, 1}, component{'B', 1, 1})
	oddGrey := withIDs(t, greys[0], "Z")
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		if outcome(d, plain) != outcome(d, none) {
			t.Error("four components without an Adobe segment are CMYK")
		}
		if outcome(d, rgb) != outcome(d, ids) {
			t.Error("ids R, G, B mean what Adobe's transform 0 means")
		}
		if outcome(d, oddGrey) != outcome(d, greys[0]) {
			t.Error("a grey component may have any id")
		}
		var coded raster.RGB
		var red image.YCbCr
		if err := d.RGB(&coded, rgb); err != nil {
			t.Fatal(err)
		}
		if err := d.Planes(&red, greys[0]); err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if coded.Pix[3*i] != red.Y[i/20*red.YStride+i%20] {
				t.Fatalf("red of pixel %d is %d, its component %d", i, coded.Pix[3*i], red.Y[i])
			}
		}
	})
}

func TestFault15LongSides(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, e *Encoder) {
		for _, size := range []image.Point{{65500, 1}, {1, 65500}, {1, 1}} {
			file, err := e.RGB(nil, raster.NewRGB(size.X, size.Y), 50, image.YCbCrSubsampleRatio420)
			if err != nil {
				t.Fatal(size, err)
			}
			var rgb raster.RGB
			if err := d.RGB(&rgb, file); err != nil || rgb.Width != size.X || rgb.Height != size.Y {
				t.Errorf("%v: %dx%d, %v", size, rgb.Width, rgb.Height, err)
			}
		}
	})
}

// allocated returns the bytes that f allocates on the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestFault16PixelBombs(t *testing.T) {
	sized := func(file []byte, w, h int) []byte {
		at := frameOf(t, file)
		return edit(file, func(b []byte) { b[at+1], b[at+2], b[at+3], b[at+4] = byte(h>>8), byte(h), byte(w>>8), byte(w) })
	}
	base := baseline(t, 32, 32)
	tests := []struct {
		name string
		file []byte
		want fault.Code
	}{
		{"65535 squared", sized(base, 65535, 65535), fault.TooLarge},
		{"65535 squared, progressive", sized(testdata(t, "progressive.jpg"), 65535, 65535), fault.TooLarge},
		{"65535x1", sized(base, 65535, 1), fault.TooLarge}, // libjpeg stops at 65500
		{"within the limit, in a kilobyte", sized(base, 13000, 13000), fault.Corrupt},
		{"within the limit, four components", sized(testdata(t, "cmyk.jpg"), 13000, 13000), fault.Corrupt},
	}
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		for _, tt := range tests {
			var rgb raster.RGB
			var err error
			n := allocated(func() { err = d.RGB(&rgb, tt.file) })
			if fault.CodeOf(err) != tt.want || n > 1<<20 {
				t.Errorf("%s: %v, %d bytes allocated", tt.name, err, n)
			}
		}
		small := &Decoder{own: d.own, MaxPixels: 1023}
		defer small.Close()
		if err := small.RGB(new(raster.RGB), base); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("1024 pixels with a limit of 1023: %v", err)
		}
	})
}

func TestFault17ProgressiveScans(t *testing.T) {
	progressive := testdata(t, "progressive.jpg")
	sequential, _ := build(t, 30, 22, nil, yuv420...)
	four11, _ := build(t, 30, 22, nil, yuv411...)
	four10, _ := build(t, 30, 22, nil, component{1, 4, 2}, component{2, 1, 1}, component{3, 1, 1})
	base := baseline(t, 32, 32)
	frame := frameOf(t, base)
	marker := func(m byte) []byte { return edit(base, func(b []byte) { b[frame-3] = m }) }
	tests := []struct {
		name string
		file []byte
		want fault.Code
	}{
		{"10,000 scans, progressive", repeatLastScan(t, progressive, 10000), fault.TooLarge},
		{"10,000 scans, sequential", repeatLastScan(t, sequential, 10000), fault.TooLarge},
		{"arithmetic coding", marker(0xC9), fault.Unsupported},
		{"arithmetic coding, progressive", marker(0xCA), fault.Unsupported},
		{"arithmetic conditioning", insert(base, 2, seg(mDAC, "\x00\x10")...), fault.Unsupported},
		{"lossless", marker(0xC3), fault.Unsupported},
		{"hierarchical", marker(0xC5), fault.Unsupported},
		{"12 bits", edit(base, func(b []byte) { b[frame] = 12 }), fault.Unsupported},
		{"two components", insert(base, 2, seg(mSOF0, "\x08\x00\x08\x00\x08\x02\x01\x11\x00\x02\x11\x00")...), fault.Unsupported},
		{"height 0 and no DNL", edit(base, func(b []byte) { b[frame+1], b[frame+2] = 0, 0 }), fault.Corrupt},
		{"4:1:1", four11, ""},
		{"4:1:0", four10, ""},
	}
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		for _, tt := range tests {
			if err := d.RGB(new(raster.RGB), tt.file); fault.CodeOf(err) != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("%s: %v, want code %q", tt.name, err, tt.want)
			}
		}
		if err := d.Planes(new(image.YCbCr), four10); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("4:1:0 planes: %v", err)
		}
	})
}

// repeatLastScan appends the last scan of a file n times more.
func repeatLastScan(t *testing.T, file []byte, n int) []byte {
	t.Helper()
	info, err := ReadInfo(file)
	if err != nil {
		t.Fatal(err)
	}
	last := info.scanOffset
	for at := last; ; {
		s, err := nextSegment(file, at)
		if err != nil || s.marker == mEOI {
			break
		}
		if at = s.end; s.marker == mSOS {
			last, at = s.offset, skipEntropy(file, at)
		}
	}
	scan := file[last : len(file)-2]
	out := append([]byte(nil), file[:len(file)-2]...)
	for range n {
		out = append(out, scan...)
	}
	return append(out, 0xFF, mEOI)
}

// Damage inside a scan: refused, or decoded to a full picture where the wrong
// bits are still a valid code.
func TestDamagedScansNeverPanic(t *testing.T) {
	file := baseline(t, 61, 45)
	info, err := ReadInfo(file)
	if err != nil {
		t.Fatal(err)
	}
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		refused := 0
		for at := info.scanOffset; at < len(file); at++ {
			err := d.RGB(new(raster.RGB), edit(file, func(b []byte) { b[at] ^= 0x55 }))
			if err != nil {
				refused++
				if c := fault.CodeOf(err); c != fault.Corrupt && c != fault.Unsupported && c != fault.TooLarge {
					t.Errorf("byte %d: %v", at, err)
				}
			}
		}
		if refused < 10 {
			t.Errorf("only %d of %d damaged files are refused", refused, len(file)-info.scanOffset)
		}
	})
}

// libjpeg tells only its first warning: a harmless one must not hide that the
// scan ends early.
func TestAHarmlessWarningHidesNoDamage(t *testing.T) {
	file := insert(baseline(t, 61, 45), 2, 1, 2, 3)
	cut := append(append([]byte(nil), file[:len(file)-100]...), 0xFF, mEOI)
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		if err := d.RGB(new(raster.RGB), file); err != nil {
			t.Errorf("stray bytes alone: %v", err)
		}
		if err := d.RGB(new(raster.RGB), cut); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("stray bytes and a short scan: %v", err)
		}
		if err := d.Planes(new(image.YCbCr), cut[:len(cut)-2]); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("stray bytes, a short scan and no end: %v", err)
		}
	})
}
