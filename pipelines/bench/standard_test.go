package bench

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"os"
	"testing"

	"golang.org/x/image/draw"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

// files are real JPEG files where TAILORBIRD_BENCH_IMAGES names a directory,
// drawn ones otherwise.
func files(b *testing.B) [][]byte {
	b.Helper()
	x := bencher{ctx: b.Context(), dir: b.TempDir(), opt: Options{Images: os.Getenv("TAILORBIRD_BENCH_IMAGES")}}
	if err := x.load(); err != nil {
		b.Fatal(err)
	}
	return x.data
}

// BenchmarkPrep is the chain as a build runs it; with TAILORBIRD_NATIVE=off on
// our own codec.
func BenchmarkPrep(b *testing.B) {
	data := files(b)
	c, err := chain.Parse(prepChain)
	if err != nil {
		b.Fatal(err)
	}
	w := c.NewWorker()
	defer w.Close()
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.Open(new(datasets.Example), data[i%len(data)]); err != nil {
			b.Fatal(err)
		}
		if err := w.Decode(); err != nil {
			b.Fatal(err)
		}
		if err := w.Transform(); err != nil {
			b.Fatal(err)
		}
		if buf, err = w.Encode(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepStandardLibrary is the same job as Go programs do it: image/jpeg,
// x/image's CatmullRom, image/jpeg.
func BenchmarkPrepStandardLibrary(b *testing.B) {
	data := files(b)
	var out bytes.Buffer
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		src, err := jpeg.Decode(bytes.NewReader(data[i%len(data)]))
		if err != nil {
			b.Fatal(err)
		}
		w, h := src.Bounds().Dx(), src.Bounds().Dy()
		scale := 256 / float64(min(w, h))
		dst := image.NewRGBA(image.Rect(0, 0, int(math.RoundToEven(float64(w)*scale)), int(math.RoundToEven(float64(h)*scale))))
		draw.CatmullRom.Scale(dst, dst.Rect, src, src.Bounds(), draw.Src, nil)
		out.Reset()
		if err := jpeg.Encode(&out, dst, &jpeg.Options{Quality: 90}); err != nil {
			b.Fatal(err)
		}
	}
}
