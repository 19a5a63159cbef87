package resize

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// trial is one resize for both forms.
type trial struct {
	sw, sh, dw, dh int
	padSrc, padDst int
	channels       int
	o              Options
	seed           uint32
}

// equal runs t with and without assembly and compares every byte of the
// destination, padding included.
func (c trial) equal(t *testing.T, fast, portable *Resizer) {
	t.Helper()
	srcStride, dstStride := c.sw*c.channels+c.padSrc, c.dw*c.channels+c.padDst
	src := noise(srcStride*(c.sh-1)+c.sw*c.channels, c.seed)
	want := bytes.Repeat([]byte{0x5a}, dstStride*c.dh)
	got := bytes.Clone(want)
	s := plane{src, srcStride, c.sw, c.sh}
	fast.resize(plane{got, dstStride, c.dw, c.dh}, s, c.channels, c.o)
	portable.resize(plane{want, dstStride, c.dw, c.dh}, s, c.channels, c.o)
	if !bytes.Equal(got, want) {
		t.Fatalf("%+v: the assembly differs", c)
	}
}

func TestAssemblyEqualsThePortableForm(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	fast, portable := new(Resizer), &Resizer{portable: true}
	for range 600 {
		c := trial{
			sw: 1 + rng.IntN(300), sh: 1 + rng.IntN(120), dw: 1 + rng.IntN(200), dh: 1 + rng.IntN(120),
			padSrc: rng.IntN(9), padDst: rng.IntN(9), channels: 1 + 2*rng.IntN(2), seed: rng.Uint32(),
			o: Options{Filter: Filter(rng.IntN(int(filters))), NoAntialias: rng.IntN(4) == 0},
		}
		if rng.IntN(2) == 0 {
			x, y := rng.Float64()*float64(c.sw), rng.Float64()*float64(c.sh)
			c.o.Box = Box{x, y, x + 0.1 + rng.Float64()*float64(c.sw), y + 0.1 + rng.Float64()*float64(c.sh)}
		}
		c.equal(t, fast, portable)
	}
}

func FuzzAssemblyEqualsThePortableForm(f *testing.F) {
	f.Add(uint16(500), uint16(375), uint16(341), uint16(256), uint8(0), uint8(0), float32(0), float32(0), float32(0), float32(0), uint32(1))
	f.Add(uint16(97), uint16(73), uint16(40), uint16(31), uint8(5), uint8(0xff), float32(3.25), float32(5.5), float32(60.75), float32(48.1), uint32(2))
	f.Add(uint16(600), uint16(40), uint16(5), uint16(50), uint8(4), uint8(1), float32(0), float32(0), float32(0), float32(0), uint32(3))
	f.Add(uint16(16), uint16(2), uint16(700), uint16(33), uint8(0), uint8(2), float32(-5), float32(-5), float32(1), float32(9), uint32(4))
	f.Fuzz(func(t *testing.T, sw, sh, dw, dh uint16, filter, flags uint8, x0, y0, x1, y1 float32, seed uint32) {
		c := trial{
			sw: 1 + int(sw)%800, sh: 1 + int(sh)%400, dw: 1 + int(dw)%800, dh: 1 + int(dh)%400,
			padSrc: int(flags >> 2 & 7), padDst: int(flags >> 5), channels: 1 + 2*int(flags&1), seed: seed,
			o: Options{Filter: Filter(filter) % filters, NoAntialias: flags&2 != 0},
		}
		c.o.Box = Box{float64(x0), float64(y0), float64(x1), float64(y1)}
		if !(x1 > x0 && y1 > y0 && x0 > -1e4 && y0 > -1e4 && x1 < 1e4 && y1 < 1e4) {
			c.o.Box = Box{}
		}
		c.equal(t, new(Resizer), &Resizer{portable: true})
	})
}

// The rule of the pass order is Pillow's; both orders agree on a flat image.
func TestTallImagesGoVerticallyFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w, h, outW, outH int
		want             bool
	}{
		{40, 51, 32, 32, true}, {47, 55, 32, 32, false}, {35, 71, 25, 51, false}, {35, 72, 25, 51, true}, {10, 20, 30, 25, false}, {10, 20, 30, 19, true},
	} {
		if got := verticalFirst(c.w, c.h, c.outW, c.outH); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	src, dst := &raster.RGB{Width: 40, Height: 900, Pix: bytes.Repeat([]byte{9}, 3*40*900)}, raster.NewRGB(33, 100)
	new(Resizer).RGB(dst, src, Options{})
	if !bytes.Equal(dst.Pix, bytes.Repeat([]byte{9}, len(dst.Pix))) {
		t.Error("a flat image changed")
	}
}
