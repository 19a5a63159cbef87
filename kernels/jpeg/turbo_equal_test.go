package jpeg

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// bothCodecs returns a decoder and an encoder of either codec.
func bothCodecs(t testing.TB) (own, turbo *Decoder, ownEnc, turboEnc *Encoder) {
	t.Helper()
	if lib, reason := library(); lib == nil {
		t.Skip(reason)
	}
	own, turbo, ownEnc, turboEnc = &Decoder{own: true}, NewDecoder(), &Encoder{own: true}, NewEncoder()
	t.Cleanup(turbo.Close)
	t.Cleanup(turboEnc.Close)
	return own, turbo, ownEnc, turboEnc
}

// same compares what two decoders make of a file: planes, pixels and inks.
func same(t *testing.T, name string, own, turbo *Decoder, data []byte) {
	t.Helper()
	var a, b image.YCbCr
	errA, errB := own.Planes(&a, data), turbo.Planes(&b, data)
	if (errA == nil) != (errB == nil) {
		t.Errorf("%s: planes: %v, libturbojpeg: %v", name, errA, errB)
	} else if errA == nil && !samePlanes(&a, &b) {
		t.Errorf("%s: other planes than libturbojpeg's", name)
	}
	var p, q raster.RGB
	errA, errB = own.RGB(&p, data), turbo.RGB(&q, data)
	if (errA == nil) != (errB == nil) {
		t.Errorf("%s: RGB: %v, libturbojpeg: %v", name, errA, errB)
	} else if errA == nil && !bytes.Equal(p.Pix, q.Pix) {
		t.Errorf("%s: other pixels than libturbojpeg's", name)
	}
	x, errA := own.CMYK(nil, data)
	y, errB := turbo.CMYK(nil, data)
	if (errA == nil) != (errB == nil) || errA == nil && !bytes.Equal(x, y) {
		t.Errorf("%s: other inks than libturbojpeg's: %v, %v", name, errA, errB)
	}
}

// samePlanes compares the samples of the picture, not those beyond it.
func samePlanes(a, b *image.YCbCr) bool {
	if a.Rect != b.Rect || a.SubsampleRatio != b.SubsampleRatio {
		return false
	}
	w, h := a.Rect.Dx(), a.Rect.Dy()
	cw, ch := raster.ChromaSize(w, h, a.SubsampleRatio)
	for y := range h {
		if !bytes.Equal(a.Y[y*a.YStride:][:w], b.Y[y*b.YStride:][:w]) {
			return false
		}
	}
	for y := range ch {
		if !bytes.Equal(a.Cb[y*a.CStride:][:cw], b.Cb[y*b.CStride:][:cw]) || !bytes.Equal(a.Cr[y*a.CStride:][:cw], b.Cr[y*b.CStride:][:cw]) {
			return false
		}
	}
	return true
}

func TestOursIsLibturbojpegOnEverySampling(t *testing.T) {
	own, turbo, _, _ := bothCodecs(t)
	for name := range pillow {
		same(t, name, own, turbo, testdata(t, name+".jpg"))
	}
	odd := [][]component{yuv444, yuv422, yuv420, yuv440, yuv411, {{1, 4, 2}, {2, 1, 1}, {3, 1, 1}}, {{1, 2, 2}, {2, 2, 1}, {3, 1, 2}},
		{{1, 1, 1}, {2, 2, 2}, {3, 1, 1}}, {{1, 2, 2}, {2, 1, 1}, {3, 1, 1}, {4, 2, 2}}, {{1, 1, 4}, {2, 1, 2}, {3, 1, 1}}}
	for _, c := range odd {
		for _, size := range oddSizes {
			file, _ := build(t, size.X, size.Y, nil, c...)
			same(t, "built", own, turbo, file)
		}
	}
}

// Real files: a few hundred of ImageNet, COCO and the odd ones of the goldens,
// where the samples are beside the repository. TAILORBIRD_JPEGS names more.
func TestOursIsLibturbojpegOnRealFiles(t *testing.T) {
	own, turbo, ownEnc, turboEnc := bothCodecs(t)
	root := os.Getenv("TAILORBIRD_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	n, step := 0, 23
	if os.Getenv("TAILORBIRD_JPEGS") != "" {
		root, step = os.Getenv("TAILORBIRD_JPEGS"), 1
	}
	if testing.Short() {
		step = 97
	}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if ext := filepath.Ext(path); ext != ".jpg" && ext != ".jpeg" && ext != ".JPEG" {
			return nil
		}
		if n++; n%step != 0 {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		same(t, path, own, turbo, data)
		var planes image.YCbCr
		if own.Planes(&planes, data) == nil {
			a, errA := ownEnc.Planes(nil, &planes, 90)
			b, errB := turboEnc.Planes(nil, &planes, 90)
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: encoded again it is another file than libturbojpeg's: %v, %v", path, errA, errB)
			}
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Skip("no files: ", err)
	}
	t.Logf("%d files", n/step)
}

func TestOurFilesAreLibturbojpegs(t *testing.T) {
	_, _, own, turbo := bothCodecs(t)
	for _, ratio := range ratios {
		for _, size := range append(oddSizes, image.Pt(64, 64), image.Pt(203, 91)) {
			for _, quality := range []int{1, 30, 50, 75, 90, 98, 100} {
				rgb := scene(size.X, size.Y)
				var planes image.YCbCr
				raster.ToPlanes(&planes, rgb, ratio)
				a, errA := own.Planes(nil, &planes, quality)
				b, errB := turbo.Planes(nil, &planes, quality)
				if errA != nil || errB != nil || !bytes.Equal(a, b) {
					t.Errorf("%v %v %d: other bytes from planes: %v, %v", ratio, size, quality, errA, errB)
				}
				a, errA = own.RGB(nil, rgb, quality, ratio)
				b, errB = turbo.RGB(nil, rgb, quality, ratio)
				if errA != nil || errB != nil || !bytes.Equal(a, b) {
					t.Errorf("%v %v %d: other bytes from RGB: %v, %v", ratio, size, quality, errA, errB)
				}
			}
		}
	}
}

// FuzzOursAgainstLibturbojpeg: whatever both take, they read alike.
func FuzzOursAgainstLibturbojpeg(f *testing.F) {
	for name := range pillow {
		f.Add(testdata(f, name+".jpg"))
	}
	own, turbo, _, _ := bothCodecs(f)
	own.MaxPixels, turbo.MaxPixels = 1<<16, 1<<16
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, q raster.RGB
		if own.RGB(&p, data) == nil && turbo.RGB(&q, data) == nil && !bytes.Equal(p.Pix, q.Pix) {
			t.Error("other pixels than libturbojpeg's")
		}
	})
}
