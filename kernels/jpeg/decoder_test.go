package jpeg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"sync"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

var (
	yuv444 = []component{{1, 1, 1}, {2, 1, 1}, {3, 1, 1}}
	yuv422 = []component{{1, 2, 1}, {2, 1, 1}, {3, 1, 1}}
	yuv420 = []component{{1, 2, 2}, {2, 1, 1}, {3, 1, 1}}
	yuv440 = []component{{1, 1, 2}, {2, 1, 1}, {3, 1, 1}}
	yuv411 = []component{{1, 4, 1}, {2, 1, 1}, {3, 1, 1}}
)

var oddSizes = []image.Point{{1, 1}, {2, 1}, {1, 2}, {3, 5}, {7, 8}, {8, 7}, {9, 9}, {16, 16}, {17, 15}, {33, 18}, {18, 33}, {47, 31}}

// A plane decoded alone, as a grey file, is the plane decoded with others:
// strides, padding and sizes are right for each subsampling and odd size.
func TestPlanesAreTheSamplesOfEachComponent(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		for _, c := range [][]component{yuv444, yuv422, yuv420, yuv440, yuv411} {
			for _, size := range oddSizes {
				file, greys := build(t, size.X, size.Y, nil, c...)
				var got, want image.YCbCr
				if err := d.Planes(&got, file); err != nil {
					t.Fatalf("%v %v: %v", c, size, err)
				}
				cw, ch := raster.ChromaSize(size.X, size.Y, got.SubsampleRatio)
				for i, p := range []struct {
					pix          []byte
					stride, w, h int
				}{{got.Y, got.YStride, size.X, size.Y}, {got.Cb, got.CStride, cw, ch}, {got.Cr, got.CStride, cw, ch}} {
					if err := d.Planes(&want, greys[i]); err != nil {
						t.Fatal(err)
					}
					if want.Rect.Dx() != p.w || want.Rect.Dy() != p.h {
						t.Fatalf("%v %v: component %d is %v, want %dx%d", got.SubsampleRatio, size, i, want.Rect, p.w, p.h)
					}
					for y := range p.h {
						if !bytes.Equal(p.pix[y*p.stride:][:p.w], want.Y[y*want.YStride:][:p.w]) {
							t.Fatalf("%v %v: component %d differs in row %d", got.SubsampleRatio, size, i, y)
						}
					}
				}
			}
		}
	})
}

// pillow holds the start of the SHA-256 of Image.open(f).convert("RGB").tobytes()
// for the files of testdata, by Pillow 13.0.0 with libjpeg-turbo 3.2.0.
var pillow = map[string]string{
	"420": "a61cd1229d68fa4d", "422": "f08f05c8b73bd26c", "444": "4ff3dee35747d488",
	"progressive": "a61cd1229d68fa4d", "restart": "a61cd1229d68fa4d", "grey": "292a09519d561213",
	"rgb": "dd940f4cffbbb765", "cmyk": "f1b64dcb02ba77c8", "ycck": "a778019b7663916d",
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRGBIsPillows(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		for name, want := range pillow {
			var rgb raster.RGB
			if err := d.RGB(&rgb, testdata(t, name+".jpg")); err != nil {
				t.Fatal(name, err)
			}
			if got := digest(rgb.Pix); got != want {
				t.Errorf("%s: pixels %s, Pillow's %s", name, got, want)
			}
		}
	})
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func distance(a, b []byte) (most int, mean float64) {
	if len(a) != len(b) {
		return 256, 256
	}
	sum := 0
	for i := range a {
		d := max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
		most, sum = max(most, d), sum+d
	}
	return most, float64(sum) / float64(max(len(a), 1))
}

