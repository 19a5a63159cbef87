//go:build !amd64

package cpu

import "testing"

// withoutAVX2 has nothing to do where no assembly is.
func withoutAVX2(testing.TB) {}

func setAVX2(bool) bool { return false }
