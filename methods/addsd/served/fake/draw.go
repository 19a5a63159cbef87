package fake

import (
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"image"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

const (
	places   = 32 // that are looked at for each object
	contrast = 70 // levels that a colour differs from its surroundings by, in some channel
)

// colours are far from each other; whatever the surroundings, most stand out.
var colours = []raster.Color{{R: 230, G: 25, B: 40}, {R: 250, G: 140, B: 10}, {R: 245, G: 225, B: 30}, {R: 60, G: 190, B: 60},
	{R: 10, G: 110, B: 50}, {R: 20, G: 200, B: 210}, {R: 20, G: 90, B: 220}, {R: 30, G: 20, B: 120}, {R: 150, G: 40, B: 190},
	{R: 240, G: 60, B: 190}, {R: 120, G: 60, B: 15}, {R: 160, G: 245, B: 120}}

// shapes say which points of the square [-1, 1] x [-1, 1], in 1024ths, they cover;
// y points down.
var shapes = []func(x, y int) bool{
	func(x, y int) bool { return x*x+y*y <= 1024*1024 },                                      // disc
	func(x, y int) bool { return max(abs(x), abs(y)) <= 900 },                                // square
	func(x, y int) bool { return y >= -1000 && y <= 1000 && 2*abs(x) <= y+1000 },             // triangle
	func(x, y int) bool { return abs(x)+abs(y) <= 1024 },                                     // diamond
	func(x, y int) bool { r := x*x + y*y; return r <= 1024*1024 && r >= 460*460 },            // ring
	func(x, y int) bool { return min(abs(x), abs(y)) <= 360 && max(abs(x), abs(y)) <= 1024 }, // cross
}

func abs(v int) int { return max(v, -v) }

// Draw puts the object into img: its name decides shape and colour, the seed size
// and place. The place is the quietest of some that are drawn, inside the bright
// part of mask where there is one. It returns the square that holds the object.
func Draw(img *raster.RGB, mask *image.Gray, object string, seed uint64) image.Rectangle {
	h := fnv.New64a()
	_, _ = h.Write([]byte(object)) // a hash takes every byte
	kind := h.Sum64()
	rng := rand.New(rand.NewPCG(seed, kind))
	within := allowed(img, mask)
	short := min(within.Dx(), within.Dy())
	share := 220 + rng.IntN(130) // thousandths of the short side
	if mask != nil {
		share = 900
	}
	side := max(short*share/1000, 1)
	best, least := image.Rectangle{}, -1
	for range places {
		x := within.Min.X + rng.IntN(within.Dx()-side+1)
		y := within.Min.Y + rng.IntN(within.Dy()-side+1)
		at := image.Rect(x, y, x+side, y+side)
		if u := unrest(img, at); least < 0 || u < least {
			best, least = at, u
		}
	}
	mean := meanColor(img, best)
	colour := colours[kind%uint64(len(colours))]
	for i := kind + 1; distance(colour, mean) < contrast; i++ {
		colour = colours[i%uint64(len(colours))]
	}
	covers := shapes[kind/uint64(len(colours))%uint64(len(shapes))]
	for y := range side {
		for x := range side {
			// Pixel centres, in 1024ths of half a side.
			if covers((2*x+1-side)*1024/side, (2*y+1-side)*1024/side) {
				put(img, best.Min.X+x, best.Min.Y+y, colour)
			}
		}
	}
	return best
}

// allowed is where an object may go: the box of mask's bright pixels, or img.
func allowed(img *raster.RGB, mask *image.Gray) image.Rectangle {
	all := image.Rect(0, 0, img.Width, img.Height)
	if mask == nil {
		return all
	}
	var box image.Rectangle
	for y := range img.Height {
		for x := range img.Width {
			if mask.Pix[y*mask.Stride+x] > 127 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if box.Empty() {
		return all
	}
	return box
}

// unrest sums how much neighbours differ on a grid over r.
func unrest(img *raster.RGB, r image.Rectangle) int {
	step := max(r.Dx()/24, 1)
	sum := 0
	for y := r.Min.Y; y+step < r.Max.Y; y += step {
		for x := r.Min.X; x+step < r.Max.X; x += step {
			p := at(img, x, y)
			sum += distance(p, at(img, x+step, y)) + distance(p, at(img, x, y+step))
		}
	}
	return sum
}

func at(m *raster.RGB, x, y int) raster.Color {
	p := m.Pix[3*(y*m.Width+x):][:3]
	return raster.Color{R: p[0], G: p[1], B: p[2]}
}

func put(m *raster.RGB, x, y int, c raster.Color) {
	p := m.Pix[3*(y*m.Width+x):][:3]
	p[0], p[1], p[2] = c.R, c.G, c.B
}

// distance is the largest difference of a channel.
func distance(a, b raster.Color) int {
	return max(abs(int(a.R)-int(b.R)), abs(int(a.G)-int(b.G)), abs(int(a.B)-int(b.B)))
}

func meanColor(m *raster.RGB, r image.Rectangle) raster.Color {
	var sum [3]int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := at(m, x, y)
			sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
		}
	}
	n := r.Dx() * r.Dy()
	return raster.Color{R: uint8(sum[0] / n), G: uint8(sum[1] / n), B: uint8(sum[2] / n)}
}

// disturb changes the whole picture as a model's codec does.
func disturb(m *raster.RGB, seed uint64, noise, drift int) {
	if noise == 0 && drift == 0 {
		return
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i, v := range m.Pix {
		m.Pix[i] = uint8(min(max(int(v)+drift+rng.IntN(2*noise+1)-noise, 0), 255))
	}
}

// hugePNG is the header of a PNG of 60,000 x 60,000 pixels, and nothing after it.
func hugePNG() []byte {
	chunk := []byte("IHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00")
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}
