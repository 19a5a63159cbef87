package draw

import "math"

// Point is a pixel, or an offset between two.
type Point struct{ X, Y int }

// Canvas is an 8-bit image of interleaved channels: Height rows of Width pixels
// without padding. Colours have one byte a channel.
type Canvas struct {
	Width, Height, Channels int
	Pix                     []byte
}

// Coordinates are in fixed point of 16 fraction bits, as in OpenCV.
const (
	shift = 16
	one   = 1 << shift
	half  = one / 2
)

// span colours the pixels from x0 to x1 of row y, both within.
func (c *Canvas) span(x0, x1, y int, colour []byte) {
	x0, x1 = max(x0, 0), min(x1, c.Width-1)
	if y < 0 || y >= c.Height {
		return
	}
	for x := x0; x <= x1; x++ {
		copy(c.Pix[(y*c.Width+x)*c.Channels:][:c.Channels], colour)
	}
}

// FillRectangle fills the rectangle between two corners, both within.
func (c *Canvas) FillRectangle(p, q Point, colour []byte) {
	x0, x1 := min(p.X, q.X), max(p.X, q.X)
	for y := max(min(p.Y, q.Y), 0); y <= min(max(p.Y, q.Y), c.Height-1); y++ {
		c.span(x0, x1, y, colour)
	}
}

// Rectangle draws the outline through two opposite corners. Thickness is at
// least 2 pixels, here and below; less counts as 2.
func (c *Canvas) Rectangle(p, q Point, colour []byte, thickness int) {
	c.Outline([]Point{p, {q.X, p.Y}, q, {p.X, q.Y}}, colour, thickness)
}

// Line draws a line with round ends.
func (c *Canvas) Line(p, q Point, colour []byte, thickness int) {
	p, q = p.fixed(), q.fixed()
	c.cap(p, colour, thickness)
	c.segment(p, q, colour, thickness)
}

// Outline draws the closed polygon through the points.
func (c *Canvas) Outline(points []Point, colour []byte, thickness int) {
	if len(points) == 0 {
		return
	}
	last := points[len(points)-1].fixed()
	for _, p := range points {
		c.segment(last, p.fixed(), colour, thickness)
		last = p.fixed()
	}
}

// Outlines draws each of the contours as a closed polygon.
func (c *Canvas) Outlines(contours []Contour, colour []byte, thickness int) {
	for _, o := range contours {
		c.Outline(o.Points, colour, thickness)
	}
}

// Circle draws the circle around a pixel.
func (c *Canvas) Circle(centre Point, radius int, colour []byte, thickness int) {
	c.Ellipse(centre, Point{radius, radius}, colour, thickness)
}

// Ellipse draws the ellipse around a pixel with the given half axes.
func (c *Canvas) Ellipse(centre, axes Point, colour []byte, thickness int) {
	v := ellipse(centre, axes)
	c.cap(v[0], colour, thickness)
	for i := range v[1:] {
		c.segment(v[i], v[i+1], colour, thickness)
	}
}

// FillEllipse fills the ellipse around a pixel with the given half axes.
func (c *Canvas) FillEllipse(centre, axes Point, colour []byte) {
	c.fillConvex(ellipse(centre, axes), colour)
}

// FillCircle fills the circle around a pixel, by the midpoint algorithm
// (Bresenham 1977).
func (c *Canvas) FillCircle(centre Point, radius int, colour []byte) {
	x, y, err := radius, 0, 0
	for x >= y {
		c.span(centre.X-x, centre.X+x, centre.Y-y, colour)
		c.span(centre.X-x, centre.X+x, centre.Y+y, colour)
		c.span(centre.X-y, centre.X+y, centre.Y-x, colour)
		c.span(centre.X-y, centre.X+y, centre.Y+x, colour)
		err += 2*y + 1
		y++
		if err > 0 {
			err -= 2*x - 1
			x--
		}
	}
}

func (p Point) fixed() Point { return Point{p.X * one, p.Y * one} }

// cap draws the round end of a line at a point in fixed point.
func (c *Canvas) cap(p Point, colour []byte, thickness int) {
	centre := Point{(p.X + half) >> shift, (p.Y + half) >> shift}
	c.FillCircle(centre, (max(thickness, 2)*half+half)>>shift, colour)
}

// segment draws a line between points in fixed point, with a round end at q:
// the rectangle around it, in which an odd thickness counts half a pixel more
// each side.
func (c *Canvas) segment(p, q Point, colour []byte, thickness int) {
	thickness = max(thickness, 2)
	dx, dy := float64(p.X-q.X)/one, float64(q.Y-p.Y)/one
	if length := float64(dx*dx) + float64(dy*dy); length > 0 {
		r := (float64(thickness*half) + float64(float64(thickness%2)*half)) / math.Sqrt(length)
		d := Point{int(math.RoundToEven(dy * r)), int(math.RoundToEven(dx * r))}
		c.fillConvex([]Point{
			{p.X + d.X, p.Y + d.Y}, {p.X - d.X, p.Y - d.Y}, {q.X - d.X, q.Y - d.Y}, {q.X + d.X, q.Y + d.Y},
		}, colour)
	}
	c.cap(q, colour, thickness)
}

// ellipse returns the corners in fixed point of the polygon that stands for an
// ellipse, one every 5 to 90 degrees by its size.
func ellipse(centre, axes Point) []Point {
	a, b := max(axes.X, -axes.X), max(axes.Y, -axes.Y)
	step := 5
	switch n := max(a, b); {
	case n < 3:
		step = 90
	case n < 10:
		step = 30
	case n < 15:
		step = 18
	}
	var v []Point
	for angle := 0; angle <= 360; angle += step {
		p := Point{
			corner(centre.X, a, 90-angle),
			corner(centre.Y, b, angle),
		}
		if len(v) == 0 || p != v[len(v)-1] {
			v = append(v, p)
		}
	}
	if len(v) == 1 {
		v = append(v, v[0])
	}
	return v
}

// corner returns centre + axis*sin(degrees) in fixed point. The sine has seven
// decimals, like the table that OpenCV uses.
func corner(centre, axis, degrees int) int {
	sine := math.RoundToEven(math.Sin(float64(degrees)*math.Pi/180)*1e7) / 1e7
	at := float64(centre*one) + float64(float64(axis*one)*float64(float32(sine)))
	return int(math.RoundToEven(at))
}
