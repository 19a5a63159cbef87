package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Stepper changes parameters by their gradients, in place and in one pass: p are
// parameters, g gradients, the other tensors the optimiser's state, all of one
// shape. Where a formula has g', that is Scale g + Decay p. Products and sums are
// rounded one by one, so that every implementation gives the same bits.
type Stepper interface {
	// StepSGD sets m = Keep m + Take g' and p -= Rate (Direct g' + Momentum m).
	// Without m it sets p -= Rate Direct g'.
	StepSGD(p, g, m *tensor.Dense, o SGD) error
	// StepAdam is the family of Adam; see Adam.
	StepAdam(s AdamState, o Adam) error
	// StepRMS is RMSprop; see RMS.
	StepRMS(s RMSState, o RMS) error
	// StepLion sets p = Shrink p - Rate sign(Beta1 m + (1-Beta1) g') and then
	// m = Beta2 m + (1-Beta2) g' (Chen et al., arXiv:2302.06675, algorithm 2).
	StepLion(p, g, m *tensor.Dense, o Lion) error
	// StepAdan is Adan; see Adan.
	StepAdan(s AdanState, o Adan) error
	// Lerp sets dst += weight (x - dst).
	Lerp(dst, x *tensor.Dense, weight float32) error
	// Norms sets dst[at : at+rows] to the norms of the rows of x, which is cut into
	// rows of equal size. order is 1, 2, any other positive number, or infinite.
	Norms(dst *tensor.Dense, at, rows int, x *tensor.Dense, order float64) error
	// Dots sets dst[at : at+rows] to the inner products of the rows of a and b.
	Dots(dst *tensor.Dense, at, rows int, a, b *tensor.Dense) error
}

// SGD are the coefficients of StepSGD.
type SGD struct {
	Rate, Scale, Decay           float32
	Keep, Take, Direct, Momentum float32
}

// AdamState are the tensors of StepAdam. M, W and U may be nil.
type AdamState struct {
	P, G *tensor.Dense
	M, V *tensor.Dense // first and second moment
	W    *tensor.Dense // largest V so far, of AMSGrad
	U    *tensor.Dense // receives the update instead of P
}

// Adam are the coefficients of StepAdam:
//
//	m = M1 m + M2 g'
//	v = V1 v + V2 g'^2          or, with Max, v = max(V1 v, |g'| + Eps)
//	w = max(w, v)               where there is a w, else w = v
//	d = Root sqrt(w) + Eps      or, with Max, d = w
//	u = (A m + B g') / d + Add p
//	p = Shrink p - u            where the update has no tensor of its own
//
// Without m, A m is 0. Bias corrections, rectification (RAdam) and look-ahead
// (NAdam) are factors in A, B and Root.
type Adam struct {
	Scale, Decay   float32
	M1, M2, V1, V2 float32
	A, B           float32
	Root, Eps      float32
	Shrink, Add    float32
	Max            bool
}

// RMSState are the tensors of StepRMS. C and M may be nil.
type RMSState struct {
	P, G *tensor.Dense
	V    *tensor.Dense // mean square
	C    *tensor.Dense // mean, of the centred form
	M    *tensor.Dense // momentum
}

// RMS are the coefficients of StepRMS:
//
//	v = V1 v + V2 g'^2
//	c = V1 c + V2 g'
//	d = sqrt(v - c^2 + Inside) + Outside
//	m = Momentum m + A g' / d
//	p = Shrink p - B m
//
// Without m its second line reads p = Shrink p - B A g' / d; without c, c is 0.
type RMS struct {
	Scale, Decay    float32
	V1, V2          float32
	Inside, Outside float32
	Momentum, A, B  float32
	Shrink          float32
}

// Lion are the coefficients of StepLion.
type Lion struct {
	Rate, Scale, Decay, Shrink float32
	Beta1, Beta2               float32
}

// AdanState are the tensors of StepAdan.
type AdanState struct {
	P, G, M, D, N *tensor.Dense // D: mean of differences, N: mean square
	Last          *tensor.Dense // the gradient before; set to g'
}

// Adan are the coefficients of StepAdan (Xie et al., arXiv:2208.06677, algorithm 1):
//
//	e = g' - last;  last = g'
//	m = M1 m + M2 g';  d = D1 d + D2 e
//	n = N1 n + N2 (g' + D1 e)^2
//	u = (A m + B d) / (Root sqrt(n) + Eps)
//	p = (Before p - u) After
type Adan struct {
	Scale, Decay           float32
	M1, M2, D1, D2, N1, N2 float32
	A, B, Root, Eps        float32
	Before, After          float32
}

// CheckStep refuses tensors that are not of p's shape. Nil ones pass where optional.
func CheckStep(op string, p *tensor.Dense, must []*tensor.Dense, optional ...*tensor.Dense) error {
	if err := WantType(op, tensor.Float32, p); err != nil {
		return err
	}
	for _, t := range must {
		if err := sameStep(op, p, t); err != nil {
			return err
		}
	}
	for _, t := range optional {
		if t == nil {
			continue
		}
		if err := sameStep(op, p, t); err != nil {
			return err
		}
	}
	return nil
}

func sameStep(op string, p, t *tensor.Dense) error {
	if err := WantType(op, tensor.Float32, t); err != nil {
		return err
	}
	return SameShape(op, p, t)
}

// CheckRows refuses rows that do not divide x, and a dst without room for them.
func CheckRows(op string, dst *tensor.Dense, at, rows int, x *tensor.Dense) error {
	if err := WantType(op, tensor.Float32, dst, x); err != nil {
		return err
	}
	if n := Size(x.Shape()); rows <= 0 || n%rows != 0 {
		return fault.New(fault.Usage, "%s: shape %v in %d rows", op, x.Shape(), rows)
	}
	if n := Size(dst.Shape()); at < 0 || at > n-rows {
		return fault.New(fault.Usage, "%s: %d rows at %d of shape %v", op, rows, at, dst.Shape())
	}
	return nil
}
