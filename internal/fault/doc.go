// Package fault types errors by what the caller should do about them.
//
// Bad data is a value here, not an accident: a record that cannot be used gets
// one of the seven data codes and flows to the quarantine with its key, its
// file and the byte offset. Everything that carries no code is a failure of the
// machinery (disk, network, runner) and stops the run.
//
//	return fault.New(fault.Corrupt, "rle: %d pixels, image has %d", got, want)
//	...
//	return fault.At(err, fault.Place{Path: "lvis_v1_train.json", Key: "000000391895", Offset: 118273})
//
// Guarantees: wrapping with At or fmt.Errorf("...: %w") keeps the code; CodeOf
// of a nil error is the empty code.
package fault
