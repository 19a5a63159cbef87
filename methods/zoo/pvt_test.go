package zoo

import (
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// The sizes of specs/um_mae.md section 4.4, for images of 64.
func microPyramid() PyramidConfig {
	return PyramidConfig{
		ImageSize: 64, TokenSize: 2, Widths: []int{16, 32, 64, 128}, Depths: []int{1, 1, 2, 1}, Heads: []int{1, 2, 4, 8},
		MLPRatios: []float64{4, 4, 4, 4}, Pools: []int{8, 4, 2, 1}, Window: 8, PositionHidden: 8,
	}
}

func microSwin() PyramidConfig {
	c := microPyramid()
	c.Depths, c.Heads = []int{2, 2, 2, 2}, []int{2, 4, 8, 16}
	return c
}

// Parameters and multiply-adds of the encoders in specs/um_mae.md sections 4 and 8.
func TestPyramidEncodersHaveTheCountsOfTheSpec(t *testing.T) {
	e := newEngine(t)
	for _, tt := range []struct {
		name   string
		config PyramidConfig
		params int
		gmacs  float64 // of an image; 0: not given
	}{
		{"pvt small", umPVTSmall, 20_771_584, 4.847},
		{"pvt micro", microPyramid(), 384_688, 0},
		{"swin tiny", umSwinTiny, 27_499_050, 6.600},
		{"swin large", umSwinLarge, 194_936_052, 47.48},
		{"swin micro", microSwin(), 573_164, 0},
	} {
		if testing.Short() && tt.params > 1e8 {
			continue
		}
		var net nn.Layer
		var err error
		if tt.name[0] == 'p' {
			net, err = NewPooledPVT(tt.config)
		} else {
			net, err = NewContinuousSwin(tt.config)
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := nn.CountParams(net); n != tt.params {
			t.Errorf("%s: %d trained values, want %d", tt.name, n, tt.params)
		}
		if tt.gmacs == 0 {
			continue
		}
		macs, err := CountMACs(e, net, 1, 3, 256, 256)
		if s, ok := net.(*ContinuousSwin); ok {
			macs -= positionMACs(s)
		}
		if got := float64(macs) / 1e9; err != nil || math.Abs(got-tt.gmacs) > 0.0006*tt.gmacs {
			t.Errorf("%s: %.4f G multiply-adds, want %g (%v)", tt.name, got, tt.gmacs, err)
		}
	}
}

// positionMACs counts the MLPs of the biases, which the spec lists apart.
func positionMACs(s *ContinuousSwin) int64 {
	n, side := int64(0), s.Config.ImageSize/s.Config.TokenSize
	coords := GridCoordinates(side, side)
	for _, b := range s.Blocks {
		if b.Down != nil {
			coords, side = halveCoordinates(coords, side, side), side/2
		}
		w := newWindows(side, side, min(s.Config.Window, side), 0)
		if b.Shifted && side > s.Config.Window {
			w.shift = s.Config.Window / 2
		}
		far := len(pairsOf(coords, w).distances) / 2
		n += int64(far) * int64(s.Config.PositionHidden) * int64(2+b.Attn.Heads)
	}
	return n
}

// Without a shift there are (2w-1)^2 distances in windows of a grid.
func TestEachDistanceIsComputedOnce(t *testing.T) {
	p := pairsOf(GridCoordinates(8, 8), newWindows(8, 8, 4, 0))
	if len(p.distances) != 2*7*7 || len(p.index) != 4*16*16 {
		t.Fatalf("%d values of distances for %d pairs", len(p.distances), len(p.index))
	}
	if at := p.index[3*16+12]; p.distances[2*at] != logDistance(3) || p.distances[2*at+1] != logDistance(-3) {
		t.Errorf("from the right upper corner to the left lower one: %v", p.distances[2*at:][:2])
	}
}

// Editing the pixels of a first window changes the first block's output there only
// (specs/um_mae.md section 12, 8).
func TestAWindowSeesItselfOnly(t *testing.T) {
	c := microSwin()
	c.Widths, c.Depths, c.Heads, c.MLPRatios = []int{16}, []int{1}, []int{2}, []float64{4}
	s, err := NewContinuousSwin(c)
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(s)
	tape := nn.NewTape(newEngine(t))
	x := testImages(1, 64)
	run := func() []float32 {
		return tape.Host(s.Encode(tape, s.Tokens(tape, tape.Upload(x, 1, 3, 64, 64)), GridCoordinates(32, 32), 32, 32, 8))
	}
	before := run()
	x[5*64+7] += 3
	after := run()
	changed := 0
	for i := range before {
		token := i / 16
		if before[i] != after[i] {
			changed++
			if token/32 >= 8 || token%32 >= 8 {
				t.Fatalf("token %d, %d changed", token/32, token%32)
			}
		}
	}
	if changed == 0 {
		t.Error("nothing changed")
	}
}

// Coordinates that are shifted as a whole change nothing: only distances count.
func TestBiasesDependOnDistances(t *testing.T) {
	c := microSwin()
	s, err := NewContinuousSwin(c)
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(s)
	tape := nn.NewTape(newEngine(t))
	x := tape.Upload(testImages(2, 64), 2, 3, 64, 64)
	at := GridCoordinates(32, 32)
	moved := make([]float32, len(at))
	for i, v := range at {
		moved[i] = v + 8
	}
	one := tape.Host(s.Encode(tape, s.Tokens(tape, x), at, 32, 32, 4))
	each := tape.Host(s.Encode(tape, s.Tokens(tape, x), append(append([]float32{}, at...), moved...), 32, 32, 4))
	near(t, "coordinates for each image", each, one, 1e-4)
	s.Encode(tape, s.Tokens(tape, x), at[:10], 32, 32, 4)
	if fault.CodeOf(tape.Err()) != fault.Usage {
		t.Errorf("ten coordinates: %v", tape.Err())
	}
}

func TestPyramidsRefuseWhatDoesNotFit(t *testing.T) {
	for name, change := range map[string]func(c *PyramidConfig){
		"a map that does not halve": func(c *PyramidConfig) { c.ImageSize = 72 },
		"heads":                     func(c *PyramidConfig) { c.Heads = []int{3, 2, 4, 8} },
		"stages":                    func(c *PyramidConfig) { c.Depths = c.Depths[:3] },
		"pools and no windows":      func(c *PyramidConfig) { c.Pools, c.Window = nil, 0 },
		"classes":                   func(c *PyramidConfig) { c.Classes = -1 },
	} {
		c := microPyramid()
		change(&c)
		if _, err := NewPooledPVT(c); fault.CodeOf(err) != fault.Usage {
			t.Errorf("pvt: %s: %v", name, err)
		}
		if _, err := NewContinuousSwin(c); fault.CodeOf(err) != fault.Usage {
			t.Errorf("swin: %s: %v", name, err)
		}
	}
	p, err := NewPooledPVT(microPyramid())
	if err != nil {
		t.Fatal(err)
	}
	tape := nn.NewTape(newEngine(t))
	p.Encode(tape, p.Tokens(tape, tape.Upload(testImages(1, 64), 1, 3, 64, 64)), 32, 32, []int{1})
	if fault.CodeOf(tape.Err()) != fault.Usage {
		t.Errorf("one pool: %v", tape.Err())
	}
}
