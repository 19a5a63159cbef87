// Package removal makes the training pairs of Add-SD's RemovalDataset (Yang et
// al., arXiv 2407.21016, section 3.1; the rules are those of the released code):
// objects of a real picture are removed, and a model learns to add them again.
//
//	r, err := removal.New(removal.Options{Mode: removal.Both, Seed: 1, Source: "lvis"}, meta.Classes, fill)
//	...
//	edits, left, err := r.Plan(example) // of one picture: what is removed, what is said
//	for picture, err := range r.Pictures(img, example, edits) {
//		... // encode picture; it is valid until the next one
//	}
//
// A single-object edit removes one object, a multi-object edit several of one
// class: all of them, and for each smaller number from two on one random choice.
// The objects' masks are widened before they are filled, so that shadows and soft
// edges go too. For a referring dataset each ref is a single-object edit with one
// of its expressions.
//
// Guarantees: edits depend on the example and the options alone; every draw comes
// from (seed, source, key, purpose), so that adding a class or an edit changes no
// other. One picture is held at a time. Pixels outside the widened masks are
// bit-identical to the picture's.
//
// What differs from the authors' code: a class with two instances has its edit
// there also for LVIS, where the released loop yields none; WriteSeeds and Holdout
// let the validation share be set aside before pairs are made, where training read
// all of them; Mirror tells which instructions a flipped picture makes false.
//
// Caveats: a Remover serves one goroutine. Labels begin with "a" before a vowel
// too, as in the released instructions. Plural knows common English nouns, not all.
package removal
