package cpu

import (
	"math/rand/v2"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// fitting makes operands that fit each other.
type fitting struct{ *rand.Rand }

// n is a size: small, odd ones more often than even, one in four large.
func (g fitting) n() int {
	if g.IntN(4) == 0 {
		return 40 + g.IntN(60)
	}
	return 1 + g.IntN(6)*2 + g.IntN(2)
}

func (g fitting) f(shape ...int) *tensor.Dense {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = float32(g.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

// plus is positive, around 1.
func (g fitting) plus(shape ...int) *tensor.Dense {
	t := g.f(shape...)
	for i, v := range t.Float32s() {
		t.Float32s()[i] = 0.5 + v*v
	}
	return t
}

func (g fitting) ids(below int, shape ...int) *tensor.Dense {
	v := make([]int64, ops.Size(shape))
	for i := range v {
		v[i] = int64(g.IntN(below))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

func (g fitting) images(h, w int) *tensor.Dense { return g.f(1+g.IntN(3), 1+g.IntN(9), h, w) }

// fittingCalls holds arguments that fit for every operation of ops.Engine.
var fittingCalls = map[string]func(g fitting) []any{
	"Fill":       func(g fitting) []any { return []any{g.f(g.n(), g.n()), float32(1.5)} },
	"Scale":      func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n, m), g.f(n, m), float32(0.3)} },
	"Accumulate": func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n, m), g.f(n, m), float32(0.3)} },
	"Add":        func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n, 3, m), g.f(n, 1, m), g.f(3, 1)} },
	"Binary": func(g fitting) []any {
		n, m := g.n(), g.n()
		return []any{g.f(n, m), g.plus(n, 1), g.f(n, m), ops.Binary(g.IntN(12))}
	},
	"Select": func(g fitting) []any {
		n, m := g.n(), g.n()
		return []any{g.f(n, m), g.f(n, m), g.f(m), g.f(n, 1)}
	},
	"Unary": func(g fitting) []any {
		n, m := g.n(), g.n()
		return []any{g.f(n, m), g.plus(n, m), ops.Unary(g.IntN(8)), ops.UnaryParams{}}
	},
	"UnaryGrad": func(g fitting) []any {
		n, m := g.n(), g.n()
		return []any{g.f(n, m), g.f(n, m), g.plus(n, m), ops.Unary(g.IntN(8)), ops.UnaryParams{}}
	},
	"GatedGELU":     func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n, m), g.f(n, 2*m)} },
	"GatedGELUGrad": func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n, 2*m), g.f(n, m), g.f(n, 2*m)} },
	"Dropout": func(g fitting) []any {
		n, m := g.n(), g.n()
		return []any{g.f(n, m), g.f(n, m), ops.Dropout{P: 0.4, Seed: 5, Group: 1 + g.IntN(3)}}
	},

	"Reduce": func(g fitting) []any {
		n, k, m := g.n(), g.n(), g.n()
		return []any{g.f(n, 1, m), g.f(n, k, m), ops.Reduction(g.IntN(4)), []int{1}}
	},
	"SumTo":  func(g fitting) []any { n, k, m := g.n(), g.n(), g.n(); return []any{g.f(k, 1), g.f(n, k, m)} },
	"ArgMax": func(g fitting) []any { n, k, m := g.n(), g.n(), g.n(); return []any{g.ids(1, n, m), g.f(n, k, m), 1} },
	"CumSum": func(g fitting) []any {
		n, k, m := g.n(), g.n(), g.n()
		return []any{g.f(n, k, m), g.f(n, k, m), 1, g.IntN(2) == 0}
	},

	"Copy": func(g fitting) []any {
		c, to, from := randomCopy(g.Rand, g.IntN(2) == 0)
		return []any{g.f(to), g.f(from), c}
	},
	"IndexSelect": func(g fitting) []any {
		n, k, m, i := g.n(), g.n(), g.n(), g.n()
		return []any{g.f(n, i, m), g.f(n, k, m), g.ids(k, i), ops.Index{Axis: 1}}
	},
	"IndexAdd": func(g fitting) []any {
		n, k, m, i := g.n(), g.n(), g.n(), g.n()
		return []any{g.f(n, k, m), g.ids(k, i), g.f(n, i, m), ops.Index{Axis: 1}}
	},
	"Gather": func(g fitting) []any {
		n, k, m, i := g.n(), g.n(), g.n(), g.n()
		return []any{g.f(n, i, m), g.f(n, k, m), g.ids(k, n, i, m), ops.Index{Axis: 1}}
	},
	"ScatterAdd": func(g fitting) []any {
		n, k, m, i := g.n(), g.n(), g.n(), g.n()
		return []any{g.f(n, k, m), g.ids(k, n, i, m), g.f(n, i, m), ops.Index{Axis: 1}}
	},

	"MatMul": func(g fitting) []any {
		n, k, m := g.n(), g.n(), g.n()
		return []any{g.f(2, n, m), g.f(2, n, k), g.f(m, k), ops.MatMul{TransposeB: true, Bias: g.f(m)}}
	},

	"Conv2D": func(g fitting) []any {
		x, w, y, c := g.conv()
		return []any{y, x, w, g.f(w.Shape()[0]), c}
	},
	"Conv2DGradInput":  func(g fitting) []any { x, w, y, c := g.conv(); return []any{x, y, w, (*tensor.Dense)(nil), c} },
	"Conv2DGradWeight": func(g fitting) []any { x, w, y, c := g.conv(); return []any{w, y, x, c} },
	"Conv2DGradBias":   func(g fitting) []any { k := g.n(); return []any{g.f(k), g.f(2, k, g.n(), 3)} },
	"Unfold": func(g fitting) []any {
		x, y, w := g.window()
		return []any{y, x, w}
	},
	"Fold": func(g fitting) []any { x, y, w := g.window(); return []any{x, y, w} },

	"MaxPool": func(g fitting) []any {
		x, y, p := g.pool()
		indices := g.ids(1, y.Shape()...)
		if g.IntN(2) == 0 {
			indices = nil
		}
		return []any{y, indices, x, p}
	},
	"MaxPoolGrad": func(g fitting) []any {
		x, y, p := g.pool()
		return []any{g.f(x.Shape()...), g.f(y.Shape()...), x, y, p}
	},
	"AvgPool":             func(g fitting) []any { x, y, p := g.pool(); return []any{y, x, p} },
	"AvgPoolGrad":         func(g fitting) []any { x, y, p := g.pool(); return []any{x, y, p} },
	"AdaptiveAvgPool":     func(g fitting) []any { x := g.images(g.n(), g.n()); return []any{g.of(x, 1+g.IntN(3), 4), x} },
	"AdaptiveAvgPoolGrad": func(g fitting) []any { x := g.images(g.n(), g.n()); return []any{x, g.of(x, 1+g.IntN(3), 4)} },
	"AdaptiveMaxPool": func(g fitting) []any {
		x := g.images(g.n(), g.n())
		y := g.of(x, 3, 2)
		return []any{y, g.ids(1, y.Shape()...), x}
	},

	"BatchNorm": func(g fitting) []any {
		n, c, m := g.n(), g.n(), g.n()
		return []any{g.f(n, c, m), g.f(c), g.plus(c), g.f(n, c, m), g.f(c), g.f(c), ops.BatchNorm{Eps: 1e-2, Given: g.IntN(2) == 0, ReLU: g.IntN(2) == 0}}
	},
	"BatchNormGrad": func(g fitting) []any {
		n, c, m := g.n(), g.n(), g.n()
		return []any{g.f(n, c, m), g.f(c), g.f(c), g.f(n, c, m), g.f(n, c, m), g.f(n, c, m), g.f(c), g.f(c), g.plus(c), ops.BatchNorm{Eps: 1e-2, ReLU: g.IntN(2) == 0}}
	},
	"LayerNorm": func(g fitting) []any {
		n, k, l := g.n(), g.n(), 1+g.IntN(2)*4
		return []any{g.f(n, k, l), g.f(n, l), g.f(n, l), g.f(n, k, l), g.f(k), g.f(k), ops.LayerNorm{Eps: 1e-2}}
	},
	"LayerNormGrad": func(g fitting) []any {
		n, k, l := g.n(), g.n(), 1+g.IntN(2)*4
		return []any{g.f(n, k, l), g.f(k), g.f(k), g.f(n, k, l), g.f(n, k, l), g.f(k), g.f(n, l), g.plus(n, l), ops.LayerNorm{Eps: 1e-2}}
	},
	"GroupNorm": func(g fitting) []any {
		n, c, m := g.n(), g.n(), g.n()
		return []any{g.f(n, 3*c, m), g.f(n, 3), g.f(n, 3), g.f(n, 3*c, m), g.f(3 * c), g.f(3 * c), ops.GroupNorm{Groups: 3, Eps: 1e-2}}
	},
	"GroupNormGrad": func(g fitting) []any {
		n, c, m := g.n(), g.n(), g.n()
		return []any{g.f(n, 3*c, m), g.f(3 * c), g.f(3 * c), g.f(n, 3*c, m), g.f(n, 3*c, m), g.f(3 * c), g.f(n, 3), g.plus(n, 3), ops.GroupNorm{Groups: 3, Eps: 1e-2}}
	},

	"Softmax": func(g fitting) []any {
		n, k, m := g.n(), g.n(), g.n()
		return []any{g.f(n, k, m), g.f(n, k, m), 1, g.IntN(2) == 0}
	},
	"SoftmaxGrad": func(g fitting) []any {
		n, k := g.n(), g.n()
		return []any{g.f(n, k), g.f(n, k), g.f(n, k), -1, g.IntN(2) == 0}
	},
	"LogSumExp": func(g fitting) []any { n, k, m := g.n(), g.n(), g.n(); return []any{g.f(n, m), g.f(n, k, m), 1} },
	"CrossEntropy": func(g fitting) []any {
		n, k, m := g.n(), g.n(), g.n()
		return []any{g.f(n, m), g.f(n, m), g.f(n, m), g.f(n, k, m), g.ids(k, n, m), g.plus(k), ops.CrossEntropy{Ignore: -100, Smoothing: 0.1}}
	},
	"CrossEntropyGrad": func(g fitting) []any {
		n, k, m := g.n(), g.n(), g.n()
		return []any{g.f(n, k, m), g.f(n, m), g.f(n, k, m), g.f(n, m), g.ids(k, n, m), g.plus(k), ops.CrossEntropy{Ignore: -100, Smoothing: 0.1}}
	},

	"Attention": func(g fitting) []any {
		h, n, m, d := 1+g.IntN(3), g.n(), g.n(), 1+g.IntN(20)
		return []any{g.f(2, h, n, d), g.f(2, h, n), g.f(2, h, n, d), g.f(2, h, m, d), g.f(2, h, m, d), ops.Attention{Bias: g.f(h, n, m)}}
	},
	"AttentionGrad": func(g fitting) []any {
		h, n, m, d := 1+g.IntN(3), g.n(), g.n(), 1+g.IntN(20)
		grads := ops.AttentionGrads{Q: g.f(2, h, n, d), K: g.f(2, h, m, d), V: g.f(2, h, m, d), Bias: g.f(h, n, m)}
		return []any{grads, g.f(2, h, n, d), g.f(2, h, n, d), g.plus(2, h, n), g.f(2, h, n, d), g.f(2, h, m, d), g.f(2, h, m, d), ops.Attention{Bias: g.f(h, n, m)}}
	},

	"Resample": func(g fitting) []any {
		x := g.images(g.n(), g.n())
		mode := []ops.SampleMode{ops.Nearest, ops.Bilinear, ops.Bicubic, ops.Area}[g.IntN(4)]
		rows, cols, _ := ops.Interpolation{Mode: mode, Size: [2]int{g.n(), g.n()}}.Taps(x.Shape()[2], x.Shape()[3])
		return []any{g.of(x, rows.Out(), cols.Out()), x, rows, cols}
	},
	"GridSample": func(g fitting) []any {
		x, y, grid, p := g.grid()
		return []any{y, x, grid, p}
	},
	"GridSampleGrad": func(g fitting) []any {
		x, y, grid, p := g.grid()
		return []any{g.f(x.Shape()...), g.f(grid.Shape()...), y, x, grid, p}
	},
	"RoIAlign":     func(g fitting) []any { x, y, rois := g.rois(); return []any{y, x, rois, ops.RoIAlign{Scale: 0.5}} },
	"RoIAlignGrad": func(g fitting) []any { x, y, rois := g.rois(); return []any{x, y, rois, ops.RoIAlign{Aligned: true}} },
	"RoIPool":      func(g fitting) []any { x, y, rois := g.rois(); return []any{y, x, rois, float32(0.5)} },
	"RoIPoolGrad": func(g fitting) []any {
		x, y, rois := g.rois()
		return []any{g.f(x.Shape()...), y, x, rois, float32(0.5)}
	},
	"RFFT2": func(g fitting) []any {
		x := g.images(g.n(), g.n())
		w := x.Shape()[3]/2 + 1
		return []any{g.of(x, x.Shape()[2], w), g.of(x, x.Shape()[2], w), x, ops.FFT{Scale: 0.1}}
	},
	"IRFFT2": func(g fitting) []any {
		x := g.images(g.n(), g.n())
		w := x.Shape()[3]/2 + 1
		return []any{x, g.of(x, x.Shape()[2], w), g.of(x, x.Shape()[2], w), ops.FFT{Scale: 0.1, Twice: true}}
	},

	"StepSGD": func(g fitting) []any {
		n := g.n() * g.n()
		return []any{g.f(n), g.f(n), g.f(n), ops.SGD{Rate: 0.1, Scale: 1, Decay: 0.1, Keep: 0.9, Take: 1, Direct: 1, Momentum: 0.5}}
	},
	"StepAdam": func(g fitting) []any {
		n := g.n() * g.n()
		return []any{ops.AdamState{P: g.f(n), G: g.f(n), M: g.f(n), V: g.plus(n)}, ops.Adam{Scale: 1, M1: 0.9, M2: 0.1, V1: 0.9, V2: 0.1, A: 0.1, Root: 1, Eps: 1e-3, Shrink: 1}}
	},
	"StepRMS": func(g fitting) []any {
		n := g.n() * g.n()
		return []any{ops.RMSState{P: g.f(n), G: g.f(n), V: g.plus(n), M: g.f(n)}, ops.RMS{Scale: 1, V1: 0.9, V2: 0.1, Inside: 1e-3, Momentum: 0.9, A: 1, B: 0.1, Shrink: 1}}
	},
	"StepLion": func(g fitting) []any {
		n := g.n() * g.n()
		return []any{g.f(n), g.f(n), g.f(n), ops.Lion{Rate: 0.1, Scale: 1, Shrink: 1, Beta1: 0.9, Beta2: 0.99}}
	},
	"StepAdan": func(g fitting) []any {
		n := g.n() * g.n()
		return []any{ops.AdanState{P: g.f(n), G: g.f(n), M: g.f(n), D: g.f(n), N: g.plus(n), Last: g.f(n)}, ops.Adan{Scale: 1, M1: 0.9, M2: 0.1, D1: 0.9, D2: 0.1, N1: 0.9, N2: 0.1, A: 0.1, B: 0.1, Root: 1, Eps: 1e-3, Before: 1, After: 1}}
	},
	"Lerp":  func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n, m), g.f(n, m), float32(0.3)} },
	"Norms": func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n + 2), 1, n, g.f(n, m), float64(2)} },
	"Dots":  func(g fitting) []any { n, m := g.n(), g.n(); return []any{g.f(n + 2), 1, n, g.f(n, m), g.f(n, m)} },
}

