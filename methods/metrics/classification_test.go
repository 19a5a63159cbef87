package metrics

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestClassificationByHand(t *testing.T) {
	c, err := NewClassification(3, 2)
	if err != nil {
		t.Fatal(err)
	}
	ln := func(p ...float64) (out []float32) {
		for _, v := range p {
			out = append(out, float32(math.Log(v)+5)) // softmax does not see a constant
		}
		return out
	}
	// Confidences .8 (right), .6 (wrong), .5 (right: the upper end belongs to the lower bin).
	logits := slices.Concat(ln(.8, .1, .1), ln(.3, .6, .1), ln(.25, .25, .5))
	if err := c.Add(logits[:3], []int64{0}); err != nil {
		t.Fatal(err)
	}
	if err := c.Add(logits[3:], []int64{2, 2}); err != nil {
		t.Fatal(err)
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	near("top 1", c.TopK(1), 2./3)
	near("top 2", c.TopK(2), 2./3)
	near("top 3", c.TopK(3), 1)
	near("top 9", c.TopK(9), 1)
	near("NLL", c.NLL(), -(math.Log(.8)+math.Log(.1)+math.Log(.5))/3)
	near("accuracy of class 2", c.ClassAccuracy(2), .5)
	near("accuracy of class 1", c.ClassAccuracy(1), -1)
	if want := []int64{1, 0, 0, 0, 0, 0, 0, 1, 1}; !slices.Equal(c.Confusion, want) {
		t.Errorf("confusion %v, want %v", c.Confusion, want)
	}
	if n := c.Bins[0].Count + c.Bins[1].Count; n != 3 {
		t.Errorf("%d predictions in the bins", n)
	}
}

func TestECEOfBinsByHand(t *testing.T) {
	c := &Classification{Count: 10, Bins: []Bin{{Count: 4, Right: 3, Confidence: 2}, {Count: 6, Right: 4, Confidence: 5}}}
	if got := c.ECE(); math.Abs(got-.2) > 1e-12 { // (4*|.75-.5| + 6*|.667-.833|) / 10
		t.Errorf("ECE %v, want 0.2", got)
	}
}

func TestEqualLogitsRankByClass(t *testing.T) {
	c, _ := NewClassification(4, 15)
	if err := c.Add(make([]float32, 8), []int64{0, 3}); err != nil {
		t.Fatal(err)
	}
	if c.TopK(1) != .5 || c.TopK(3) != .5 || c.Confusion[0] != 1 || c.Confusion[12] != 1 {
		t.Errorf("top 1 %v, top 3 %v, confusion %v", c.TopK(1), c.TopK(3), c.Confusion)
	}
}

func TestClassificationRefusesBadBatches(t *testing.T) {
	c, _ := NewClassification(2, 15)
	nan := float32(math.NaN())
	for _, err := range []error{
		c.Add(make([]float32, 3), []int64{0}),
		c.Add(make([]float32, 2), []int64{2}),
		c.Add(make([]float32, 2), []int64{-1}),
		c.Add([]float32{0, nan}, []int64{0}),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("a bad batch: %v", err)
		}
	}
	if _, err := NewClassification(0, 15); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no classes: %v", err)
	}
	if c.Count != 0 || c.TopK(1) != -1 || c.NLL() != -1 || c.ECE() != -1 {
		t.Errorf("an empty count: %v %v %v %v", c.Count, c.TopK(1), c.NLL(), c.ECE())
	}
}
