package picture

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// pillow holds the starts of the SHA-256 of Image.open(f).convert(mode).tobytes()
// for mode RGB and RGBA, by Pillow 13.0.0 (libwebp 1.6.0).
var pillow = []struct{ file, rgb, rgba string }{
	{"bits.png", "4ca8f825a0137d1f", "3e9685432397fce0"},
	{"grey.png", "0c37055dd5540d4e", "378b3e6241af9bea"},
	{"palette.png", "bc2637b8c4f75dcf", "3c22c5c1e77d7529"},
	{"palette-alpha.png", "bc2637b8c4f75dcf", "eecfa1fa61f4c5ec"},
	{"rgb.png", "f8d7d4fe24f5e88b", "a54810d5b2f54b8e"},
	{"rgba.png", "f8d7d4fe24f5e88b", "f5798dab993876b1"},
	{"grey-alpha.png", "0c37055dd5540d4e", "175570676980e480"},
	{"rgb-key.png", "f8d7d4fe24f5e88b", "5b7b3f400de7a0bf"},
	{"rgb16.png", "628574a2bc9a0d4b", "92ac6ef42cac0b30"},
	{"rgba16.png", "537091f451bf0e4e", "a01259ee6aacb4d1"},
	{"frame.gif", "bc2637b8c4f75dcf", "3c22c5c1e77d7529"},
	{"small-frame.gif", "a0468b9c7e9e90c6", "8ee89afd5fd39634"},
	{"small-clear-frame.gif", "1a23b9c5f6700785", ""}, // we show what is transparent
	{"rgb.bmp", "f8d7d4fe24f5e88b", "a54810d5b2f54b8e"},
	{"rgba.bmp", "f8d7d4fe24f5e88b", "a54810d5b2f54b8e"},
	{"palette.bmp", "bc2637b8c4f75dcf", "3c22c5c1e77d7529"},
	{"bits.bmp", "4ca8f825a0137d1f", "3e9685432397fce0"},
	{"lossless.webp", "aa918fc61e284d8c", "2cea54ade23e82fb"},
	{"lossy.webp", "39e3b9c94c628d33", "e46b7d5ec0847066"},
	{"lossy-alpha.webp", "876c37639e190f75", "2ffa91939cf631c9"},
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPixelsArePillows(t *testing.T) {
	t.Parallel()
	dec := NewDecoder(Limits{})
	defer dec.Close()
	for _, tt := range pillow {
		data := testdata(t, tt.file)
		info, err := ReadInfo(data)
		if err != nil || string(info.Format) != filepath.Ext(tt.file)[1:] {
			t.Errorf("%s: %+v, %v", tt.file, info, err)
		}
		var rgb raster.RGB
		if err := dec.RGB(&rgb, data); err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if got := digest(rgb.Pix); got != tt.rgb || rgb.Width != info.Width || rgb.Height != info.Height {
			t.Errorf("%s: %dx%d, pixels %s, Pillow's %s", tt.file, rgb.Width, rgb.Height, got, tt.rgb)
		}
		var rgba image.NRGBA
		if err := dec.RGBA(&rgba, data); err != nil {
			t.Errorf("%s: %v", tt.file, err)
		}
		if got := digest(rgba.Pix); tt.rgba != "" && got != tt.rgba {
			t.Errorf("%s: with alpha %s, Pillow's %s", tt.file, got, tt.rgba)
		}
		if ok, err := dec.Planes(new(image.YCbCr), data); ok || err != nil {
			t.Errorf("%s: planes %v, %v", tt.file, ok, err)
		}
		if err := dec.Check(data); err != nil {
			t.Errorf("%s: check: %v", tt.file, err)
		}
	}
}

func TestSniffLooksAtBytesOnly(t *testing.T) {
	tests := []struct {
		data string
		want Format
	}{
		{"\xFF\xD8\xFF\xE0", JPEG}, {"\x89PNG\r\n\x1A\n", PNG}, {"GIF87a", GIF}, {"GIF89a", GIF}, {"BM", BMP},
		{"RIFF\x00\x00\x00\x00WEBPVP8 ", WebP}, {"RIFF\x00\x00\x00\x00WAVE", Other}, {"\x1F\x8B\x08", Gzip},
		{"<!DOCTYPE html>", HTML}, {"\xEF\xBB\xBF\r\n <HTML>", HTML}, {"<?xml version='1.0'?>", HTML},
		{"", Other}, {"\n\xFF\xD8", Other}, {"II*\x00", Other}, {"GIF90a", Other},
	}
	for _, tt := range tests {
		if got := Sniff([]byte(tt.data)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.data, got, tt.want)
		}
	}
}

