package recursivemix

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// reference is RecursiveMix's loss of tiny, written down again in float64 from the
// definitions, so that central differences are good to nine digits.
type reference struct {
	n, side, half, channels, classes int
	x, y, z                          []float64 // images, soft labels, old logits
	box                              Box
	omega                            float64
	params                           map[string][]float64
}

func (r *reference) loss() float64 {
	total := 0.0
	share := r.box.Share(r.side, r.side)
	for i := range r.n {
		f := r.features(r.x[i*3*r.side*r.side:][:3*r.side*r.side])
		pooled, looked := make([]float64, r.channels), make([]float64, r.channels)
		area := r.half * r.half
		for c := range pooled {
			plane := f[c*area:][:area]
			for _, v := range plane {
				pooled[c] += v / float64(area)
			}
			looked[c] = r.align(plane)
		}
		total += softCE(r.linear("fc", pooled), r.y[i*r.classes:][:r.classes])
		if r.omega > 0 {
			total += r.omega * share * softCE(r.linear("fc_roi", looked), softmax(r.z[i*r.classes:][:r.classes]))
		}
	}
	return total / float64(r.n)
}

// features is ReLU of a 3 x 3 convolution with stride 2 and a border of one zero.
func (r *reference) features(x []float64) []float64 {
	w, s := r.params["conv.weight"], r.side
	out := make([]float64, r.channels*r.half*r.half)
	for o := range out {
		k, row, column := o/(r.half*r.half), o/r.half%r.half, o%r.half
		sum := 0.0
		for c := range 3 {
			for i := range 9 {
				y, x0 := 2*row+i/3-1, 2*column+i%3-1
				if y >= 0 && y < s && x0 >= 0 && x0 < s {
					sum += w[(k*3+c)*9+i] * x[(c*s+y)*s+x0]
				}
			}
		}
		out[o] = max(sum, 0)
	}
	return out
}

// align is ROI align to one value: the mean of ceil(size) bilinear samples an axis.
func (r *reference) align(plane []float64) float64 {
	scale := float64(r.half) / float64(r.side)
	samples := func(a, b int) []float64 {
		size := float64(b-a) * scale
		n := math.Ceil(size)
		var at []float64
		for i := range int(n) {
			at = append(at, float64(a)*scale-0.5+(float64(i)+0.5)*size/n)
		}
		return at
	}
	rows, columns := samples(r.box.Y1, r.box.Y2), samples(r.box.X1, r.box.X2)
	sum := 0.0
	for _, y := range rows {
		for _, x := range columns {
			sum += r.between(plane, y, x)
		}
	}
	return sum / float64(len(rows)*len(columns))
}

func (r *reference) between(plane []float64, y, x float64) float64 {
	last := float64(r.half - 1)
	y, x = min(max(y, 0), last), min(max(x, 0), last)
	i, j := int(y), int(x)
	i1, j1 := min(i+1, r.half-1), min(j+1, r.half-1)
	fy, fx := y-float64(i), x-float64(j)
	at := func(i, j int) float64 { return plane[i*r.half+j] }
	return (1-fy)*((1-fx)*at(i, j)+fx*at(i, j1)) + fy*((1-fx)*at(i1, j)+fx*at(i1, j1))
}

func (r *reference) linear(name string, v []float64) []float64 {
	w, z := r.params[name+".weight"], slices.Clone(r.params[name+".bias"])
	for k := range z {
		for c := range v {
			z[k] += w[k*len(v)+c] * v[c]
		}
	}
	return z
}

func softmax(z []float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		p[i] = math.Exp(v)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func softCE(z, q []float64) float64 {
	loss := 0.0
	for i, p := range softmax(z) {
		loss -= q[i] * math.Log(p)
	}
	return loss
}

func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// TestCombinedLossGradients holds the loss and its gradients, through the tiny
// network and both heads, against central differences in float64.
func TestCombinedLossGradients(t *testing.T) {
	e := newEngine(t)
	for name, d := range map[string]Draw{
		"box inside":  {U: 0.25, X: 4, Y: 3},
		"box clipped": {U: 0.45, X: 7, Y: 1},
		"box small":   {U: 0.07, X: 3, Y: 5},
		"box empty":   {U: 0},
	} {
		t.Run(name, func(t *testing.T) {
			net := newTiny(4, 5)
			nn.Initialise(net, 11)
			h := newHistory(t, e, DefaultOptions(), Shape{Batch: 2, Height: 8, Width: 8, Classes: 5, Features: 4})
			rng := rand.New(rand.NewPCG(12, 12))
			tape := nn.NewTape(e)
			pass(t, h, 0, 0, Draw{}, numbers(rng, 2, 3, 8, 8), classesOf(rng, 2, 5), numbers(rng, 2, 5).Float32s())
			old := wide(h.logits.Value.Float32s())
			m, err := h.BeforeForward(0, 1, d, numbers(rng, 2, 3, 8, 8), classesOf(rng, 2, 5))
			if err != nil {
				t.Fatal(err)
			}
			f := net.Features(tape, tape.Const(m.Images)).Map
			z := net.Logits(tape, net.Pool(tape, f))
			mix := h.Loss(tape, z)
			term, _ := h.AfterForward(tape, net, f, z)
			total := tape.Add(mix, term)
			if err := tape.Backward(total); err != nil {
				t.Fatal(err)
			}
			r := &reference{
				n: 2, side: 8, half: 4, channels: 4, classes: 5, omega: h.Omega, box: m.Box,
				x: wide(m.Images.Float32s()), y: wide(m.Labels.Float32s()), z: old, params: map[string][]float64{},
			}
			if m.Box.Empty() {
				r.omega = 0
			}
			params := append(nn.Params(net), nn.Params(h)...)
			for _, p := range params {
				r.params[p.Name] = wide(p.Var.Value.Float32s())
			}
			if got, want := float64(tape.Host(total)[0]), r.loss(); !near(got, want, 1e-6*math.Abs(want)) {
				t.Errorf("loss %v, in float64 %v", got, want)
			}
			for _, p := range params {
				r.compare(t, p)
			}
			tape.Reset()
		})
	}
}

// compare differentiates the loss by every value of p.
func (r *reference) compare(t *testing.T, p nn.Entry) {
	t.Helper()
	const step = 1e-5
	v := r.params[p.Name]
	if p.Var.Grad == nil {
		t.Errorf("%s has no gradient", p.Name)
		return
	}
	for i := range v {
		was := v[i]
		v[i] = was + step
		up := r.loss()
		v[i] = was - step
		down := r.loss()
		v[i] = was
		want, got := (up-down)/(2*step), float64(p.Var.Grad.Float32s()[i])
		if !near(got, want, 1e-6+1e-5*math.Abs(want)) {
			t.Errorf("%s[%d]: gradient %v, by differences %v", p.Name, i, got, want)
		}
	}
}
