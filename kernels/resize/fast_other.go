//go:build !amd64

package resize

// fastTables is where another architecture's assembly would keep its form of
// the coefficients.
type fastTables struct{}

func (fastTables) build(*axis) {}

func (fastTables) bytes() int { return 0 }

func (fastTables) horizontal(dst []byte, dstStride int, src []byte, srcStride, n int) bool {
	return false
}

func (fastTables) vertical(dst, rows []byte, stride, i int) bool { return false }

// rowBytes is the distance of the rows between the passes.
func rowBytes(width int) int { return width }

// Form names the form of the kernels that serves on this machine.
func Form() string { return "portable Go" }
