//go:build !amd64

package cpu

const useAVX2 = false
