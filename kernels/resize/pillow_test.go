package resize

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// noise is the generator of testdata: a linear congruential one, every second
// run of 16 samples black and white so that filters overshoot.
func noise(n int, seed uint32) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		switch {
		case i>>4&1 == 1:
			b[i] = byte(seed >> 24)
		case seed>>31 == 1:
			b[i] = 255
		}
	}
	return b
}

// forms are a resizer as users get it and one without assembly.
func forms() map[string]*Resizer {
	return map[string]*Resizer{"fast": {}, "portable": {portable: true}}
}

type pillowCase struct {
	mode, filter string
	w, h, dw, dh int
	box          Box
	crc          uint32
}

func (c *pillowCase) parse(line string) error {
	_, err := fmt.Sscanf(line, "%s %s %d %d %d %d %g %g %g %g %x", &c.mode, &c.filter, &c.w, &c.h, &c.dw, &c.dh,
		&c.box.X0, &c.box.Y0, &c.box.X1, &c.box.Y1, &c.crc)
	return err
}

// run resizes the noise of seed and returns the result as Pillow lays it out.
func (c *pillowCase) run(r *Resizer, seed uint32, o Options) []byte {
	switch c.mode {
	case "RGB":
		dst := raster.NewRGB(c.dw, c.dh)
		r.RGB(dst, &raster.RGB{Width: c.w, Height: c.h, Pix: noise(3*c.w*c.h, seed)}, o)
		return dst.Pix
	case "L":
		dst := make([]byte, c.dw*c.dh)
		r.Plane(dst, c.dw, c.dw, c.dh, noise(c.w*c.h, seed), c.w, c.w, c.h, o)
		return dst
	}
	src := make([]float32, c.w*c.h)
	for i, v := range noise(c.w*c.h, seed) {
		src[i] = float32(v)
	}
	dst := make([]float32, c.dw*c.dh)
	r.Float32(dst, c.dw, c.dh, src, c.w, c.h, o)
	b := make([]byte, 0, 4*len(dst))
	for _, v := range dst {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func TestResultsEqualPillowToTheBit(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/pillow.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	resizers := forms()
	lines := bufio.NewScanner(f)
	for seed := uint32(0); lines.Scan(); seed++ {
		var c pillowCase
		if err := c.parse(lines.Text()); err != nil {
			t.Fatalf("line %d: %v", seed+1, err)
		}
		filter, err := ParseFilter(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range resizers {
			if got := crc32.ChecksumIEEE(c.run(r, seed, Options{Filter: filter, Box: c.box})); got != c.crc {
				t.Errorf("%s, line %d: %s: crc32 %08x", name, seed+1, lines.Text(), got)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
