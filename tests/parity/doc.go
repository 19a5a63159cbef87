// Package parity checks Tailorbird against reference cases: inputs and outputs
// computed by the libraries that the field trusts.
//
//	TAILORBIRD_GOLDENS=goldens go test -v ./tests/parity
//
// runs every AREA/NAME/case.json under the folder as TestParity/AREA/NAME.
// Without the variable the few cases of testdata run. A case's kind chooses
// its runner, and config and tensors are all that the runner may look at: the
// same kinds with other shapes, seeds and names must pass too.
//
// To add a kind, call register in an init function of the area's file:
//
//	func init() {
//		register("softmax", func(t *testing.T, c *Case) {
//			var cfg struct{ Axis int }
//			c.DecodeConfig(t, &cfg)
//			x, shape := c.F32(t, "x")
//			c.Check(t, "y", softmax(x, shape, cfg.Axis), shape...)
//		})
//	}
//
// Guarantees: a case of a known kind fails when an output differs beyond its
// declared tolerance and also when its runner left an output unchecked. A kind
// that nobody registered is skipped by name.
package parity
