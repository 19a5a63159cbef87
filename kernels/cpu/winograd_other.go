//go:build !amd64

package cpu

func winogradInput(dst []float32, d grid, src []float32, s grid, n int) {
	winogradPortable(winogradBT, dst, d, src, 0, s, n)
}

func winogradOutput(dst []float32, d grid, src []float32, s grid, n int, edge []float32) {
	winogradOutputPortable(dst, d, src, s, n, edge)
}

func winogradFilter(dst []float32, d grid, src []float32, at int, s grid, n int) {
	winogradPortable(winogradG, dst, d, src, at, s, n)
}

func winogradGrad(dst []float32, d grid, src []float32, s grid, n int) {
	winogradPortable(winogradA, dst, d, src, 0, s, n)
}

func winogradFilterGrad(dst []float32, d grid, src []float32, s grid, n int) {
	winogradPortable(winogradGT, dst, d, src, 0, s, n)
}
