//go:build !amd64

package cpu

func rowMaxAVX2(x *float32, n int, start float32) float32   { return start }
func expShiftAVX2(x *float32, n int, shift float32) float32 { return shift }
func scoreGradAVX2(grad, p *float32, n int, delta float32)  {}
func scaleRowAVX2(x *float32, n int, c float32)             {}
func dotRowAVX2(a, b *float32, n int) float32               { return 0 }