// of is images like x of another size.
func (g fitting) of(x *tensor.Dense, h, w int) *tensor.Dense {
	return g.f(x.Shape()[0], x.Shape()[1], h, w)
}

func (g fitting) conv() (x, w, y *tensor.Dense, c ops.Conv) {
	groups, cin, cout := 1+g.IntN(2), 1+g.IntN(9), 1+g.IntN(9)
	c = ops.Conv{Stride: [2]int{1 + g.IntN(2), 1 + g.IntN(2)}, Padding: [2]int{1, g.IntN(2)}, Groups: groups}
	k := 1 + g.IntN(3)
	x, w = g.f(1+g.IntN(3), groups*cin, 5+g.n(), 5+g.n()), g.f(groups*cout, cin, k, k)
	h, wide := c.OutputSize(x.Shape()[2], x.Shape()[3], k, k)
	return x, w, g.f(x.Shape()[0], groups*cout, h, wide), c
}

func (g fitting) window() (x, y *tensor.Dense, w ops.Window) {
	w = ops.Window{Kernel: [2]int{2, 3}, Stride: [2]int{1 + g.IntN(2), 1}}
	x = g.images(4+g.n(), 4+g.n())
	s := x.Shape()
	n := ((s[2]-2)/w.Stride[0] + 1) * (s[3] - 2)
	return x, g.f(s[0], s[1]*6, n), w
}

