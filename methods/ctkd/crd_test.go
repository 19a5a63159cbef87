package ctkd

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// smallCRD is a CRD over 30 samples with its constants set.
func smallCRD(negatives int) *CRD {
	c := NewCRD(CRDOptions{Dim: 6, Negatives: negatives, Momentum: 0.5, Temperature: 0.07}, 30, 4, 5, 11)
	nn.Initialise(c, 11)
	c.ZS.Value.Float32s()[0], c.ZT.Value.Float32s()[0] = 700, 900
	c.Batches.Value.Int64s()[0] = 1
	return c
}

var smallPlaces = []int64{3, 1, 2, 9, 20, 4, 5, 6, 7, 29, 3, 0, 8, 21, 22}

// TestCRDIsItsDefinition computes the formula of the table in doubles, rows gathered.
func TestCRDIsItsDefinition(t *testing.T) {
	const b, k, dim = 3, 4, 6
	c := smallCRD(k)
	tape := newTape(t)
	es, et := Embed(tape, tape.Upload(normal(50, 1, b*dim), b, dim)), Embed(tape, tape.Upload(normal(51, 1, b*dim), b, dim))
	got := number(t, tape, c.Loss(tape, es, et, smallPlaces))

	want := 0.0
	for _, way := range []struct{ x, memory, z *nn.Var }{{es, c.MemoryT, c.ZS}, {et, c.MemoryS, c.ZT}} {
		x, rows, z := tape.Host(way.x), way.memory.Value.Float32s(), float64(way.z.Value.Float32s()[0])
		density := float64(k) / 30
		for i := range b {
			for j := range k + 1 {
				dot := 0.0
				for d := range dim {
					dot += float64(x[i*dim+d]) * float64(rows[int(smallPlaces[i*(k+1)+j])*dim+d])
				}
				p := math.Exp(dot/0.07) / z
				if j == 0 {
					want -= math.Log(p/(p+density+1e-7)) / b
				} else {
					want -= math.Log(density/(p+density+1e-7)) / b
				}
			}
		}
	}
	near(t, "the loss", got, want, 1e-5*math.Abs(want))
}

func TestGradientsOfCRDAreTheDerivatives(t *testing.T) {
	c := smallCRD(4)
	c.CRDOptions.Temperature = 0.5
	checkGradients(t, [][]float32{normal(52, 1, 3*6), normal(53, 1, 3*6)}, [][]int{{3, 6}, {3, 6}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
		return c.Loss(tape, Embed(tape, xs[0]), Embed(tape, xs[1]), smallPlaces)
	})
}

func TestCRDSetsItsConstantsFromTheFirstBatchOnly(t *testing.T) {
	c := smallCRD(4)
	c.Batches.Value.Int64s()[0] = 0
	tape := newTape(t)
	step := func(seed uint64) {
		es, et := tape.Keep(Embed(tape, tape.Upload(normal(seed, 1, 3*6), 3, 6))), tape.Keep(Embed(tape, tape.Upload(normal(seed+1, 1, 3*6), 3, 6)))
		number(t, tape, c.Loss(tape, es, et, smallPlaces))
		if err := c.Update(tape, es, et, []int64{3, 4, 3}); err != nil {
			t.Fatal(err)
		}
		tape.Reset()
	}
	x := Embed(tape, tape.Upload(normal(60, 1, 3*6), 3, 6))
	mean := number(t, tape, tape.Mean(tape.Exp(tape.Scale(tape.Gather(tape.MatMulT(x, tape.Const(c.MemoryT.Value), false, true), 1, placesOf(smallPlaces)), 1/0.07)), false))
	step(60)
	first := c.ZS.Value.Float32s()[0]
	near(t, "Z of the student", float64(first), mean*30, 1e-4*mean*30)
	step(70)
	if c.ZS.Value.Float32s()[0] != first || c.Batches.Value.Int64s()[0] != 2 {
		t.Errorf("Z moved from %v to %v; %d batches", first, c.ZS.Value.Float32s()[0], c.Batches.Value.Int64s()[0])
	}
}

