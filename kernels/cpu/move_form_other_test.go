//go:build !amd64

package cpu

func portableOnly(_ bool, f func()) { f() }
