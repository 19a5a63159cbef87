package recursivemix

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/training"
)

// Beta(a, a) has mean 1/2 and variance 1/(4(2a+1)).
func TestBetaHasItsMoments(t *testing.T) {
	const n = 60_000
	for _, a := range []float64{1e-3, 0.2, 0.4, 1, 2.5, 50} {
		rng := rand.New(rand.NewPCG(13, math.Float64bits(a)))
		sum, squares := 0.0, 0.0
		for range n {
			x := beta(rng, a)
			if !(x >= 0 && x <= 1) {
				t.Fatalf("Beta(%v, %v) gave %v", a, a, x)
			}
			sum += x
			squares += (x - 0.5) * (x - 0.5)
		}
		variance := 1 / (4 * (2*a + 1))
		if got := sum / n; !near(got, 0.5, 4*math.Sqrt(variance/n)) {
			t.Errorf("Beta(%v, %v): mean %.5f, want .5", a, a, got)
		}
		// the fourth moment is at most a quarter of the second
		if got := squares / n; !near(got, variance, 4*math.Sqrt(variance/4/n)) {
			t.Errorf("Beta(%v, %v): variance %.5f, want %.5f", a, a, got, variance)
		}
	}
}

// prepared is a batch after one step's Prepare, and the method.
func prepared(t *testing.T, name string, options map[string]any, step int64) (b, was *training.Batch, m *Pairs) {
	t.Helper()
	r := newTrial(t, name, options)
	was, b = batchOf(0, step), batchOf(0, step)
	if err := r.method.Prepare(b); err != nil {
		t.Fatal(err)
	}
	return b, was, r.method.(*Pairs)
}

func TestCutMixLabelsAreThePixelShares(t *testing.T) {
	mixed := 0
	for step := range int64(12) {
		b, was, m := prepared(t, "cutmix", nil, step)
		if m.labels == nil {
			continue
		}
		mixed++
		n, size := len(was.Labels.Int64s()), 3*side*side
		x, old, y := b.Images.Float32s(), was.Images.Float32s(), m.labels.Float32s()
		for i := range n {
			kept := 0
			for p := range size {
				if x[i*size+p] == old[i*size+p] {
					kept++
				}
			}
			partner := m.perm[i]
			share := float64(kept) / float64(size)
			if int(partner) == i || was.Labels.Int64s()[partner] == was.Labels.Int64s()[i] {
				share = 1
			}
			if got := float64(y[i*classes+int(was.Labels.Int64s()[i])]); !near(got, share, 1e-6) {
				t.Errorf("step %d, sample %d: %v of its own label, %v of its pixels", step, i, got, share)
			}
		}
	}
	if mixed < 8 {
		t.Errorf("%d of 12 batches were mixed", mixed)
	}
}

func TestMixupIsAWeightedMean(t *testing.T) {
	for step := range int64(6) {
		b, was, m := prepared(t, "mixup", nil, step)
		x, old, y := b.Images.Float32s(), was.Images.Float32s(), m.labels.Float32s()
		size, labels := 3*side*side, was.Labels.Int64s()
		for i := range labels {
			partner := int(m.perm[i])
			if labels[i] == labels[partner] {
				continue
			}
			lambda := y[i*classes+int(labels[i])]
			for p := range size {
				want := float64(lambda)*float64(old[i*size+p]) + float64(1-lambda)*float64(old[partner*size+p])
				if !near(float64(x[i*size+p]), want, 1e-5) {
					t.Fatalf("step %d, sample %d, value %d: %v, want %v", step, i, p, x[i*size+p], want)
				}
			}
		}
	}
}

func TestPairsLabelMassIsOne(t *testing.T) {
	for _, name := range []string{"cutmix", "mixup"} {
		for step := range int64(8) {
			_, _, m := prepared(t, name, map[string]any{"smoothing": 0.2}, step)
			y := m.labels.Float32s()
			for i := 0; i < len(y); i += classes {
				if sum := classes * mean(y[i:][:classes]); !near(sum, 1, 2e-6) || slices.Min(y[i:][:classes]) < 0.2/(classes-1)-1e-6 {
					t.Errorf("%s, step %d: labels %v", name, step, y[i:][:classes])
				}
			}
		}
	}
}