func TestTheLastOfTwoCopiesIsWrittenAndRowsAreUnit(t *testing.T) {
	c := smallCRD(4)
	tape := newTape(t)
	was := slices.Clone(c.MemoryS.Value.Float32s())
	es := tape.Keep(Embed(tape, tape.Upload(normal(60, 1, 3*6), 3, 6)))
	if err := c.Update(tape, es, es, []int64{3, 4, 3}); err != nil {
		t.Fatal(err)
	}
	now, x := c.MemoryS.Value.Float32s(), tape.Host(es)
	for row := range 30 {
		from := map[int]int{3: 2, 4: 1}
		i, written := from[row]
		if !written {
			if !slices.Equal(now[row*6:row*6+6], was[row*6:row*6+6]) {
				t.Errorf("row %d changed", row)
			}
			continue
		}
		var mixed [6]float64
		norm := 0.0
		for d := range mixed {
			mixed[d] = 0.5*float64(was[row*6+d]) + 0.5*float64(x[i*6+d])
			norm += mixed[d] * mixed[d]
		}
		for d := range mixed {
			near(t, "a row", float64(now[row*6+d]), mixed[d]/math.Sqrt(norm), 1e-6)
		}
	}
}

func TestNegativesAreOfOtherClassesAndDistinct(t *testing.T) {
	n := NewNegatives(60)
	label := func(i int64) int64 { return i % 3 }
	for i := range int64(60) { // an epoch, after which all labels are known
		if _, err := n.Places(nil, []int64{i}, []int64{label(i)}, 1, 1, i); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []int{1, 17, 40} {
		places, err := n.Places(nil, []int64{5, 6}, []int64{label(5), label(6)}, k, 1, 9)
		if err != nil || len(places) != 2*(k+1) {
			t.Fatalf("%d places, %v", len(places), err)
		}
		for i, own := range []int64{5, 6} {
			row := slices.Clone(places[i*(k+1) : (i+1)*(k+1)])
			if row[0] != own {
				t.Errorf("row %d begins with %d", i, row[0])
			}
			for _, p := range row[1:] {
				if label(p) == label(own) {
					t.Errorf("%d negatives of %d: %d has its class", k, own, p)
				}
			}
			slices.Sort(row)
			if len(slices.Compact(row)) != k+1 {
				t.Errorf("%d negatives of %d: one comes twice", k, own)
			}
		}
	}
	if places, err := n.Places(nil, []int64{5}, []int64{2}, 100, 1, 9); err != nil || len(places) != 101 {
		t.Errorf("more negatives than there are: %d places, %v", len(places), err)
	}
}

func TestNegativesFollowFromSeedAndStep(t *testing.T) {
	draw := func(seed uint64, step int64) []int64 {
		p, err := NewNegatives(500).Places(nil, []int64{1, 2}, []int64{0, 1}, 50, seed, step)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if !slices.Equal(draw(1, 1), draw(1, 1)) {
		t.Error("the same seed and step draw otherwise")
	}
	if slices.Equal(draw(1, 1), draw(1, 2)) || slices.Equal(draw(1, 1), draw(2, 1)) {
		t.Error("another seed or step draws the same")
	}
}

func TestEverySampleOfAnotherClassIsDrawnAlikeOften(t *testing.T) {
	n := NewNegatives(20)
	counts := make([]int, 20)
	for step := range int64(4000) {
		p, err := n.Places(nil, []int64{0}, []int64{0}, 5, 3, step)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range p[1:] {
			counts[x]++
		}
	}
	for i, c := range counts[1:] { // 4000*5/19 = 1053, deviation 28
		if c < 900 || c > 1200 {
			t.Errorf("sample %d was drawn %d times", i+1, c)
		}
	}
}

func TestNegativesRefuseWhatCannotBe(t *testing.T) {
	n := NewNegatives(3)
	for name, ids := range map[string][]int64{"an id beyond the split": {3}, "a negative id": {-1}, "one class": {0, 1, 2}} {
		if _, err := n.Places(nil, ids, make([]int64, len(ids)), 1, 1, 1); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
