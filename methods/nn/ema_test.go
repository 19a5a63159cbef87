package nn

import "testing"

func TestAnAverageCanTakeTheModelsPlaceForAWhile(t *testing.T) {
	e := newEngine(t)
	bn := NewBatchNorm2d(2)
	Initialise(bn, 1)
	avg, err := NewAverage(e, bn, SWA{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []float32{1, 2, 6} {
		for _, entry := range Entries(bn) {
			if entry.Name == "num_batches_tracked" {
				entry.Var.Value.Int64s()[0] = int64(i)
				continue
			}
			for j := range entry.Var.Value.Float32s() {
				entry.Var.Value.Float32s()[j] = v
			}
		}
		if err := avg.Update(); err != nil {
			t.Fatal(err)
		}
	}
	avg.Swap()
	near(t, "mean of weights", bn.Weight.Value.Float32s(), []float32{3, 3}, 1e-6)
	near(t, "mean of buffers", bn.RunningVar.Value.Float32s(), []float32{3, 3}, 1e-6)
	if n := bn.NumBatchesTracked.Value.Int64s()[0]; n != 2 {
		t.Errorf("a count is copied: %d, want 2", n)
	}
	avg.Swap()
	near(t, "weights again", bn.Weight.Value.Float32s(), []float32{6, 6}, 0)
	names := []string{"weight", "bias", "running_mean", "running_var", "num_batches_tracked", "n_averaged"}
	for i, entry := range Entries(avg) {
		if entry.Name != names[i] {
			t.Errorf("entry %d is %s, want %s", i, entry.Name, names[i])
		}
	}
	avg.CopyBuffers = true
	if err := avg.Update(); err != nil {
		t.Fatal(err)
	}
	avg.Swap()
	near(t, "copied buffers", bn.RunningVar.Value.Float32s(), []float32{6, 6}, 0)
	near(t, "mean of four", bn.Weight.Value.Float32s(), []float32{3.75, 3.75}, 1e-6)
}