func TestGreyGivesNeutralChroma(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		var m image.YCbCr
		var rgb raster.RGB
		data := testdata(t, "grey.jpg")
		if err := d.Planes(&m, data); err != nil {
			t.Fatal(err)
		}
		if err := d.RGB(&rgb, data); err != nil {
			t.Fatal(err)
		}
		if m.SubsampleRatio != image.YCbCrSubsampleRatio420 || len(m.Cb) != 23*16 || len(m.Cr) != 23*16 {
			t.Errorf("chroma %v of %d and %d samples", m.SubsampleRatio, len(m.Cb), len(m.Cr))
		}
		for _, v := range append(m.Cb, m.Cr...) {
			if v != 128 {
				t.Fatalf("chroma %d", v)
			}
		}
		for y := range rgb.Height {
			for x := range rgb.Width {
				if p := rgb.Pix[3*(y*rgb.Width+x):]; p[0] != p[1] || p[1] != p[2] || p[0] != m.Y[y*m.YStride+x] {
					t.Fatalf("pixel (%d, %d) is %v, luma %d", x, y, p[:3], m.Y[y*m.YStride+x])
				}
			}
		}
	})
}

func TestInksFollowPillowsRule(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		data := testdata(t, "cmyk.jpg")
		inks, err := d.CMYK(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		var rgb raster.RGB
		if err := d.RGB(&rgb, data); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(inks); i += 4 {
			for c := range 3 {
				white := 255 - int(inks[i+3])
				want := white - (2*int(inks[i+c])*white+255)/510
				if got := rgb.Pix[i/4*3+c]; int(got) != max(want, 0) {
					t.Fatalf("inks %v: channel %d is %d, want %d", inks[i:i+4], c, got, want)
				}
			}
		}
		if _, err := d.CMYK(inks, testdata(t, "420.jpg")); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("inks of a YCbCr file: %v", err)
		}
		var planes image.YCbCr
		if err := d.Planes(&planes, data); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("planes of a CMYK file: %v", err)
		}
	})
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget, and purego uses one")
	}
	forEachCodec(t, steadyState)
}

func steadyState(t *testing.T, d *Decoder, e *Encoder) {
	var planes image.YCbCr
	var rgb raster.RGB
	var out []byte
	data, odd := testdata(t, "420.jpg"), testdata(t, "cmyk.jpg")
	if n := testing.AllocsPerRun(20, func() {
		err := d.Planes(&planes, data)
		if err == nil {
			out, err = e.Planes(out[:0], &planes, 90)
		}
		if err == nil {
			err = d.RGB(&rgb, data)
		}
		if err == nil {
			err = d.RGB(&rgb, odd)
		}
		if err == nil {
			out, err = e.RGB(out[:0], &rgb, 90, image.YCbCrSubsampleRatio420)
		}
		if err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecodersInManyGoroutinesAgree(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, _ *Encoder) {
		files := [][]byte{testdata(t, "420.jpg"), testdata(t, "progressive.jpg"), baseline(t, 40, 30)[:500]}
		var want []string
		for _, f := range files {
			want = append(want, outcome(d, f))
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				d := &Decoder{own: d.own}
				defer d.Close()
				for i := range 60 {
					if got := outcome(d, files[i%3]); got != want[i%3] {
						t.Errorf("%s, want %s", got, want[i%3])
					}
				}
			})
		}
		wg.Wait()
	})
}

// outcome is the digest of a file's pixels, or its error.
func outcome(d *Decoder, file []byte) string {
	var rgb raster.RGB
	if err := d.RGB(&rgb, file); err != nil {
		return err.Error()
	}
	return fmt.Sprint(rgb.Width, rgb.Height, digest(rgb.Pix))
}

func TestAClosedDecoderOpensAgain(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, e *Encoder) {
		for range 3 {
			out, err := e.RGB(nil, scene(9, 9), 80, image.YCbCrSubsampleRatio420)
			if err != nil || outcome(d, out) == "" {
				t.Fatal(err)
			}
			d.Close()
			d.Close()
			e.Close()
			e.Close()
		}
	})
}
