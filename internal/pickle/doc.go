// Package pickle reads Python pickles as data. It knows lists, tuples, dicts,
// sets, numbers, strings, booleans and None of protocols 0 to 5, which is what
// the annotation files of the REFER family hold, and nothing that could name
// code: an opcode outside its table is an error, not a call. Options.Global lets
// named classes in, as data too.
//
//	doc, err := pickle.Parse(data, pickle.Options{})
//	refs := doc.Root()
//	for i := range refs.Len() {
//		id, ok := refs.Index(i).Lookup("ref_id")
//		...
//	}
//
// The opcodes are those of Python's Lib/pickletools.py. Strings of Python 2 are
// bytes without an encoding: bytes that are valid UTF-8 are taken as they are,
// others as Latin-1.
//
// # Guarantees
//
// Parse never panics, runs no code and looks nothing up. Memory is at most a
// fixed multiple of the input: a declared length is held against the bytes that
// are left before anything is allocated, a memo index against the values made
// so far, the number of values against Options.MaxItems. A document is a tree:
// depth is at most 64, cycles are refused, and so are shared values that would
// make it more than 16 times as large as its input when written out. A walk over
// a Document therefore ends, however hostile the file.
//
// # Caveats
//
// The input must stay unchanged while the Document is in use: strings are kept
// where they lie. Integers beyond 64 bits are refused as fault.Unsupported.
// Dicts keep the order and the duplicates of the file; Lookup takes the last.
package pickle
