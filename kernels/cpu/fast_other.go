//go:build !amd64

package cpu

const useAVX2 = false

// Form names the form of the kernels that serves on this machine.
func Form() string { return "portable Go" }
