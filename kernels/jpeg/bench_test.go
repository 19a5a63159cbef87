package jpeg

import (
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// corpus returns real ImageNet files where the samples are beside the
// repository, else the picture of testdata.
func corpus(tb testing.TB) (files [][]byte) {
	root := os.Getenv("TAILORBIRD_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	names, _ := filepath.Glob(filepath.Join(root, "data", "imagenet", "train", "*", "*.JPEG"))
	if len(names) == 0 {
		names = []string{filepath.Join("testdata", "scene.jpg")}
	}
	for _, name := range names[:min(len(names), 200)] {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, data)
	}
	return files
}

// run times work on every file in turn and reports images and bytes a second.
func run(b *testing.B, files [][]byte, work func(data []byte) error) {
	b.ReportAllocs()
	bytes := 0
	for _, f := range files {
		if err := work(f); err != nil {
			b.Fatal(err)
		}
	}
	i := 0
	for b.Loop() {
		f := files[i%len(files)]
		i++
		bytes += len(f)
		if err := work(f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "images/s")
	b.ReportMetric(float64(bytes)/1e6/b.Elapsed().Seconds(), "MB/s")
}

func codecs(b *testing.B, work func(b *testing.B, own bool)) {
	if lib, _ := library(); lib != nil {
		b.Run("turbo", func(b *testing.B) { work(b, false) })
	}
	b.Run("own", func(b *testing.B) { work(b, true) })
}

func BenchmarkDecodePlanes(b *testing.B) {
	files := corpus(b)
	codecs(b, func(b *testing.B, own bool) {
		d := &Decoder{own: own}
		defer d.Close()
		var planes image.YCbCr
		run(b, files, func(data []byte) error { return d.Planes(&planes, data) })
	})
}

func BenchmarkDecodeRGB(b *testing.B) {
	files := corpus(b)
	codecs(b, func(b *testing.B, own bool) {
		d := &Decoder{own: own}
		defer d.Close()
		var rgb raster.RGB
		run(b, files, func(data []byte) error { return d.RGB(&rgb, data) })
	})
}

func BenchmarkEncodePlanes(b *testing.B) {
	files := corpus(b)
	codecs(b, func(b *testing.B, own bool) {
		d, e := &Decoder{own: own}, &Encoder{own: own}
		defer d.Close()
		defer e.Close()
		var sources []image.YCbCr
		for _, f := range files[:min(len(files), 50)] {
			var m image.YCbCr
			if err := d.Planes(&m, f); err != nil {
				b.Fatal(err)
			}
			sources = append(sources, m)
		}
		var out []byte
		next := 0
		run(b, files, func([]byte) (err error) {
			out, err = e.Planes(out[:0], &sources[next%len(sources)], 90)
			next++
			return err
		})
	})
}

func BenchmarkReadInfo(b *testing.B) {
	run(b, corpus(b), func(data []byte) error { _, err := ReadInfo(data); return err })
}
