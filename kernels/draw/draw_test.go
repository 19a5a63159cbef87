package draw

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/morph"
)

// checkContours tells whether contours and their tree are those of b: filled by
// depth they give b back, one border without a parent or within a hole for each
// component, and links that agree.
func checkContours(t *testing.T, b *morph.Bitmap, contours []Contour) {
	t.Helper()
	var m morph.Morpher
	_, parts := m.Components(nil, b)
	outer := 0
	for i, c := range contours {
		if !c.Hole {
			outer++
		}
		if c.Parent >= i || c.Parent >= 0 && contours[c.Parent].Hole == c.Hole || c.Parent < 0 && c.Hole {
			t.Fatalf("contour %d (hole %v) is within %d", i, c.Hole, c.Parent)
		}
		if c.Next >= 0 && (contours[c.Next].Previous != i || contours[c.Next].Parent != c.Parent) {
			t.Fatalf("contour %d's next is %d, which disagrees", i, c.Next)
		}
		if c.Child >= 0 && contours[c.Child].Parent != i {
			t.Fatalf("contour %d's child is %d, which disagrees", i, c.Child)
		}
		for _, p := range c.Points {
			if p.X < 0 || p.Y < 0 || p.X >= b.Width || p.Y >= b.Height || b.Pix[p.Y*b.Width+p.X] == 0 {
				t.Fatalf("contour %d has %v, which is background", i, p)
			}
		}
	}
	if outer != len(parts) {
		t.Fatalf("%d outer borders, %d components", outer, len(parts))
	}
	if got := refill(b.Width, b.Height, contours); !equalPixels(got, b) {
		t.Fatalf("filled again:\n%d\nwant\n%d", got.Pix, b.Pix)
	}
}

// refill paints contours in their order: the inside and the border of a
// component, and the inside of a hole without its border.
func refill(w, h int, contours []Contour) *morph.Bitmap {
	b := morph.New(w, h)
	for _, c := range contours {
		on := border8(c.Points)
		for y := range h {
			for x := range w {
				p := Point{x, y}
				switch {
				case c.Hole && !on[p] && inside(c.Points, p):
					b.Pix[y*w+x] = 0
				case !c.Hole && (on[p] || inside(c.Points, p)):
					b.Pix[y*w+x] = 255
				}
			}
		}
	}
	return b
}

// border8 returns the pixels between the corners of a contour.
func border8(points []Point) map[Point]bool {
	on := map[Point]bool{}
	for i, q := range points {
		p := points[(i+len(points)-1)%len(points)]
		sign := func(v int) int { return min(max(v, -1), 1) }
		for ; p != q; p = (Point{p.X + sign(q.X-p.X), p.Y + sign(q.Y-p.Y)}) {
			on[p] = true
		}
		on[q] = true
	}
	return on
}

// inside is the even-odd rule for a pixel that is not on the polygon. The ray
// goes right and a little down, so that it meets no corner.
func inside(points []Point, at Point) bool {
	in := false
	for i, q := range points {
		p := points[(i+len(points)-1)%len(points)]
		if (p.Y > at.Y) == (q.Y > at.Y) {
			continue
		}
		// The crossing's x minus at.X, times |q.Y-p.Y|.
		cross := (q.X-p.X)*(at.Y-p.Y) - (at.X-p.X)*(q.Y-p.Y)
		if (cross > 0) == (q.Y > p.Y) && cross != 0 {
			in = !in
		}
	}
	return in
}

func equalPixels(a, b *morph.Bitmap) bool {
	for i, v := range a.Pix {
		if (v != 0) != (b.Pix[i] != 0) {
			return false
		}
	}
	return true
}

func TestContoursFillToTheirMask(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 250 {
		b := morph.New(1+r.IntN(24), 1+r.IntN(16))
		for j := range b.Pix {
			if r.Float64() < []float64{0.1, 0.4, 0.6, 0.9}[i%4] {
				b.Pix[j] = byte(1 + r.IntN(255))
			}
		}
		checkContours(t, b, Contours(b))
	}
}

func TestContoursOfARingAreAComponentAndAHole(t *testing.T) {
	t.Parallel()
	b := &morph.Bitmap{Width: 3, Height: 3, Pix: []byte{1, 1, 1, 1, 0, 1, 1, 1, 1}}
	got := Contours(b)
	if len(got) != 2 || got[0].Hole || !got[1].Hole || got[1].Parent != 0 || got[0].Child != 1 || len(got[1].Points) != 4 {
		t.Errorf("%+v", got)
	}
}

func TestShapesOutsideTheCanvasLeaveItAlone(t *testing.T) {
	t.Parallel()
	c := &Canvas{Width: 9, Height: 7, Channels: 3, Pix: make([]byte, 9*7*3)}
	white := []byte{255, 255, 255}
	far := Point{-500, 900}
	c.Circle(far, 20, white, 3)
	c.FillCircle(far, 20, white)
	c.FillEllipse(far, Point{30, 4}, white)
	c.Line(far, Point{-5, 9000}, white, 4)
	c.Rectangle(far, Point{-400, 20}, white, 2)
	c.FillRectangle(far, Point{-400, 20}, white)
	c.Outline(nil, white, 2)
	if !bytes.Equal(c.Pix, make([]byte, len(c.Pix))) {
		t.Error("something was drawn")
	}
	c.FillRectangle(Point{-9, 100}, Point{100, -9}, white)
	if !bytes.Equal(c.Pix, bytes.Repeat([]byte{255}, len(c.Pix))) {
		t.Error("a rectangle over all left something out")
	}
}

func FuzzContours(f *testing.F) {
	f.Add([]byte("\x01\x01\x01\x01\x00\x01\x01\x01\x01"), uint8(3))
	f.Add([]byte{1}, uint8(1))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, pix []byte, width uint8) {
		w := int(width%40) + 1
		h := min(len(pix)/w, 40)
		b := &morph.Bitmap{Width: w, Height: h, Pix: pix[:w*h]}
		checkContours(t, b, Contours(b))
	})
}
