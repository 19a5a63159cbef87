package zoo

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// TestDistancesAddToScores compares the attention of a layer with one that builds
// the whole matrix of what rows and columns add.
func TestDistancesAddToScores(t *testing.T) {
	m := tinySAM(t)
	l := m.Vision.Layers[1]
	tape := nn.NewTape(newEngine(t))
	const side, width, heads, dim = 4, 12, 2, 6
	x := tape.Upload(values("tokens", 2*side*side*width), 2, side, side, width)
	got := l.attend(tape, x)
	qkv := tape.Permute(tape.Reshape(l.QKV.Forward(tape, x), 2, side*side, 3, heads, dim), 2, 0, 3, 1, 4)
	part := tape.Split(qkv, 0, 1, 1, 1)
	for i := range part {
		part[i] = tape.Reshape(part[i], 2, heads, side*side, dim)
	}
	q, rows, cols := tape.Host(part[0]), l.Rows.Value.Float32s(), l.Cols.Value.Float32s()
	bias := make([]float32, 2*heads*side*side*side*side)
	for i := range bias {
		head, query, key := i/(side*side*side*side), i/(side*side)%(side*side), i%(side*side)
		row := (query/side - key/side + side - 1) * dim
		col := (query%side - key%side + side - 1) * dim
		for k, v := range q[(head*side*side+query)*dim:][:dim] {
			bias[i] += v * (rows[row+k] + cols[col+k])
		}
	}
	y := tape.Attention(part[0], part[1], part[2], nn.Attention{Bias: tape.Upload(bias, 2, heads, side*side, side*side)})
	want := l.Proj.Forward(tape, tape.Reshape(tape.Permute(y, 0, 2, 1, 3), 2, side, side, width))
	same(t, "tokens", tape.Host(got), tape.Host(want))
}

func TestWindowsOfSAM(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	x := tape.Upload(values("tokens", 2*5*4*3), 2, 5, 4, 3)
	cut := cutWindows(tape, x, 3)
	if s := cut.Shape(); !slices.Equal(s, []int{2 * 2 * 2, 3, 3, 3}) {
		t.Fatalf("windows %v", s)
	}
	host := tape.Host(cut)
	if host[1*27+2*3] != 0 || host[2*27+2*9] != 0 { // beyond the last column, the last row
		t.Error("the border of the last windows is not zero")
	}
	back := joinWindows(tape, cut, x.Shape(), 3)
	if !slices.Equal(tape.Host(back), tape.Host(x)) {
		t.Error("windows do not come back")
	}
}

// TestPromptsAreIndependent answers two prompts together as one by one.
func TestPromptsAreIndependent(t *testing.T) {
	m := tinySAM(t)
	tape := nn.NewTape(newEngine(t))
	run := func(p SAMPrompts) (masks, ious []float32) {
		a, b := m.Segment(tape, tape.Upload(values("images", 3*32*32), 1, 3, 32, 32), p, true)
		return slices.Clone(tape.Host(a)), slices.Clone(tape.Host(b))
	}
	both, bothIoU := run(SAMPrompts{Images: 1, Count: 2, Points: []float32{1, 2, 30, 9}, Labels: []int64{1, 0}})
	one, oneIoU := run(SAMPrompts{Images: 1, Count: 1, Points: []float32{1, 2}, Labels: []int64{1}})
	two, twoIoU := run(SAMPrompts{Images: 1, Count: 1, Points: []float32{30, 9}, Labels: []int64{0}})
	if tape.Err() != nil {
		t.Fatal(tape.Err())
	}
	same(t, "masks", both, slices.Concat(one, two))
	same(t, "scores", bothIoU, slices.Concat(oneIoU, twoIoU))
	if slices.Equal(one, two) {
		t.Error("the prompts change nothing")
	}
}

func TestTokensOfPrompts(t *testing.T) {
	m := tinySAM(t)
	tape := nn.NewTape(newEngine(t))
	rows := func(p SAMPrompts) int {
		p.Images, p.Count = 1, 1
		sparse, dense := m.Prompt.Embed(tape, p)
		if s := dense.Shape(); !slices.Equal(s, []int{1, 16, 4, 4}) {
			t.Errorf("dense embedding %v", s)
		}
		if sparse == nil {
			return 0
		}
		return sparse.Dim(1)
	}
	mask := tape.Upload(values("mask", 256), 1, 1, 16, 16)
	points, labels, box := []float32{1, 2, 3, 4}, []int64{1, -1}, []float32{1, 2, 3, 4}
	for name, got := range map[string][2]int{
		"nothing":         {rows(SAMPrompts{}), 0},
		"a mask":          {rows(SAMPrompts{Masks: mask}), 0},
		"a box":           {rows(SAMPrompts{Boxes: box}), 2},
		"points":          {rows(SAMPrompts{Points: points, Labels: labels}), 3}, // and one that stands for no box
		"points and box":  {rows(SAMPrompts{Points: points, Labels: labels, Boxes: box}), 4},
		"all three kinds": {rows(SAMPrompts{Points: points, Labels: labels, Boxes: box, Masks: mask}), 4},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d tokens, want %d", name, got[0], got[1])
		}
	}
	sparse, _ := m.Prompt.Embed(tape, SAMPrompts{Images: 1, Count: 1, Points: []float32{5, 6, 7, 8}, Labels: []int64{-10, -1}})
	near(t, "a point that says nothing", tape.Host(sparse)[:16], make([]float32, 16), 0)
	near(t, "no point", tape.Host(sparse)[16:32], m.Prompt.NotPoint.Value.Float32s(), 0)
}

func TestPixelsOfSAM(t *testing.T) {
	rgb := []float32{123.675, 0, 116.28, 255, 103.53, 10} // one row of two pixels
	got, err := SAMPixels(rgb, 1, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{0, -123.675 / 58.395, 0, 0, 0, (255 - 116.28) / 57.12, 0, 0, 0, (10 - 103.53) / 57.375, 0, 0}
	near(t, "pixels", got, want, 1e-6)
	for _, size := range [][2]int{{3, 2}, {2, 2}, {0, 0}} {
		if _, err := SAMPixels(rgb, size[0], size[1], 2); err == nil {
			t.Errorf("6 values are an image of %v for a side of 2", size)
		}
	}
}

func TestUpsampledMasks(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	flat := make([]float32, 2*16)
	for i := range flat {
		flat[i] = float32(1 - 2*(i/16))
	}
	y := SAMUpsample(tape, tape.Upload(flat, 1, 2, 4, 4), 16, [2]int{12, 16}, [2]int{7, 9})
	if s := y.Shape(); !slices.Equal(s, []int{1, 2, 7, 9}) {
		t.Fatalf("masks %v (%v)", s, tape.Err())
	}
	for i, v := range tape.Host(y) {
		if math.Abs(float64(v)-float64(1-2*(i/63))) > 1e-6 {
			t.Errorf("value %d of a constant mask is %v", i, v)
		}
	}
}
