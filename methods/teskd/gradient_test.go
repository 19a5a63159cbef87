package teskd

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// TestGradientsByCentralDifferences holds the loss on 8 x 8 images at D = 8, in training
// mode, against the same in float64, and the gradients of weights of every parameter
// against central differences.
func TestGradientsByCentralDifferences(t *testing.T) {
	// The feature loss gets a weight that can be seen.
	options := map[string]any{"size": int64(8), "w_fea": 0.01, "b_s1": 0.5, "b_s3": 2.0}
	r := newTrial(t, narrow(t, 1, classes), "teskd", options)
	rng := rand.New(rand.NewPCG(13, 13))
	for _, p := range nn.Params(r) { // away from zeros and ones
		for i := range p.Var.Value.Float32s() {
			p.Var.Value.Float32s()[i] += 0.2 * float32(rng.NormFloat64())
		}
	}
	b := batchOf(0, 6, 8, classes)
	ref := &reference{
		o: r.method.(*TESKD).Options, kernels: [Branches]int{4, 2, 1}, labels: b.Labels.Int64s(), params: map[string][]float64{},
		x: maps{6, 3, 8, 8, wide(b.Images.Float32s())},
	}
	for _, p := range nn.Params(r) {
		ref.params[p.Name] = wide(p.Var.Value.Float32s())
		if name, ok := strings.CutSuffix(p.Name, ".weight"); ok {
			ref.params[name+".filters"] = make([]float64, p.Var.Dim(0))
		}
	}
	if err := r.backward(b); err != nil {
		t.Fatal(err)
	}
	if got, want := float64(r.losses[0]), ref.loss(); !near(got, want, 2e-6*want) {
		t.Errorf("loss %v, in float64 %v", got, want)
	}
	for i, p := range nn.Params(r) {
		if !testing.Short() || i%4 == 0 {
			ref.compare(t, p, rng)
		}
	}
}

// compare differentiates the loss by up to two values of p.
func (r *reference) compare(t *testing.T, p nn.Entry, rng *rand.Rand) {
	t.Helper()
	const step = 1e-6
	v, g := r.params[p.Name], wide(p.Var.Grad.Float32s())
	scale := 0.0
	for _, x := range g {
		scale = max(scale, math.Abs(x))
	}
	for n, i := range rng.Perm(len(v)) {
		if n == 2 {
			return
		}
		was := v[i]
		v[i] = was + step
		up := r.loss()
		v[i] = was - step
		down := r.loss()
		v[i] = was
		if want := (up - down) / (2 * step); !near(g[i], want, 2e-4*scale+2e-6) {
			t.Errorf("%s[%d]: gradient %v, by differences %v", p.Name, i, g[i], want)
		}
	}
}
