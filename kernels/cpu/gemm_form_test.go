//go:build amd64

package cpu

import "testing"

// withoutAVX2 makes kernels take their portable form until the test ends.
func withoutAVX2(t testing.TB) {
	old := setAVX2(false)
	t.Cleanup(func() { setAVX2(old) })
}

// setAVX2 chooses the form and returns what was chosen before.
func setAVX2(on bool) bool {
	old := useAVX2
	useAVX2 = on
	return old
}
