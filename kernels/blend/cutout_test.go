package blend

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

// red is a cut-out of a red ellipse on a green background.
func red(w, h int) *Cutout {
	m := &Cutout{Mask: *disc(w, h)}
	m.Image.Reset(w, h)
	for i, in := range m.Mask.Pix {
		m.Image.Pix[3*i], m.Image.Pix[3*i+1], m.Image.Pix[3*i+2] = 0, 220, 0
		if in != 0 {
			m.Image.Pix[3*i], m.Image.Pix[3*i+1] = 220, 0
		}
	}
	return m
}

func TestTheBackgroundDoesNotBleedIntoAScaledObject(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		soft := n%2 == 1
		r := Resampler{Soft: soft, Filter: [...]resize.Filter{resize.Bicubic, resize.Bilinear}[n/2]}
		for _, size := range [][2]int{{20, 15}, {37, 90}, {1, 1}, {61, 47}} {
			var dst Cutout
			if err := r.Scale(&dst, red(61, 47), size[0], size[1], true); err != nil {
				t.Fatal(err)
			}
			partial := 0
			for i, a := range dst.Mask.Pix {
				p := dst.Image.Pix[3*i:][:3]
				if a != 0 && p[1] != 0 {
					t.Fatalf("soft %v, size %d: pixel %d of the object is %d", soft, size, i, p)
				}
				// A bilinear filter has no lobes that could overshoot the object's own colour.
				if r.Filter == resize.Bilinear && a >= 128 && (p[0] < 218 || p[0] > 222) {
					t.Fatalf("soft %v, size %d: pixel %d of the object is %d", soft, size, i, p)
				}
				if a != 0 && a != 255 {
					partial++
				}
			}
			if !soft && partial > 0 {
				t.Errorf("size %d: %d partial pixels in a binary mask", size, partial)
			}
			if soft && size[0] == 20 && partial == 0 {
				t.Errorf("size %d: no partial pixel in a soft mask", size)
			}
		}
	}
}

func TestScalingToTheSameSizeKeepsThePixelsAndFlippingMirrorsThem(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 2))
	src := &Cutout{Image: *picture(rng, 33, 21), Mask: *disc(33, 21)}
	var r Resampler
	var same, flipped, back Cutout
	for _, err := range []error{r.Scale(&same, src, 33, 21, false), r.Scale(&flipped, src, 33, 21, true), r.Scale(&back, &flipped, 33, 21, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, got := range map[string]*Cutout{"same": &same, "twice flipped": &back} {
		if !bytes.Equal(got.Image.Pix, src.Image.Pix) || !bytes.Equal(got.Mask.Pix, src.Mask.Pix) {
			t.Errorf("%s: pixels changed", name)
		}
	}
	if flipped.Image.Pix[0] != src.Image.Pix[3*32] || flipped.Image.Pix[2] != src.Image.Pix[3*32+2] {
		t.Error("the first pixel of the flipped cut-out is not the last one of the row")
	}
}

func TestScaleRefusesWhatDoesNotFitAndDoesNotAllocate(t *testing.T) {
	var r Resampler
	var dst Cutout
	src := red(40, 30)
	short := red(40, 30)
	short.Mask.Width = 41
	for name, err := range map[string]error{
		"no width": r.Scale(&dst, src, 0, 5, false),
		"empty":    r.Scale(&dst, &Cutout{}, 5, 5, false),
		"short":    r.Scale(&dst, short, 5, 5, false),
		"itself":   r.Scale(src, src, 5, 5, false),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := testing.AllocsPerRun(5, func() { _ = r.Scale(&dst, src, 33, 22, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
