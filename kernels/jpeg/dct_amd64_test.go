package jpeg

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"
)

// Blocks of every kind: what encoders write, and values that none does.
func TestInverseAVX2IsThePortableForm(t *testing.T) {
	if !useAVX2 {
		t.Skip("no AVX2")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 200000 {
		var block [64]int16
		var q [64]uint16
		reach := []int{2, 100, 2000, 65536}[i%4]
		for n := rng.IntN(64); n >= 0; n-- {
			block[zigzag[rng.IntN(1+rng.IntN(64))]] = int16(rng.IntN(reach) - reach/2)
		}
		if i%11 == 0 {
			clear(block[8:])
		}
		for k := range q {
			q[k] = uint16(1 + rng.IntN([]int{1, 20, 255, 65535}[i/4%4]))
		}
		var got, want [64]byte
		inversePortable(want[:], 8, &block, &q)
		inverseAVX2(&got[0], 8, &block, &q)
		if got != want {
			t.Fatalf("block %v\nq %v\n got %v\nwant %v", block, q, got, want)
		}
	}
}

func TestForwardAVX2IsThePortableForm(t *testing.T) {
	if !useAVX2 {
		t.Skip("no AVX2")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 100000 {
		src := make([]byte, 8*11)
		for k := range src {
			src[k] = byte(128 + (rng.IntN(256)-128)>>(i%8))
			if i%5 == 0 {
				src[k] = byte(255 * rng.IntN(2))
			}
		}
		var q [64]uint16
		for k := range q {
			q[k] = uint16(1 + rng.IntN([]int{1, 20, 255}[i%3]))
		}
		d := newDivisors(&q)
		var got, want [64]int16
		forwardPortable(&want, src, 11, d)
		bits := forwardAVX2(&got, &src[0], 11, &d.recip, &d.corr, &d.scale)
		if got != want || bits != presence(&want) {
			t.Fatalf("samples %v\nq %v\n got %v\nwant %v\nbits %x, want %x", src, q, got, want, bits, presence(&want))
		}
	}
}

// FuzzEncode: assembly and portable form write the same file for any samples, and
// both read it back alike.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{0, 255, 128, 7}, uint8(17), uint8(9), uint8(0), uint8(90))
	f.Add([]byte("stripes and noise"), uint8(64), uint8(33), uint8(2), uint8(100))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 250}, uint8(8), uint8(8), uint8(4), uint8(1))
	if !useAVX2 {
		f.Skip("no AVX2")
	}
	f.Fuzz(func(t *testing.T, data []byte, w, h, ratio, quality uint8) {
		if len(data) == 0 {
			return
		}
		width, height := 1+int(w)%100, 1+int(h)%100
		m := image.NewYCbCr(image.Rect(0, 0, width, height), ratios[int(ratio)%len(ratios)])
		for _, p := range [][]byte{m.Y, m.Cb, m.Cr} {
			for i := range p {
				p[i] = data[i%len(data)] + byte(i/len(data))
			}
		}
		var files [2][]byte
		var planes [2]image.YCbCr
		for i := range files {
			useAVX2 = i == 0
			e, d := &Encoder{own: true}, &Decoder{own: true}
			var err error
			if files[i], err = e.Planes(nil, m, 1+int(quality)%100); err == nil {
				err = d.Planes(&planes[i], files[i])
			}
			useAVX2 = true
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Error("the portable form writes another file")
		}
		if !samePlanes(&planes[0], &planes[1]) {
			t.Error("the portable form reads other samples")
		}
	})
}
