// Package build holds the tests of `tailorbird build` as a whole: they run the
// command as a process and look at what it leaves.
//
//	go test ./tests/build                  # under a minute on two cores
//	go test ./tests/build -short           # without the heavy ones
//	go test ./tests/build -run Golden -update
//
// Test names carry the number of the fault that they stand for, as in
// TestFault01KillAtEveryStep. The raw datasets are laid out in temporary
// directories from the fixtures of the sources (datasets/*/testdata) by raw_test.go.
//
// Guarantees: nothing outside the test's own temporary directories is written, no
// network but loopback is used, and every process that a test starts has ended
// when it returns.
//
// Caveats: the command is built once a run, which needs the go tool.
package build
