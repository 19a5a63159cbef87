package jpeg

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

var ratios = []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422,
	image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411}

func TestPlanesSurviveEncoding(t *testing.T) {
	forEachCodec(t, func(t *testing.T, d *Decoder, e *Encoder) {
		for _, ratio := range ratios {
			for _, size := range oddSizes {
				var in, out image.YCbCr
				raster.ToPlanes(&in, scene(size.X, size.Y), ratio)
				file, err := e.Planes(nil, &in, 98)
				if err != nil {
					t.Fatal(err)
				}
				if err := d.Planes(&out, file); err != nil {
					t.Fatal(err)
				}
				if out.SubsampleRatio != ratio {
					t.Errorf("%v became %v", ratio, out.SubsampleRatio)
				}
				var got []byte
				for y := range size.Y {
					got = append(got, out.Y[y*out.YStride:][:size.X]...)
				}
				if most, mean := distance(got, in.Y); most > 8 || mean > 1.5 {
					t.Errorf("%v %v: luma is off by %d, %.2f in the mean", ratio, size, most, mean)
				}
			}
		}
	})
}

// The same samples in other memory give the same file: wide strides with
// rubbish behind each row, and a view into a larger picture.
func TestOnlyTheSamplesCount(t *testing.T) {
	forEachCodec(t, func(t *testing.T, _ *Decoder, e *Encoder) {
		for _, ratio := range ratios {
			var tight image.YCbCr
			raster.ToPlanes(&tight, scene(37, 23), ratio)
			want, err := e.Planes(nil, &tight, 90)
			if err != nil {
				t.Fatal(err)
			}
			cw, ch := raster.ChromaSize(37, 23, ratio)
			wide := tight
			wide.YStride, wide.CStride = 64, 50
			wide.Y, wide.Cb, wide.Cr = widened(tight.Y, 37, 23, 64), widened(tight.Cb, cw, ch, 50), widened(tight.Cr, cw, ch, 50)
			before := bytes.Clone(wide.Y)
			got, err := e.Planes([]byte("kept"), &wide, 90)
			if err != nil {
				t.Fatal(err)
			}
			if string(got[:4]) != "kept" || !bytes.Equal(got[4:], want) {
				t.Errorf("%v: strides change the file", ratio)
			}
			if !bytes.Equal(before, wide.Y) {
				t.Errorf("%v: the caller's planes were written", ratio)
			}
			view := wide.SubImage(image.Rect(8, 4, 33, 21)).(*image.YCbCr)
			copied := image.NewYCbCr(image.Rect(0, 0, 25, 17), ratio)
			for y := range 17 {
				for x := range 25 {
					copied.Y[copied.YOffset(x, y)] = view.Y[view.YOffset(x+8, y+4)]
					copied.Cb[copied.COffset(x, y)] = view.Cb[view.COffset(x+8, y+4)]
					copied.Cr[copied.COffset(x, y)] = view.Cr[view.COffset(x+8, y+4)]
				}
			}
			a, err := e.Planes(nil, view, 90)
			if err != nil {
				t.Fatal(err)
			}
			b, err := e.Planes(nil, copied, 90)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%v: a view is encoded otherwise than its copy", ratio)
			}
		}
	})
}

func widened(b []byte, w, h, stride int) []byte {
	out := bytes.Repeat([]byte{0xA5}, stride*h)
	for y := range h {
		copy(out[y*stride:], b[y*w:][:w])
	}
	return out
}

// Pillow 13.0.0 (libjpeg-turbo 3.2.0): the start of the SHA-256 of
// Image.open("scene.png").save(f, "JPEG", quality=.., subsampling=..).
func TestRGBIsEncodedToPillowsBytes(t *testing.T) {
	if lib, reason := library(); lib == nil {
		t.Skip(reason)
	}
	tests := []struct {
		ratio   image.YCbCrSubsampleRatio
		quality int
		want    string
	}{
		{image.YCbCrSubsampleRatio420, 30, "097d614146ed96a5"}, {image.YCbCrSubsampleRatio420, 90, "88b0a175ca73fee7"},
		{image.YCbCrSubsampleRatio422, 30, "6f1a69c6ee1f5bc1"}, {image.YCbCrSubsampleRatio422, 90, "c5a2bb23f2cae338"},
		{image.YCbCrSubsampleRatio444, 30, "8e45a27c8df274a0"}, {image.YCbCrSubsampleRatio444, 90, "21c46d7b0520929f"},
	}
	img, err := png.Decode(bytes.NewReader(testdata(t, "scene.png")))
	if err != nil {
		t.Fatal(err)
	}
	src := raster.NewRGB(45, 31)
	for i := range 45 * 31 {
		copy(src.Pix[3*i:][:3], img.(*image.RGBA).Pix[4*i:])
	}
	e := NewEncoder()
	defer e.Close()
	for _, tt := range tests {
		file, err := e.RGB(nil, src, tt.quality, tt.ratio)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(file); got != tt.want {
			t.Errorf("%v, quality %d: %s, Pillow's %s", tt.ratio, tt.quality, got, tt.want)
		}
	}
}

func TestEncodersRefuseWhatTheyCannotWrite(t *testing.T) {
	var planes, short, eighth image.YCbCr
	raster.ToPlanes(&planes, scene(20, 20), image.YCbCrSubsampleRatio420)
	raster.ToPlanes(&eighth, scene(20, 20), image.YCbCrSubsampleRatio410)
	short = planes
	short.Cr = short.Cr[:50]
	forEachCodec(t, func(t *testing.T, _ *Decoder, e *Encoder) {
		tests := []struct {
			name    string
			src     *image.YCbCr
			quality int
			want    fault.Code
		}{
			{"quality 0", &planes, 0, fault.Usage},
			{"quality 101", &planes, 101, fault.Usage},
			{"no pixels", &image.YCbCr{}, 90, fault.Bug},
			{"a side over 65500", &image.YCbCr{Rect: image.Rect(0, 0, 65501, 1)}, 90, fault.TooLarge},
			{"4:1:0", &eighth, 90, fault.Unsupported},
			{"planes that are too short", &short, 90, fault.Bug},
			{"planes that begin inside a chroma sample", planes.SubImage(image.Rect(1, 1, 9, 9)).(*image.YCbCr), 90, fault.Bug},
		}
		for _, tt := range tests {
			out, err := e.Planes([]byte("kept"), tt.src, tt.quality)
			if fault.CodeOf(err) != tt.want || string(out) != "kept" {
				t.Errorf("%s: %v, dst %q", tt.name, err, out)
			}
		}
	})
}
