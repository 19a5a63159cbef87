// Package copypaste makes pictures with one object more by pasting: a bank of
// cut-outs, taken from a dataset's own masks, and a generator that puts one of
// them where objects of its class are found. It needs no weights, and it knows
// the truth of what it adds.
//
//	c := copypaste.NewCollector(file, rare, copypaste.Limits{})
//	for _, scene := range scenes {
//		err := c.Add(scene)
//	}
//	err := c.Close()
//	...
//	bank, err := copypaste.OpenBank([]copypaste.Part{{Name: path, Data: file, Size: size}}, copypaste.Limits{})
//	g := copypaste.New(bank, statistics, copypaste.Options{})
//	made, err := g.Generate(ctx, requests)
//
// The rules are those of Simple Copy-Paste (Ghiasi et al., arXiv:2012.07177) and
// X-Paste (Zhao et al., arXiv:2212.03863) as sections 3.4 and 4.6 of the Add-SD
// notes have them. Both paste anywhere; here the size follows the class, the
// cut-out and the scene's objects of the class, and the place follows where such
// objects lie, what they stand on and what they would hide.
//
// Guarantees:
//   - A bank does not depend on how objects are spread over part files or on
//     their order. Every wanted object is in Usable or, with its reason, in
//     Excluded.
//   - A request has the same answer to the byte whoever asks, whatever else is
//     asked at the time, on every machine with the same rounding of exp and log.
//   - The base is not changed. The new object lies within the image; its box is
//     tight; what it hides is taken off the masks under it, see Occlude.
//   - A damaged part file is fault.Corrupt with the offset, never a panic; memory
//     is bounded by its size and Limits.CacheBytes.
//
// Caveats: occlusion of a donor is estimated from its neighbours' masks alone, so
// that a cut-out may lack what an object without annotation hides. Light is not
// matched but by Poisson blending, shadows are not drawn. The bytes of a part
// file depend on the version of Go's deflate; the hashes of cut-outs do not.
package copypaste
