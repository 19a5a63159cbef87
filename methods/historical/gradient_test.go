package historical

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// Gradients with the history frozen, section 9C: the loss is written down once more in
// doubles, with the gradient that calculus gives. Central differences hold that to a
// relative 1e-6, and it holds the tape to float32's own rounding.

// formula is a loss of x (n, k) in doubles, and its gradient.
type formula func(x []float64) (loss float64, gradient []float64)

const rows, width = 4, 5

func rowOf(x []float64, i int) []float64 { return x[i*width:][:width] }

func softmax64(z []float64, tau float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		p[i] = math.Exp(v / tau)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func dot64(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// softCE adds the cross-entropy of row z against target, weighted, and its gradient.
func softCE(z, target []float64, tau, weight float64, grad []float64) (loss float64) {
	p := softmax64(z, tau)
	for j := range z {
		loss -= weight * target[j] * math.Log(p[j])
		grad[j] += weight / tau * (p[j] - target[j])
	}
	return loss
}

func drawn(rng *rand.Rand, n int) (values []float64, single []float32) {
	for range n {
		single = append(single, float32(rng.NormFloat64()))
		values = append(values, float64(single[len(single)-1]))
	}
	return values, single
}

func TestGradientsByTheFormulas(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	history, history32 := drawn(rng, rows*width) // logits, or features, of earlier
	labels := []int64{1, 0, 4, 1}
	onehot := func(i int) []float64 {
		y := make([]float64, width)
		y[labels[i]] = 1
		return y
	}
	labelsAt := tensor.New(tensor.WithShape(rows), tensor.WithBacking(labels))
	old := func(tp *nn.Tape) *nn.Var { return tp.Upload(history32, rows, width) }
	each := func(f func(i int, z, grad []float64) float64) formula {
		return func(x []float64) (loss float64, g []float64) {
			g = make([]float64, len(x))
			for i := range rows {
				loss += f(i, rowOf(x, i), rowOf(g, i))
			}
			return loss, g
		}
	}
	cases := map[string]struct {
		tape func(tp *nn.Tape, x *nn.Var) *nn.Var
		want formula
	}{
		"M6 temporal ensembling": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var { return TemporalTerm(tp, x, old(tp), 2) },
			each(func(i int, z, g []float64) (loss float64) {
				p, d := softmax64(z, 1), make([]float64, width)
				for j := range z {
					d[j] = p[j] - rowOf(history, i)[j]
					loss += 2 * d[j] * d[j] / (rows * width)
				}
				for j := range z {
					g[j] = 4 * p[j] * (d[j] - dot64(p, d)) / (rows * width)
				}
				return loss
			}),
		},
		"M7 PS-KD": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var {
				target := make([]float32, rows*width)
				p := Softmax(history32, width)
				for i, l := range labels {
					SoftTarget(target[i*width:][:width], p[i*width:], l, 0.3)
				}
				return tp.SoftCrossEntropy(x, tp.Upload(target, rows, width), nn.CrossEntropy{})
			},
			each(func(i int, z, g []float64) float64 {
				target := softmax64(rowOf(history, i), 1)
				for j, y := range onehot(i) {
					target[j] = 0.7*y + 0.3*target[j]
				}
				return softCE(z, target, 1, 1.0/rows, g)
			}),
		},
		"M8 DLB": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var { return DLBLoss(tp, x, labelsAt, x, labelsAt, old(tp), 0.5, 3) },
			each(func(i int, z, g []float64) float64 {
				q := softmax64(rowOf(history, i), 3)
				loss := softCE(z, onehot(i), 1, 1.0/rows, g)
				loss += softCE(z, q, 3, 0.5*9/rows, g)
				for _, v := range q {
					loss += 0.5 * 9 / rows * v * math.Log(v)
				}
				return loss
			}),
		},
		"M10 XBM": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var {
				return PairLoss(tp, x, labels, old(tp), []int64{1, 4, 0, 2}, 0.5, PairSum)
			},
			each(func(i int, z, g []float64) (loss float64) {
				for j, l := range []int64{1, 4, 0, 2} {
					r := rowOf(history, j)
					s, by := dot64(z, r), 0.0
					switch {
					case l == labels[i] && s < 1-1e-5:
						loss, by = loss+(1-s)/rows, -1
					case l != labels[i] && s > 0.5:
						loss, by = loss+(s-0.5)/rows, 1
					}
					for k := range g {
						g[k] += by * r[k] / rows
					}
				}
				return loss
			}),
		},
		"M11 MoCo": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var { return InfoNCE(tp, x, old(tp), old(tp), 0.7) },
			each(func(i int, z, g []float64) (loss float64) {
				scores := []float64{dot64(z, rowOf(history, i))}
				for j := range rows {
					scores = append(scores, dot64(z, rowOf(history, j)))
				}
				p := softmax64(scores, 0.7)
				for k := range g {
					g[k] = (p[0] - 1) * rowOf(history, i)[k] / 0.7 / rows
					for j := range rows {
						g[k] += p[j+1] * rowOf(history, j)[k] / 0.7 / rows
					}
				}
				return -math.Log(p[0]) / rows
			}),
		},
		"M12 NCE bank": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var { return NCELoss(tp, x, old(tp), old(tp), 0.7, 30, 50) },
			each(func(i int, z, g []float64) (loss float64) {
				c := float64(rows) / 50
				add := func(r []float64, own bool) {
					p := math.Exp(dot64(z, r)/0.7) / 30
					h, by := p/(p+c), 0.0
					if own {
						loss, by = loss-math.Log(h)/rows, h-1
					} else {
						loss, by = loss-math.Log(1-h)/rows, h
					}
					for k := range g {
						g[k] += by * r[k] / 0.7 / rows
					}
				}
				add(rowOf(history, i), true)
				for j := range rows {
					add(rowOf(history, j), false)
				}
				return loss
			}),
		},
		"M13 center loss": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var { return CenterTerm(tp, x, old(tp)) },
			each(func(i int, z, g []float64) (loss float64) {
				for j := range z {
					g[j] = (z[j] - rowOf(history, i)[j]) / rows
					loss += (z[j] - rowOf(history, i)[j]) * (z[j] - rowOf(history, i)[j]) / 2 / rows
				}
				return loss
			}),
		},
		"M16 EQLv2": {
			func(tp *nn.Tape, x *nn.Var) *nn.Var {
				loss, _ := EQLv2Loss(tp, x, labels, []float64{1, 2, 3, 4, 5}, []float64{0.1, 0.2, 0.3, 0.4, 0.5})
				return loss
			},
			each(func(i int, z, g []float64) (loss float64) {
				for j, y := range onehot(i) {
					w, p := 0.1*float64(j+1), 1/(1+math.Exp(-z[j]))
					if y == 1 {
						w = float64(j + 1)
					}
					g[j] = w * (p - y) / rows
					loss -= w * (y*math.Log(p) + (1-y)*math.Log(1-p)) / rows
				}
				return loss
			}),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			x, x32 := drawn(rand.New(rand.NewPCG(3, 4)), rows*width)
			tp := newTape(t)
			v := tp.Input(tensor.New(tensor.WithShape(rows, width), tensor.WithBacking(x32)))
			loss := c.tape(tp, v)
			want, gradient := c.want(x)
			near(t, "loss", float64(tp.Host(loss)[0]), want, 3e-6*math.Max(1, math.Abs(want)))
			must(t, tp.Backward(loss))
			scale := math.Sqrt(dot64(gradient, gradient))
			for i := range x {
				const h = 1e-5
				up, down := append([]float64{}, x...), append([]float64{}, x...)
				up[i] += h
				down[i] -= h
				a, _ := c.want(up)
				b, _ := c.want(down)
				near(t, "derivative", gradient[i], (a-b)/(2*h), 1e-6*math.Max(scale, 1e-3))
				near(t, "gradient on the tape", float64(v.Grad.Float32s()[i]), gradient[i], 2e-6*math.Max(scale, 1e-3))
			}
		})
	}
}