func TestJPEGGoesToPlanesOrRGB(t *testing.T) {
	t.Parallel()
	dec, ref := NewDecoder(Limits{}), jpeg.NewDecoder()
	defer dec.Close()
	defer ref.Close()
	plain := testdata(t, "rotated.jpg")
	var want raster.RGB
	if err := ref.RGB(&want, plain); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain), "gzip and a tail": append(gzipped(t, plain), "tail"...)} {
		info, err := ReadInfo(data)
		if err != nil || info != (Info{JPEG, name != "plain", 23, 17, 6, true}) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		var rgb raster.RGB
		if err := dec.RGB(&rgb, data); err != nil || !bytes.Equal(rgb.Pix, want.Pix) {
			t.Errorf("%s: %v", name, err)
		}
		var planes image.YCbCr
		if ok, err := dec.Planes(&planes, data); !ok || err != nil || planes.Rect.Dx() != 23 {
			t.Errorf("%s: planes %v, %v", name, ok, err)
		}
	}
}

func TestOtherFilesAreRefusedByCode(t *testing.T) {
	t.Parallel()
	jpg, png := testdata(t, "rotated.jpg"), testdata(t, "rgb.png")
	broken := bytes.Clone(png)
	broken[len(png)/2] ^= 0xFF
	tests := []struct {
		name string
		data []byte
		want fault.Code
		text string
	}{
		{"an empty file", nil, fault.Corrupt, "empty"},
		{"an HTML page", []byte("<html>quota exceeded</html>"), fault.Unsupported, "HTML"},
		{"a TIFF", []byte("II*\x00\x08\x00\x00\x00"), fault.Unsupported, "49 49 2a 00"},
		{"gzip in gzip", gzipped(t, gzipped(t, jpg)), fault.Unsupported, "gzip within gzip"},
		{"gzip cut short", gzipped(t, jpg)[:100], fault.Corrupt, "gzip"},
		{"gzip of a page", gzipped(t, []byte("<html>")), fault.Unsupported, "HTML"},
		{"a damaged PNG", broken, fault.Corrupt, "png"},
		{"half a PNG", png[:len(png)/2], fault.Corrupt, "png"},
		{"half a GIF", testdata(t, "frame.gif")[:200], fault.Corrupt, "gif"},
		{"half a BMP", testdata(t, "rgb.bmp")[:600], fault.Corrupt, "bmp"},
		{"half a WebP", testdata(t, "lossy.webp")[:200], fault.Corrupt, "webp"},
		{"an animated WebP", testdata(t, "animated.webp"), fault.Unsupported, "webp"},
		{"half a JPEG", jpg[:len(jpg)/2], fault.Corrupt, "jpeg"},
		{"a BMP of a kind nobody writes", append([]byte("BM"), make([]byte, 60)...), fault.Unsupported, "bmp"},
	}
	dec := NewDecoder(Limits{})
	defer dec.Close()
	for _, tt := range tests {
		for call, err := range map[string]error{"RGB": dec.RGB(new(raster.RGB), tt.data), "Check": Check(tt.data)} {
			if fault.CodeOf(err) != tt.want || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: %s: %v, want %s with %q", tt.name, call, err, tt.want, tt.text)
			}
		}
	}
}

