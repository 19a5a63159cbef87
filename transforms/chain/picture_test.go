package chain

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"math"
	"os"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// fataler is what *testing.T and *rapid.T share.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func parse(t fataler, text string) *Chain {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// apply runs every stage of a chain over one image.
func apply(w *Worker, ex *datasets.Example, data []byte) error {
	if _, err := w.Open(ex, data); err != nil {
		return err
	}
	if err := w.Decode(); err != nil {
		return err
	}
	if err := w.Transform(); err != nil {
		return err
	}
	_, err := w.Encode(nil)
	return err
}

// run applies a chain with a Worker of its own.
func run(t fataler, text string, ex *datasets.Example, data []byte) {
	t.Helper()
	w := parse(t, text).NewWorker()
	defer w.Close()
	if err := apply(w, ex, data); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// pixels decodes an example's image and holds its size against the example.
func pixels(t fataler, ex *datasets.Example) *raster.RGB {
	t.Helper()
	d := picture.NewDecoder(picture.Limits{})
	defer d.Close()
	m := new(raster.RGB)
	if err := d.RGB(m, ex.Image); err != nil {
		t.Fatal(err)
	}
	if m.Width != ex.Width || m.Height != ex.Height {
		t.Fatalf("the image has %d x %d pixels, the example says %d x %d", m.Width, m.Height, ex.Width, ex.Height)
	}
	return m
}

// smooth is a picture without edges.
func smooth(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	wave := func(x, y, f float64) uint8 { return uint8(128 + 100*math.Sin(f*x/float64(w))*math.Cos(f*y/float64(h))) }
	for y := range h {
		for x := range w {
			fx, fy := float64(x), float64(y)
			m.SetNRGBA(x, y, color.NRGBA{wave(fx, fy, 3), wave(fy, fx, 4), wave(fx, fy, 5), 255})
		}
	}
	return m
}

func toJPEG(t fataler, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, m, &stdjpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toPNG(t fataler, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tagged puts an EXIF segment with an orientation into a JPEG file: a TIFF header
// and one directory of one entry (Exif 2.3, tag 0x0112).
func tagged(data []byte, orientation int) []byte {
	exif := []byte("Exif\x00\x00MM\x00\x2A\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	exif = binary.BigEndian.AppendUint16(exif, uint16(orientation))
	exif = append(exif, 0, 0, 0, 0, 0, 0)
	out := append([]byte{}, data[:2]...)
	out = append(out, 0xFF, 0xE1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(exif)+2))
	return append(append(out, exif...), data[2:]...)
}

func fixture(t fataler, path string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../kernels/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// luma is the grey form of m: unlike chroma it survives 4:2:0.
func luma(m *raster.RGB) *raster.RGB {
	y := &raster.RGB{Width: m.Width, Height: m.Height, Pix: make([]byte, m.Width*m.Height)}
	raster.Luma(y.Pix, m)
	return y
}

// psnr is the peak signal-to-noise ratio of b against a, dB.
func psnr(a, b *raster.RGB) float64 {
	sum := 0.0
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/max(sum, 1e-9))
}
