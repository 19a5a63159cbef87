package copypaste

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

const (
	lamp = 3
	desk = 7
)

// toyScene is a picture of noise with objects on it: a desk, and lamps that stand
// apart and have a picture of their own each.
func toyScene(t testing.TB, n int) *addsd.Scene {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	s := &addsd.Scene{Key: fmt.Sprintf("scene%02d", n), Image: raster.NewRGB(160, 120)}
	for i := range s.Image.Pix {
		s.Image.Pix[i] = byte(60 + rng.IntN(40))
	}
	s.Objects = append(s.Objects, square(int64(10*n), desk, 20, 80, 120, 35))
	for k := range 2 {
		x, y := float64(15+70*k+rng.IntN(20)), float64(10+rng.IntN(15))
		s.Objects = append(s.Objects, square(int64(10*n+1+k), lamp, x, y, 26+float64(rng.IntN(10)), 28+float64(rng.IntN(10))))
		paint(s.Image, s.Objects[len(s.Objects)-1].BBox, rng)
	}
	return s
}

// paint draws coarse random blocks, which no two pictures share.
func paint(m *raster.RGB, b datasets.Box, rng *rand.Rand) {
	var blocks [8][8][3]byte
	for i := range 64 {
		for c := range 3 {
			blocks[i/8][i%8][c] = byte(rng.IntN(256))
		}
	}
	for y := range int(b[3]) {
		for x := range int(b[2]) {
			v := blocks[y*8/int(b[3])][x*8/int(b[2])]
			copy(m.Pix[3*((int(b[1])+y)*m.Width+int(b[0])+x):], v[:])
		}
	}
}

func square(id, category int64, x, y, w, h float64) datasets.Annotation {
	return datasets.Annotation{
		ID: id, CategoryID: category, BBox: datasets.Box{x, y, w, h}, Area: w * h,
		Segmentation: &datasets.Segmentation{Polygons: [][]float64{{x, y, x + w, y, x + w, y + h, x, y + h}}},
	}
}

func toyScenes(t testing.TB, n int) []*addsd.Scene {
	t.Helper()
	var out []*addsd.Scene
	for i := range n {
		out = append(out, toyScene(t, i+1))
	}
	return out
}

func statisticsOf(scenes []*addsd.Scene) *addsd.Statistics {
	s := &addsd.Statistics{}
	for _, c := range scenes {
		s.Add(c.Image.Width, c.Image.Height, c.Objects)
	}
	return s
}

func lampOn(s *addsd.Scene, seed uint64) *addsd.Request {
	return &addsd.Request{Key: s.Key + "-made", Base: s, Category: datasets.Class{ID: lamp, Name: "lamp"}, Seed: seed}
}
