package chain

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
)

func TestSizesRoundHalfToEven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w, h int
		args string
		want [2]int
	}{
		{500, 375, "short=256", [2]int{341, 256}},
		{375, 500, "short=256", [2]int{256, 341}},
		{640, 480, "long=320", [2]int{320, 240}},
		{480, 640, "long=320", [2]int{240, 320}},
		{5, 2, "short=1", [2]int{2, 1}}, // 2.5
		{7, 2, "short=1", [2]int{4, 1}}, // 3.5
		{2, 2, "short=3", [2]int{3, 3}},
		{1000, 1, "long=10", [2]int{10, 1}}, // 0.01 is still a row
		{500, 375, "width=10, height=20", [2]int{10, 20}},
		{500, 375, "short=400, enlarge=false", [2]int{500, 375}},
		{500, 375, "long=499, enlarge=false", [2]int{499, 374}},
		{500, 375, "short=375", [2]int{500, 375}},
	} {
		ch := parse(t, "decode | resize("+c.args+") | encode(png)")
		if w, h := ch.steps[1].resized(c.w, c.h); [2]int{w, h} != c.want {
			t.Errorf("%d x %d, %s: %d x %d, want %v", c.w, c.h, c.args, w, h, c.want)
		}
	}
}

func TestEveryInputBecomesAJPEGOfThreeComponents(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"jpeg/testdata/420.jpg", "jpeg/testdata/422.jpg", "jpeg/testdata/444.jpg", "jpeg/testdata/grey.jpg", "jpeg/testdata/cmyk.jpg", "jpeg/testdata/ycck.jpg",
		"jpeg/testdata/rgb.jpg", "jpeg/testdata/progressive.jpg", "picture/testdata/rgb.png", "picture/testdata/palette.png", "picture/testdata/palette-alpha.png",
		"picture/testdata/grey.png", "picture/testdata/grey-alpha.png", "picture/testdata/rgba16.png", "picture/testdata/bits.png",
		"picture/testdata/palette.bmp", "picture/testdata/frame.gif", "picture/testdata/lossy.webp",
	} {
		for _, step := range []string{"", "resize(short=17) | ", "center_crop(33, 21) | "} {
			t.Run(name+" "+step, func(t *testing.T) {
				t.Parallel()
				data := fixture(t, name)
				got, want := new(datasets.Example), new(datasets.Example)
				run(t, "decode | "+step+"encode(jpeg, quality=95)", got, data)
				run(t, "decode | "+step+"encode(png)", want, data)
				info, err := jpeg.ReadInfo(got.Image)
				if err != nil || info.Components != 3 || info.Kind != jpeg.YCbCr || info.Subsampling != image.YCbCrSubsampleRatio420 {
					t.Fatalf("%+v, %v", info, err)
				}
				if got.Ext != "jpg" || want.Ext != "png" {
					t.Errorf("extensions %s, %s", got.Ext, want.Ext)
				}
				if db := psnr(luma(pixels(t, want)), luma(pixels(t, got))); db < 30 {
					t.Errorf("PSNR of luma %.1f dB against the PNG of the same chain", db)
				}
			})
		}
	}
}

func TestOddSizesGoThroughEveryStep(t *testing.T) {
	t.Parallel()
	w := parse(t, "decode | resize(long=19) | encode(jpeg)").NewWorker()
	defer w.Close()
	v := parse(t, "decode(orient=true) | pad(width=7, height=5) | center_crop(3, 9) | encode(jpeg)").NewWorker()
	defer v.Close()
	for _, size := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {3, 3}, {7, 1}, {1, 7}, {17, 15}, {16, 16}, {33, 31}, {300, 1}} {
		data := tagged(toJPEG(t, smooth(size[0], size[1])), 6)
		for _, w := range []*Worker{w, v} {
			ex := new(datasets.Example)
			if err := apply(w, ex, data); err != nil {
				t.Errorf("%v: %v", size, err)
				continue
			}
			pixels(t, ex)
		}
	}
}

