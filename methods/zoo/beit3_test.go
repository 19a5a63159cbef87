package zoo

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// TestEqualExpertsAreOne: where both experts have the same weights, it does not
// matter which of them a token goes to (specs/simvg.md, section 9).
func TestEqualExpertsAreOne(t *testing.T) {
	m := tinyBEiT3(t)
	l := m.Layers[0]
	a, b := nn.Entries(partsOf(l, false)), nn.Entries(partsOf(l, true))
	for i := range a {
		copy(b[i].Var.Value.Float32s(), a[i].Var.Value.Float32s())
	}
	tape := nn.NewTape(newEngine(t))
	run := func(split int) []float32 {
		x := tape.Upload(values("tokens", 2*5*12), 2, 5, 12)
		return slices.Clone(tape.Host(l.Run(tape, x, split, nn.Attention{})))
	}
	want := run(5)
	for _, split := range []int{0, 1, 3} {
		same(t, "tokens", run(split), want)
	}
}

// parts are the modules of one expert.
type parts []nn.Module

// Collect implements nn.Module.
func (p parts) Collect(c *nn.Collector) { collectList(c, "part", p) }

func partsOf(l *BEiT3Layer, b bool) parts {
	var out parts
	for _, e := range []experts[*nn.Linear]{l.K, l.V, l.Q, l.Out} {
		out = append(out, pick(b, e.A, e.B))
	}
	for _, e := range []experts[*nn.LayerNorm]{l.InnerNorm, l.AttnNorm, l.FFNNorm} {
		out = append(out, pick(b, e.A, e.B))
	}
	return append(out, pick(b, l.FFN.A, l.FFN.B))
}

func pick[M nn.Module](b bool, first, second M) nn.Module {
	if b {
		return second
	}
	return first
}

func TestPaddingIsSeenByNobody(t *testing.T) {
	m := tinyBEiT3(t)
	tape := nn.NewTape(newEngine(t))
	run := func(id int64) []float32 {
		images := tape.Upload(values("images", 3*16*16), 1, 3, 16, 16)
		return slices.Clone(tape.Host(m.Encode(tape, images, ids(1, 3, 4, id), []bool{false, false, true})))
	}
	one, other := run(5), run(6)
	if tape.Err() != nil {
		t.Fatal(tape.Err())
	}
	same(t, "tokens", one, other)
	images := tape.Upload(values("images", 3*16*16), 1, 3, 16, 16)
	short := tape.Host(m.Encode(tape, images, ids(1, 3, 4), nil))
	same(t, "tokens before the padding", one[:len(short)], short)
	images = tape.Upload(values("images", 3*16*16), 1, 3, 16, 16)
	if seen := tape.Host(m.Encode(tape, images, ids(1, 3, 4, 5), nil)); slices.Equal(seen[:12], one[:12]) {
		t.Error("a token that is no padding changes nothing")
	}
}

func TestBEiT3TakesOtherSizes(t *testing.T) {
	m := tinyBEiT3(t)
	tape := nn.NewTape(newEngine(t))
	encode := func(side int) []float32 {
		return slices.Clone(tape.Host(m.Encode(tape, tape.Upload(values("images", 3*side*side), 1, 3, side, side), nil, nil)))
	}
	before := encode(16)
	if err := m.Resize(16, 8); err != nil {
		t.Fatal(err)
	}
	same(t, "the same size", encode(16), before)
	class := slices.Clone(m.Positions.A.Weight.Value.Float32s()[:3*12])
	if err := m.Resize(48, 16); err != nil {
		t.Fatal(err)
	}
	if n := len(encode(48)); n != (1+9)*12 {
		t.Errorf("%d values for 10 tokens of 12", n)
	}
	same(t, "dead rows and class", m.Positions.A.Weight.Value.Float32s()[:3*12], class)
	if err := m.Resize(50, 16); err == nil {
		t.Error("50 pixels split into patches of 16")
	}
}

func TestResizedKernelsKeepConstants(t *testing.T) {
	flat := make([]float32, 2*4*4)
	for i := range flat {
		flat[i] = float32(1 + i/16)
	}
	got, err := ResizeKernels(flat, 4, 7)
	if err != nil || len(got) != 2*49 {
		t.Fatal(len(got), err)
	}
	for i, v := range got {
		if math.Abs(float64(v)-float64(1+i/49)) > 1e-6 {
			t.Errorf("value %d is %v", i, v)
		}
	}
	if _, err := ResizeKernels(flat[:17], 4, 7); err == nil {
		t.Error("17 values are whole kernels of 4 x 4")
	}
}

func TestSinePositionsByHand(t *testing.T) {
	sin, cos := func(v float64) float32 { return float32(math.Sin(v)) }, func(v float64) float32 { return float32(math.Cos(v)) }
	near(t, "words", SinePositions(3, 4, false)[8:], []float32{sin(2), cos(2), sin(0.02), cos(0.02)}, 1e-6)
	near(t, "words as released", SinePositions(3, 4, true)[8:], []float32{sin(2), cos(2), 0, 1}, 1e-6)
	row, col := 2*math.Pi*2/(2+1e-6), 2*math.Pi*1/(3+1e-6)
	near(t, "grid", SineGrid(2, 3, 4)[3*4:4*4], []float32{sin(row), cos(row), sin(col), cos(col)}, 1e-6)
}