// bigPNG is a PNG of w x h pixels that has n bytes.
func bigPNG(w, h uint32, depth byte, n int) []byte {
	b := []byte("\x89PNG\r\n\x1A\n")
	chunk := func(kind string, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = append(append(b, kind...), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[len(b)-len(body)-4:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	chunk("IHDR", append(header, depth, 0, 0, 0, 0))
	chunk("IDAT", make([]byte, n-len(b)-24))
	chunk("IEND", nil)
	return b
}

func TestFault16PixelBombs(t *testing.T) {
	gif := testdata(t, "frame.gif")
	copy(gif[6:], "\xFF\xFF\xFF\xFF")
	bmp := testdata(t, "rgb.bmp")
	binary.LittleEndian.PutUint32(bmp[18:], 50000)
	binary.LittleEndian.PutUint32(bmp[22:], 50000)
	jpg := testdata(t, "rotated.jpg")
	at := bytes.Index(jpg, []byte("\xFF\xC0")) + 5
	copy(jpg[at:], "\xFF\xFF\xFF\xFF")
	tests := []struct {
		name string
		data []byte
		want fault.Code
	}{
		{"PNG of 50,000 x 50,000 in 10 KB", bigPNG(50000, 50000, 8, 10000), fault.TooLarge},
		{"PNG of 2^31-1 x 1", bigPNG(1<<31-1, 1, 8, 10000), fault.TooLarge},
		{"PNG of 13,000 x 13,000 in 10 KB", bigPNG(13000, 13000, 1, 10000), fault.Corrupt},
		{"GIF of 65,535 x 65,535", gif, fault.TooLarge},
		{"BMP of 50,000 x 50,000", bmp, fault.TooLarge},
		{"JPEG of 65,535 x 65,535", jpg, fault.TooLarge},
		{"a JPEG bomb in gzip", gzipped(t, jpg), fault.TooLarge},
	}
	dec := NewDecoder(Limits{})
	defer dec.Close()
	for _, tt := range tests {
		var err error
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = dec.RGB(new(raster.RGB), tt.data)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; fault.CodeOf(err) != tt.want || n > 1<<20 {
			t.Errorf("%s: %v, %d bytes allocated", tt.name, err, n)
		}
	}
}

func TestFault18GzipBomb(t *testing.T) {
	dec := NewDecoder(Limits{})
	defer dec.Close()
	if err := dec.RGB(new(raster.RGB), gzipped(t, make([]byte, maxUnpacked+1))); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("%v", err)
	}
}

func TestLimitsAreTheCallers(t *testing.T) {
	data := testdata(t, "rgb.png") // 23 x 17
	for _, tt := range []struct {
		limits Limits
		want   fault.Code
	}{
		{Limits{MaxPixels: 391}, ""}, {Limits{MaxPixels: 390}, fault.TooLarge},
		{Limits{MaxSide: 23}, ""}, {Limits{MaxSide: 22}, fault.TooLarge},
	} {
		dec := NewDecoder(tt.limits)
		if err := dec.Check(data); fault.CodeOf(err) != tt.want || (err == nil) != (tt.want == "") {
			t.Errorf("%+v: %v", tt.limits, err)
		}
		if _, err := dec.Info(data); fault.CodeOf(err) != tt.want {
			t.Errorf("%+v: header: %v", tt.limits, err)
		}
		dec.Close()
	}
}

func TestAFileCutShortIsRefusedOrWhole(t *testing.T) {
	t.Parallel()
	dec := NewDecoder(Limits{})
	defer dec.Close()
	for _, tt := range pillow {
		data := testdata(t, tt.file)
		for n := 0; n < len(data); n += len(data)/250 + 1 {
			var rgb raster.RGB
			err := dec.RGB(&rgb, data[:n:n])
			if err == nil && digest(rgb.Pix) != tt.rgb {
				t.Errorf("%s: cut at byte %d of %d is accepted with other pixels", tt.file, n, len(data))
			}
			if c := fault.CodeOf(err); err != nil && (!c.IsData() || c == fault.Bug) {
				t.Errorf("%s: cut at byte %d of %d: %v", tt.file, n, len(data), err)
			}
		}
	}
}

func TestPNGRoundTripIsExactAndRepeatable(t *testing.T) {
	t.Parallel()
	dec := NewDecoder(Limits{})
	defer dec.Close()
	var want, got raster.RGB
	if err := dec.RGB(&want, testdata(t, "rgb.png")); err != nil {
		t.Fatal(err)
	}
	a, err := EncodePNG([]byte("kept"), &want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := EncodePNG(nil, raster.NewRGB(300, 2)); err != nil { // other sizes in between
		t.Fatal(err)
	}
	b, err := EncodePNG(nil, &want)
	if err != nil || string(a[:4]) != "kept" || !bytes.Equal(a[4:], b) {
		t.Errorf("two encodings differ: %v", err)
	}
	if err := dec.RGB(&got, b); err != nil || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("round trip: %v", err)
	}
	if out, err := EncodePNG([]byte("kept"), new(raster.RGB)); err == nil || string(out) != "kept" {
		t.Errorf("no pixels: %v, dst %q", err, out)
	}
}

// FuzzDecode: any bytes give pixels or a data error.
func FuzzDecode(f *testing.F) {
	for _, tt := range pillow {
		f.Add(testdata(f, tt.file))
	}
	f.Add(testdata(f, "rotated.jpg"))
	f.Add(gzipped(f, testdata(f, "frame.gif")))
	dec := NewDecoder(Limits{MaxPixels: 1 << 16})
	f.Cleanup(dec.Close)
	f.Fuzz(func(t *testing.T, data []byte) {
		var rgba image.NRGBA
		err := dec.RGBA(&rgba, data)
		if c := fault.CodeOf(err); err != nil && (!c.IsData() || c == fault.Bug) {
			t.Errorf("code %q: %v", c, err)
		}
		if err == nil && len(rgba.Pix) != 4*rgba.Rect.Dx()*rgba.Rect.Dy() {
			t.Errorf("%d bytes for %v", len(rgba.Pix), rgba.Rect)
		}
	})
}

func BenchmarkDecodePNG(b *testing.B) {
	data := testdata(b, "rgb.png")
	dec := NewDecoder(Limits{})
	defer dec.Close()
	var rgb raster.RGB
	b.ReportAllocs()
	for b.Loop() {
		if err := dec.RGB(&rgb, data); err != nil {
			b.Fatal(err)
		}
	}
}