func TestPlanesAndRGBAgreeOnASmoothPicture(t *testing.T) {
	t.Parallel()
	data := toJPEG(t, smooth(411, 307))
	const rgb = "pad(width=1, height=1) | " // does nothing, but not on planes
	for _, step := range []string{"", "resize(short=128) | ", "resize(long=600) | ", "resize(width=100, height=301, filter=lanczos3) | "} {
		onPlanes, onRGB := new(datasets.Example), new(datasets.Example)
		run(t, "decode | "+step+"encode(jpeg, quality=95)", onPlanes, data)
		run(t, "decode | "+step+rgb+"encode(jpeg, quality=95)", onRGB, data)
		if db := psnr(pixels(t, onRGB), pixels(t, onPlanes)); db < 35 {
			t.Errorf("%s: PSNR %.1f dB", step, db)
		}
	}
}

func TestSubsamplingIsAsAsked(t *testing.T) {
	t.Parallel()
	for sub, ratio := range map[string]image.YCbCrSubsampleRatio{
		"420": image.YCbCrSubsampleRatio420, "422": image.YCbCrSubsampleRatio422, "444": image.YCbCrSubsampleRatio444} {
		for _, step := range []string{"", "resize(short=31) | ", "center_crop(30) | "} {
			c := parse(t, "decode | "+step+"encode(jpeg, subsampling="+sub+")")
			for _, in := range []string{"420", "422", "444", "grey"} {
				ex := new(datasets.Example)
				run(t, c.String(), ex, fixture(t, "jpeg/testdata/"+in+".jpg"))
				if info, err := jpeg.ReadInfo(ex.Image); err != nil || info.Subsampling != ratio {
					t.Errorf("%s, %s%s: %v, %v", in, step, sub, info.Subsampling, err)
				}
			}
		}
	}
}

func TestKeepReturnsTheVeryBytes(t *testing.T) {
	t.Parallel()
	for name, ext := range map[string]string{"jpeg/testdata/cmyk.jpg": "jpg", "picture/testdata/palette.png": "png", "picture/testdata/frame.gif": "gif"} {
		data := fixture(t, name)
		before := slices.Clone(data)
		ex := new(datasets.Example)
		run(t, "keep", ex, data)
		if !bytes.Equal(ex.Image, before) || ex.Ext != ext || ex.Width == 0 || ex.Width != ex.OriginalWidth {
			t.Errorf("%s: %d bytes, ext %q, %d x %d", name, len(ex.Image), ex.Ext, ex.Width, ex.Height)
		}
	}
	if c := parse(t, "keep"); c.Codec() != NoCodec {
		t.Errorf("codec %s", c.Codec())
	}
	if c := parse(t, "decode | encode(png)"); c.Codec() != jpeg.Codec() {
		t.Errorf("codec %s", c.Codec())
	}
}

