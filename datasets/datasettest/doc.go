// Package datasettest holds any datasets.Source to what the interface promises.
// A source's whole test of the contract is one call:
//
//	func TestSource(t *testing.T) {
//		datasettest.Run(t, datasettest.Case{
//			Source: coco.Source{},
//			Inputs: datasets.Inputs{"images": "testdata/images", "annotations": "testdata/instances_train2017.json"},
//			Want:   map[string]int{"train": 6},
//		})
//	}
//
// Checked, each as a subtest: Plan gives the same refs, rejections, inputs and
// meta twice, also at the same time; keys are valid and unique in their split; spans lie
// inside their files; Example of each ref succeeds, has its task's fields and
// survives JSON; splits filter; a cancelled context and an error of Emit end the plan;
// missing inputs and roles are named by the right fault; damaged input files give
// typed errors and no panic; inputs are opened through internal/blob alone.
//
// Caveats: pixels and geometry are not looked at, as a source does not. Damage is
// done to inputs that are single files; it is sampled, and no substitute for the fuzz
// targets of a source's parsers.
package datasettest
