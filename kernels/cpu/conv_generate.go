package cpu

//go:generate go run ./asm/conv -out conv_amd64.s -stubs conv_stub_amd64.go -pkg cpu
//go:generate go run ./asm/winograd -out winograd_amd64.s -stubs winograd_stub_amd64.go -pkg cpu
