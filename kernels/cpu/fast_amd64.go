package cpu

import "golang.org/x/sys/cpu"

// useAVX2 says whether the assembly serves; tests turn it off to compare.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// Form names the form of the kernels that serves on this machine.
func Form() string {
	if useAVX2 {
		return "AVX2 and FMA"
	}
	return "portable Go"
}
