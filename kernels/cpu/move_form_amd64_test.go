package cpu

// portableOnly runs f, without assembly where portable is true.
func portableOnly(portable bool, f func()) {
	old := useAVX2
	defer func() { useAVX2 = old }()
	useAVX2 = old && !portable
	f()
}