func (g fitting) pool() (x, y *tensor.Dense, p ops.Pool) {
	x, p = g.images(5+g.n(), 5+g.n()), randomPool(g.Rand, false)
	shape, err := p.OutShape("test", x.Shape())
	if err != nil {
		panic(err) // no kernel is larger than these images
	}
	return x, g.f(shape...), p
}

func (g fitting) grid() (x, y, grid *tensor.Dense, p ops.GridSample) {
	x = g.images(g.n(), g.n())
	y = g.of(x, g.n(), g.n())
	p = ops.GridSample{
		Mode:    []ops.SampleMode{ops.Nearest, ops.Bilinear, ops.Bicubic}[g.IntN(3)],
		Padding: []ops.GridPadding{ops.PadZeros, ops.PadBorder, ops.PadReflection}[g.IntN(3)],
	}
	return x, y, g.f(x.Shape()[0], y.Shape()[2], y.Shape()[3], 2), p
}

func (g fitting) rois() (x, y, rois *tensor.Dense) {
	x = g.images(g.n(), g.n())
	rois = g.f(1+g.IntN(6), 5)
	r := rois.Float32s()
	for ; len(r) > 0; r = r[5:] {
		r[0] = float32(g.IntN(x.Shape()[0]))
		r[1], r[2] = 10*r[1], 10*r[2]
		r[3], r[4] = r[1]+10*r[3]*r[3], r[2]+10*r[4]*r[4]
	}
	return x, g.f(rois.Shape()[0], x.Shape()[1], 1+g.IntN(4), 1+g.IntN(4)), rois
}
