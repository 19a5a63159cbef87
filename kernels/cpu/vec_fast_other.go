//go:build !amd64

package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

// No assembly here: the portable form serves.

func fastBinary(ops.Binary, []float32, []float32, []float32) bool           { return false }
func fastUnary(ops.Unary, ops.UnaryParams, []float32, []float32) bool       { return false }
func fastFill([]float32, float32) bool                                      { return false }
func fastAxpy(d, x []float32, alpha float32) bool                           { return false }
func fastScale(d, x []float32, alpha float32) bool                          { return false }
func fastSum([]float32) (float32, bool)                                     { return 0, false }
func fastMax([]float32) (float32, bool)                                     { return 0, false }
func fastSoftmax(y, x []float32) bool                                       { return false }
func fastSumExp([]float32, float32) (float64, bool)                         { return 0, false }
func fastSoftmaxGrad(dx, dy, y []float32) bool                              { return false }
func fastPlaneSum(x []float32, rows, n, step int) (float64, bool)           { return 0, false }
func fastPlaneSquares([]float32, int, int, int, float32) (float64, bool)    { return 0, false }
func fastUnaryGrad(_ ops.Unary, _ ops.UnaryParams, d, dy, v []float32) bool { return false }

func fastRowNorm(y, x, w, b []float32, p ops.LayerNorm) (mean, rstd float32, ok bool) {
	return 0, 0, false
}

func fastRowNormGrad(dx, dw, db, dy, x, w []float32, mean, rstd float32, rms bool) bool {
	return false
}

func fastPlaneNormalise(y, x []float32, rows, n, step int, mean, scale, shift float32, relu bool) bool {
	return false
}

func fastPlaneGradSums(x, dy, y []float32, rows, n, step int, mean float32) (s0, s1 float64, ok bool) {
	return 0, 0, false
}

func fastPlaneNormaliseGrad(dx, dy, x, y []float32, rows, n, step int, mean, k, k1, k0 float32) bool {
	return false
}
