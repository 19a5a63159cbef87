// Package addsd implements Add-SD (Yang et al., "Add-SD: Rational Generation
// without Manual Reference", arXiv 2407.21016): objects of rare classes are added
// to real pictures, found again, checked, and merged with the source as a dataset
// that a detector trains on.
//
// Here are the parts that need no pixels, and what the others share: Statistics
// of a split, the Plan of what is added to which picture, the Geometry between a
// picture and a generator, the Mixing of real and synthetic images in training,
// and the interfaces Generator and Localiser.
//
//	var stats addsd.Statistics
//	stats.Add(ex.Width, ex.Height, *ex.Annotations) // for every image
//	plan, err := addsd.NewPlan(rows, classes, &stats, nil,
//		addsd.PlanOptions{Seed: 1, Classes: []string{"rare"}, ImagesPerClass: 50, Attempts: 4})
//	...
//	plan.WriteText(os.Stdout)
//
// Guarantees: statistics are sums of whole numbers and the same in any order or
// grouping; a plan depends on seed, rows and options, not on the order of rows;
// ids and keys collide with none of the split, whatever is accepted later.
// Pictures go in and come back as Pillow resizes them. The parts that have
// another's golden (geometry, repeat factors) are held to it in tests/parity.
//
// What differs from the release (section 9.1 of the specification): each sample
// has a seed of its own, pictures of other splits can be excluded before anything
// is made, a class that a picture shows already can be left out, objects that a
// crop leaves less than a pixel of are dropped, and boxes are cut at the window
// that the pixels are cut at.
//
// Caveats: what a class has after a plan is counted as if every sample was
// accepted on its first picture. NewPlan holds the rows and the samples in memory,
// about 120 MB for 100,000 of each.
package addsd