func TestKeepRefusesWhatIsDamagedOrWrapped(t *testing.T) {
	t.Parallel()
	data := fixture(t, "jpeg/testdata/420.jpg")
	var wrapped bytes.Buffer
	z := gzip.NewWriter(&wrapped)
	if _, err := z.Write(data); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	w := parse(t, "keep").NewWorker()
	defer w.Close()
	for name, c := range map[string]struct {
		data []byte
		want fault.Code
	}{"half": {data[:len(data)/2], fault.Corrupt}, "gzip": {wrapped.Bytes(), fault.Unsupported}, "text": {[]byte("<html>"), fault.Unsupported}, "empty": {nil, fault.Corrupt}} {
		if err := apply(w, new(datasets.Example), c.data); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := apply(w, new(datasets.Example), data); err != nil {
		t.Errorf("after the bad ones: %v", err)
	}
}

func TestASizeThatTheAnnotationsContradictIsRefused(t *testing.T) {
	t.Parallel()
	w := parse(t, "decode | encode(png)").NewWorker()
	defer w.Close()
	data := tagged(toJPEG(t, smooth(30, 20)), 6)
	for _, c := range []struct {
		w, h int
		want string
	}{{30, 20, ""}, {0, 0, ""}, {31, 20, "for 31 x 20 pixels, the image has 30 x 20"}, {20, 30, "an orientation tag was applied"}, {0, 20, "for 0 x 20"}} {
		_, err := w.Open(&datasets.Example{OriginalWidth: c.w, OriginalHeight: c.h}, data)
		if c.want == "" && err != nil || c.want != "" && (fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d x %d: %v, want %q", c.w, c.h, err, c.want)
		}
	}
}

// mixed are pictures of all kinds and sizes, small ones after large ones.
func mixed(t fataler) [][]byte {
	t.Helper()
	return [][]byte{
		toJPEG(t, smooth(200, 150)), toJPEG(t, smooth(31, 47)), fixture(t, "jpeg/testdata/cmyk.jpg"), toPNG(t, smooth(90, 91)),
		fixture(t, "jpeg/testdata/grey.jpg"), toJPEG(t, smooth(9, 5)), fixture(t, "picture/testdata/palette.png"), fixture(t, "jpeg/testdata/444.jpg"),
		tagged(toJPEG(t, smooth(64, 48)), 8), fixture(t, "jpeg/testdata/progressive.jpg"), toJPEG(t, smooth(200, 150)), toPNG(t, smooth(3, 2)),
	}
}

func TestAWorkerUsedAgainGivesTheBytesOfAFreshOne(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"decode | resize(short=40) | encode(jpeg)", "decode | encode(jpeg)", "decode(orient=true) | resize(long=64) | encode(jpeg)",
		"decode | center_crop(50) | encode(png)", "decode | pad(width=80, height=60, color=#336699) | resize(short=33) | center_crop(40, 20) | encode(jpeg)",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			used := parse(t, text).NewWorker()
			defer used.Close()
			images := mixed(t)
			for round := range 2 {
				for i, data := range images {
					got, want := new(datasets.Example), new(datasets.Example)
					if err := apply(used, got, data); err != nil {
						t.Fatal(err)
					}
					run(t, text, want, data)
					if !bytes.Equal(got.Image, want.Image) {
						t.Errorf("round %d, image %d: other bytes than from a fresh Worker", round, i)
					}
				}
				_ = used.dec.Check([]byte("damage in between"))
				slices.Reverse(images)
			}
		})
	}
}

func TestWhatOpenAsksForCoversWhatIsHeld(t *testing.T) {
	t.Parallel()
	images := mixed(t)
	for i, data := range [][]byte{toJPEG(t, image.NewGray(image.Rect(0, 0, 50, 30))), toJPEG(t, smooth(1, 1)), toPNG(t, image.NewPaletted(image.Rect(0, 0, 70, 30), color.Palette{color.Black}))} {
		images = slices.Insert(images, i, data)
	}
	for _, text := range []string{
		"keep", "decode | encode(jpeg)", "decode | encode(png)", "decode(orient=true) | encode(jpeg)", "decode | resize(short=90) | encode(jpeg)", "decode | resize(short=20) | encode(jpeg)",
		"decode | resize(short=150) | resize(short=10) | encode(jpeg)", "decode | pad(width=220, height=240) | center_crop(5) | encode(png)",
		"decode | resize(short=10) | resize(short=120) | resize(short=20) | resize(short=90) | encode(png)",
	} {
		for i, data := range images {
			w := parse(t, text).NewWorker() // its buffers are those of this image
			ex := new(datasets.Example)
			need, err := w.Open(ex, data)
			if err != nil {
				t.Fatal(err)
			}
			if err := apply(w, ex, data); err != nil {
				t.Fatal(err)
			}
			held := cap(w.rgb.Pix) + cap(w.other.Pix)
			for _, m := range []image.YCbCr{w.planes, w.spare} {
				held += cap(m.Y) + cap(m.Cb) + cap(m.Cr)
			}
			if int64(held) > need {
				t.Errorf("%s, image %d: %d bytes of pixels are held, Open said %d", text, i, held, need)
			}
			w.Close()
		}
	}
}

