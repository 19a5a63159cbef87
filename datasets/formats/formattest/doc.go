// Package formattest is the conformance kit of the shard formats. A format's own
// test is three lines:
//
//	func TestConformance(t *testing.T) {
//		formattest.Run(t, webdataset.Format{}, formattest.Options{})
//	}
//
// Run proves for examples of every task (with empty annotations, both forms of
// masks, expressions outside ASCII, 0 and 1,000 examples): what is read equals
// what was written; the same examples give the same bytes; Index and Get agree
// with All, from several goroutines too; keys that do not ascend are refused; a shard cut off or changed in
// any place gives a typed fault, never a panic, and no allocation out of
// proportion to the shard.
//
// Examples is of use to tests of other packages too: it makes the same examples
// for the same arguments.
package formattest
