package ctkd

import "github.com/tailorbird/tailorbird/methods/nn"

// relationEps keeps norms and logarithms of PKT from 0.
const relationEps = 1e-7

// PKT compares how near the samples of a batch are to each other (Passalis and
// Tefas, ECCV 2018): features (B, D) of each network, D may differ. Rows of
// (cosine + 1)/2, divided by their sum, are probabilities; the result is the mean
// over all B^2 of teacher log(teacher/student).
func PKT(t *nn.Tape, student, teacher *nn.Var) *nn.Var {
	p, q := nearness(t, teacher), nearness(t, student)
	ratio := t.Sub(t.Log(t.AddScalar(p, relationEps)), t.Log(t.AddScalar(q, relationEps)))
	return t.Mean(t.Mul(p, ratio), false)
}

func nearness(t *nn.Tape, x *nn.Var) *nn.Var {
	unit := t.Div(x, t.AddScalar(t.Norm(x, true, 1), relationEps))
	k := t.Affine(t.MatMulT(unit, unit, false, true), 0.5, 0.5)
	return t.Div(k, t.Sum(k, true, 1))
}

// SP compares the products of all pairs of samples (Tung and Mori,
// arXiv:1907.09682, equation 4): maps (B, ...) of each network, flattened; rows of
// F F^T divided by their norms; the squared difference over B^2.
func SP(t *nn.Tape, student, teacher *nn.Var) *nn.Var {
	return t.Mean(t.Square(t.Sub(similarity(t, teacher), similarity(t, student))), false)
}

func similarity(t *nn.Tape, x *nn.Var) *nn.Var {
	f := t.Flatten(x, 1)
	return t.L2Normalize(t.MatMulT(f, f, false, true), 1, 1e-12)
}
