package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

// directConv, directConvInput and directConvWeight are a convolution and its
// gradients by their definition, in float64: what the engine is measured against.

func directConv(s *ops.ConvShape, x, w, b []float32) []float64 {
	y := make([]float64, s.N*s.K*s.OH*s.OW)
	for at := range y {
		if b != nil {
			y[at] = float64(b[at/(s.OH*s.OW)%s.K])
		}
	}
	eachProduct(s, func(at, from, value int) { y[at] += float64(w[value]) * float64(x[from]) })
	if s.ReLU {
		for at := range y {
			y[at] = max(y[at], 0)
		}
	}
	return y
}

func directConvInput(s *ops.ConvShape, dy, w, b []float32) []float64 {
	dx := make([]float64, s.N*s.C*s.H*s.W)
	for at := range dx {
		if b != nil {
			dx[at] = float64(b[at/(s.H*s.W)%s.C])
		}
	}
	eachProduct(s, func(at, from, value int) { dx[from] += float64(w[value]) * float64(dy[at]) })
	return dx
}

func directConvWeight(s *ops.ConvShape, dy, x []float32) []float64 {
	dw := make([]float64, s.K*s.Len)
	eachProduct(s, func(at, from, value int) { dw[value] += float64(dy[at]) * float64(x[from]) })
	return dw
}

// eachProduct calls f for each product of a convolution: which element of y it
// belongs to, and which elements of x and w it takes.
func eachProduct(s *ops.ConvShape, f func(at, from, value int)) {
	for at := range s.N * s.K * s.OH * s.OW {
		ox, oy, k, n := at%s.OW, at/s.OW%s.OH, at/(s.OH*s.OW)%s.K, at/(s.OH*s.OW*s.K)
		value := k * s.Len
		for c := range s.CG {
			plane := (n*s.C + k/s.KG*s.CG + c) * s.H
			for i := range s.KH {
				y := oy*s.Stride[0] - s.Padding[0] + i*s.Dilation[0]
				for j := range s.KW {
					x := ox*s.Stride[1] - s.Padding[1] + j*s.Dilation[1]
					if y >= 0 && x >= 0 && y < s.H && x < s.W {
						f(at, (plane+y)*s.W+x, value)
					}
					value++
				}
			}
		}
	}
}