func TestThePlanarPathAllocatesNothingInSteadyState(t *testing.T) {
	w := parse(t, "decode | resize(short=100) | encode(jpeg)").NewWorker()
	defer w.Close()
	data := toJPEG(t, smooth(300, 200))
	ex := new(datasets.Example)
	var buf []byte
	one := func() {
		*ex = datasets.Example{}
		if _, err := w.Open(ex, data); err != nil {
			t.Fatal(err)
		}
		if err := w.Decode(); err != nil {
			t.Fatal(err)
		}
		if err := w.Transform(); err != nil {
			t.Fatal(err)
		}
		var err error
		if buf, err = w.Encode(buf); err != nil {
			t.Fatal(err)
		}
	}
	one()
	if n := testing.AllocsPerRun(20, one); n > 3 { // of a size that no image decides
		t.Errorf("%v allocations an image", n)
	}
}

func TestBuffersOfAnUnusuallyLargeImageAreGivenBack(t *testing.T) {
	t.Parallel()
	w := parse(t, "decode | encode(jpeg)").NewWorker()
	defer w.Close()
	w.spare.Y, w.other.Pix = make([]byte, keptPixels+1), make([]byte, 3*keptPixels+1)
	if err := apply(w, new(datasets.Example), toJPEG(t, smooth(8, 8))); err != nil {
		t.Fatal(err)
	}
	if cap(w.spare.Y) != 0 || cap(w.other.Pix) != 0 {
		t.Errorf("%d and %d bytes are still held", cap(w.spare.Y), cap(w.other.Pix))
	}
}

// TestAllWithoutNativeLibraries runs this package's tests where none may be loaded.
func TestAllWithoutNativeLibraries(t *testing.T) {
	if path, _ := jpeg.Library(); path == "" || testing.Short() {
		t.Skip("the other tests do without, or -short")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^Test", "-test.count=1", "-rapid.checks=10")
	cmd.Env = append(os.Environ(), "TAILORBIRD_NATIVE=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func BenchmarkChain(b *testing.B) {
	for _, text := range []string{"decode | resize(short=256) | encode(jpeg)", "decode | resize(short=256) | center_crop(224) | encode(jpeg)", "keep"} {
		b.Run(text, func(b *testing.B) {
			c, err := Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			w := c.NewWorker()
			defer w.Close()
			var data bytes.Buffer
			if err := stdjpeg.Encode(&data, smooth(500, 375), &stdjpeg.Options{Quality: 92}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := apply(w, new(datasets.Example), data.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

func ExampleWorker() {
	c, err := Parse("decode | resize(short=256) | encode(jpeg, quality=90)")
	if err != nil {
		fmt.Println(err)
		return
	}
	w := c.NewWorker()
	defer w.Close()
	var data bytes.Buffer
	if err := stdjpeg.Encode(&data, smooth(500, 375), nil); err != nil {
		fmt.Println(err)
		return
	}
	ex := &datasets.Example{Key: "000000391895", Annotations: &[]datasets.Annotation{{ID: 1, BBox: datasets.Box{100, 75, 250, 150}}}}
	if _, err := w.Open(ex, data.Bytes()); err != nil {
		fmt.Println(err)
		return
	}
	for _, stage := range []func() error{w.Decode, w.Transform, func() error { _, err := w.Encode(nil); return err }} {
		if err := stage(); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(c)
	fmt.Println(ex.Width, ex.Height, ex.Ext, (*ex.Annotations)[0].BBox)
	// Output:
	// decode(orient=false) | resize(short=256, filter=bicubic, antialias=true, enlarge=true) | encode(jpeg, quality=90, subsampling=420)
	// 341 256 jpg [68.2 51.2 170.5 102.4]
}
