// Package trainingtest holds what every training method must keep, as tests that
// another package runs with its method:
//
//	func TestRecursiveMixGoesOn(t *testing.T) {
//		trainingtest.Resumes(t, func() training.Method { return recursivemix.New(...) })
//	}
//
// Resumes trains a small network on drawn images: whole, broken off and gone on,
// killed and gone on, with other numbers of workers, and beside another run. All must
// end with the same bytes.
//
// # Caveats
//
// It starts the test's own binary again for the processes that it kills, by the name
// of the test that called it: nothing that comes before Resumes in that test should
// be slow.
package trainingtest
