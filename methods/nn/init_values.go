package nn

import (
	"math"
	"math/rand/v2"
)

// Constant fills with one value.
func Constant(value float64) Initialiser {
	return func(v []float32, _ []int, _ *rand.Rand) {
		for i := range v {
			v[i] = float32(value)
		}
	}
}

// Zeros and Ones are the constants of biases and of scales.
var (
	Zeros = Constant(0)
	Ones  = Constant(1)
)

// Uniform draws from [low, high).
func Uniform(low, high float64) Initialiser {
	return func(v []float32, _ []int, rng *rand.Rand) {
		for i := range v {
			v[i] = float32(low + (high-low)*rng.Float64())
		}
	}
}

// Normal draws from a normal distribution.
func Normal(mean, std float64) Initialiser {
	return func(v []float32, _ []int, rng *rand.Rand) {
		for i := range v {
			v[i] = float32(mean + std*rng.NormFloat64())
		}
	}
}

// TruncNormal draws from a normal distribution around 0 of which only [-2, 2]
// is kept, as torch.nn.init.trunc_normal_ does by default: the limits are values,
// not multiples of std.
func TruncNormal(std float64) Initialiser { return TruncNormalWithin(0, std, -2, 2) }

// TruncNormalWithin draws from the part of a normal distribution that lies in
// [low, high], by inverting its distribution function.
func TruncNormalWithin(mean, std, low, high float64) Initialiser {
	cdf := func(x float64) float64 { return math.Erf((x - mean) / (std * math.Sqrt2)) }
	from, to := cdf(low), cdf(high)
	return func(v []float32, _ []int, rng *rand.Rand) {
		for i := range v {
			x := mean + std*math.Sqrt2*math.Erfinv(from+(to-from)*rng.Float64())
			v[i] = float32(min(max(x, low), high))
		}
	}
}

// fans returns how many values flow into a unit of the weight and out of one, as
// torch.nn.init counts them: axis 1 and axis 0, times the size of the kernel.
func fans(shape []int) (in, out int) {
	if len(shape) < 2 {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return max(n, 1), max(n, 1)
	}
	field := 1
	for _, d := range shape[2:] {
		field *= d
	}
	return max(shape[1]*field, 1), max(shape[0]*field, 1)
}

// scaled draws by an initialiser that depends on the weight's fans.
func scaled(by func(in, out int) Initialiser) Initialiser {
	return func(v []float32, shape []int, rng *rand.Rand) {
		in, out := fans(shape)
		by(in, out)(v, shape, rng)
	}
}

// KaimingUniform keeps the variance of a leaky rectifier's input with slope a (He
// et al., arXiv:1502.01852, equation 15). Slope sqrt 5 is what torch's Linear and
// Conv2d begin with.
func KaimingUniform(a float64) Initialiser {
	return scaled(func(in, _ int) Initialiser {
		b := math.Sqrt(6 / ((1 + a*a) * float64(in)))
		return Uniform(-b, b)
	})
}

// KaimingNormal keeps the variance of a rectifier's input: std = sqrt(2/fan in).
func KaimingNormal() Initialiser {
	return scaled(func(in, _ int) Initialiser { return Normal(0, math.Sqrt(2/float64(in))) })
}

// KaimingNormalOut keeps the variance of the gradient: std = sqrt(2/fan out), the
// mode of torchvision's ResNets.
func KaimingNormalOut() Initialiser {
	return scaled(func(_, out int) Initialiser { return Normal(0, math.Sqrt(2/float64(out))) })
}

// XavierUniform keeps both variances of a linear unit as far as it can (Glorot and
// Bengio, AISTATS 2010, equation 16), times gain.
func XavierUniform(gain float64) Initialiser {
	return scaled(func(in, out int) Initialiser {
		b := gain * math.Sqrt(6/float64(in+out))
		return Uniform(-b, b)
	})
}

// XavierNormal is XavierUniform with a normal distribution of the same variance.
func XavierNormal(gain float64) Initialiser {
	return scaled(func(in, out int) Initialiser { return Normal(0, gain*math.Sqrt(2/float64(in+out))) })
}

// biasUniform draws from +-1/sqrt(fan in of the weight), as torch's Linear and
// Conv2d do for their biases.
func biasUniform(fanIn int) Initialiser {
	b := 1 / math.Sqrt(float64(max(fanIn, 1)))
	return Uniform(-b, b)
}

// Orthogonal makes the rows, or the columns where there are fewer, of the weight
// flattened to (axis 0, rest) orthonormal, times gain (Saxe et al.,
// arXiv:1312.6120): Gram-Schmidt, done twice for its rounding, of normal draws.
func Orthogonal(gain float64) Initialiser {
	return func(v []float32, shape []int, rng *rand.Rand) {
		if len(shape) == 0 || len(v) == 0 {
			return
		}
		rows, cols := shape[0], len(v)/shape[0]
		n, m := rows, cols // n vectors of m values
		if rows > cols {
			n, m = cols, rows
		}
		q := make([][]float64, n)
		for i := range q {
			q[i] = orthonormal(q[:i], m, rng)
		}
		for r := range rows {
			for c := range cols {
				if rows > cols {
					v[r*cols+c] = float32(gain * q[c][r])
				} else {
					v[r*cols+c] = float32(gain * q[r][c])
				}
			}
		}
	}
}

// orthonormal draws a unit vector of m values at right angles to those of basis.
func orthonormal(basis [][]float64, m int, rng *rand.Rand) []float64 {
	x := make([]float64, m)
	for {
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		for range 2 {
			for _, b := range basis {
				d := dot(x, b)
				for i := range x {
					x[i] -= d * b[i]
				}
			}
		}
		if norm := math.Sqrt(dot(x, x)); norm > 1e-3 {
			for i := range x {
				x[i] /= norm
			}
			return x
		}
	}
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}
