// Package filter decides which synthetic pictures are taken. Limits looks at one
// picture, Duplicates at all of them together.
//
//	limits := filter.Defaults()
//	verdicts, err := limits.Check(found, made.Objects, w, h)
//	if r := addsd.RejectionOf(err); r != nil {
//		// r.Reason: counted and left out
//	}
//	...
//	decisions, err := limits.Duplicates().Decide(samples)
//
// Every check leaves a Verdict with what it measured and what was asked for,
// whether it passed or not, so that a threshold can be chosen later from what is
// on record.
//
// The overlap check is the class-agnostic suppression of specs/add_sd.md section
// 4.1, between the new box and each object that was there. Objects that were there
// never suppress each other, as they do in the released code (9.1, defect 9).
//
// Guarantees: verdicts come in one order. Duplicates' decisions depend on the set
// of samples alone, not on the order in which they arrive. Everything is safe for
// concurrent use but Region.
//
// Caveats: the overlap is an intersection over union. A small object that lies
// whole on a large one, as a cup on a table does, overlaps it little by that
// measure, and that is meant: pasted objects stand on others. What it hides of
// them is the generator's to limit. A picture in which nothing was found has no
// synthetic object and is not taken; it is counted by its reason, since its pixels
// may hold an object without a label (9.1, defect 14).
package filter
