package parity

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/morph"
)

func init() { register("morphology", morphology) }

// bitmap returns an H x W tensor as a binary image.
func bitmap(t *testing.T, c *Case, name string) *morph.Bitmap {
	t.Helper()
	pix, shape := c.U8(t, name)
	if len(shape) != 2 {
		t.Fatalf("%s has shape %d, want H x W", name, shape)
	}
	return &morph.Bitmap{Width: shape[1], Height: shape[0], Pix: pix}
}

// levels returns the bytes of b with the foreground written as the reference
// writes it: the value that the mask has there.
func levels(b, mask *morph.Bitmap) []byte {
	var set byte
	for _, v := range mask.Pix {
		set = max(set, v)
	}
	out := make([]byte, len(b.Pix))
	for i, v := range b.Pix {
		out[i] = v & set
	}
	return out
}

// morphName reads what an output's name says: dilate10, close5, erode_ellipse7.
var morphName = regexp.MustCompile(`^(dilate|erode|open|close)_?(rect|cross|ellipse)?(\d+)$`)

// morphology has outputs that are named after operation, element and size, of
// the input mask, and the components of the input speckle.
func morphology(t *testing.T, c *Case) {
	var m morph.Morpher
	operations := map[string]func(dst, src *morph.Bitmap, k morph.Kernel){
		"dilate": m.Dilate, "erode": m.Erode, "open": m.Open, "close": m.Close,
	}
	for _, out := range c.Outputs {
		if out.Name == "components" {
			speckle := bitmap(t, c, "speckle")
			labels, _ := m.Components(nil, speckle)
			wide := make([]int64, len(labels))
			for i, v := range labels {
				wide[i] = int64(v)
			}
			c.Check(t, out.Name, wide, speckle.Height, speckle.Width)
			continue
		}
		name := morphName.FindStringSubmatch(out.Name)
		if name == nil {
			t.Fatalf("output %s names no operation", out.Name)
		}
		n, _ := strconv.Atoi(name[3])
		k := morph.Rect(n, n)
		switch name[2] {
		case "cross":
			k = morph.Cross(n)
		case "ellipse":
			k = morph.Ellipse(n, n)
		}
		var dst morph.Bitmap
		mask := bitmap(t, c, "mask")
		operations[name[1]](&dst, mask, k)
		c.Check(t, out.Name, levels(&dst, mask), dst.Height, dst.Width)
	}
}
