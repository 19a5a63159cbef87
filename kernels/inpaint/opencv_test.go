package inpaint

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// The cases are made by testdata/opencv.py.
func TestTeleaAndNavierStokesEqualOpenCV(t *testing.T) {
	t.Parallel()
	rest, err := os.ReadFile("testdata/opencv.bin")
	if err != nil {
		t.Fatal(err)
	}
	take := func(n int) []byte {
		b := rest[:n]
		rest = rest[n:]
		return b
	}
	for n := 0; len(rest) > 0; n++ {
		head := take(12)
		h, w, r := int(binary.LittleEndian.Uint32(head)), int(binary.LittleEndian.Uint32(head[4:])), int(binary.LittleEndian.Uint32(head[8:]))
		src := &raster.RGB{Width: w, Height: h, Pix: take(3 * w * h)}
		mask := &morph.Bitmap{Width: w, Height: h, Pix: take(w * h)}
		for _, p := range []Inpainter{NewTelea(r), NewNavierStokes(r)} {
			want := take(3 * w * h)
			var dst raster.RGB
			if err := p.Inpaint(&dst, src, mask); err != nil {
				t.Fatal(err)
			}
			for i, v := range dst.Pix {
				if v != want[i] {
					t.Fatalf("case %d, %s, %d x %d: sample %d is %d, want %d", n, p.Name(), w, h, i, v, want[i])
				}
			}
		}
	}
}
