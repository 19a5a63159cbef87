package parity

import (
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/draw"
)

func init() { register("drawing_opencv", drawingOpenCV) }

// drawingOpenCV draws on zeros with 255 and a thickness of 2: shapes of the
// config, and the contours of the input mask, which expected.json lists.
func drawingOpenCV(t *testing.T, c *Case) {
	var cfg struct {
		Size, P0, P1, Center, Axes [2]int
		Radius                     int
	}
	c.DecodeConfig(t, &cfg)
	point := func(p [2]int) draw.Point { return draw.Point{X: p[0], Y: p[1]} }
	p, q, centre, axes := point(cfg.P0), point(cfg.P1), point(cfg.Center), point(cfg.Axes)
	contours := draw.Contours(bitmap(t, c, "mask"))
	white := []byte{255}
	shapes := map[string]func(*draw.Canvas){
		"rectangle":        func(m *draw.Canvas) { m.Rectangle(p, q, white, 2) },
		"rectangle_filled": func(m *draw.Canvas) { m.FillRectangle(p, q, white) },
		"ellipse":          func(m *draw.Canvas) { m.Ellipse(centre, axes, white, 2) },
		"ellipse_filled":   func(m *draw.Canvas) { m.FillEllipse(centre, axes, white) },
		"circle":           func(m *draw.Canvas) { m.Circle(centre, cfg.Radius, white, 2) },
		"contours":         func(m *draw.Canvas) { m.Outlines(contours, white, 2) },
	}
	for _, out := range c.Outputs {
		shape := shapes[out.Name]
		if shape == nil {
			t.Fatalf("output %s is no shape", out.Name)
		}
		h, w := cfg.Size[0], cfg.Size[1]
		m := &draw.Canvas{Width: w, Height: h, Channels: 1, Pix: make([]byte, w*h)}
		shape(m)
		c.Check(t, out.Name, m.Pix, h, w)
	}
	var want struct {
		Contours  [][][2]int
		Hierarchy [][4]int
	}
	c.DecodeFile(t, "expected.json", &want)
	if len(contours) != len(want.Contours) {
		t.Fatalf("%d contours, want %d", len(contours), len(want.Contours))
	}
	for i, o := range contours {
		var points [][2]int
		for _, p := range o.Points {
			points = append(points, [2]int{p.X, p.Y})
		}
		if !slices.Equal(points, want.Contours[i]) {
			t.Errorf("contour %d is %d, want %d", i, points, want.Contours[i])
		}
		if links := [4]int{o.Next, o.Previous, o.Child, o.Parent}; links != want.Hierarchy[i] {
			t.Errorf("contour %d has links %d, want %d", i, links, want.Hierarchy[i])
		}
	}
}
