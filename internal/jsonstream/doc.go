// Package jsonstream walks JSON files of any size in small constant memory and
// tells where each value lies, so that a file of a gigabyte can be indexed in one
// pass and its pieces read back later by offset.
//
// A Scanner stands before a value and is asked to enter it (Object, Array), to
// hand it over (Value, Record) or to step over it (Skip):
//
//	s := jsonstream.NewScanner(file, jsonstream.Options{Name: "instances.json"})
//	err := s.Object(func(section string) error {
//		if section != "annotations" {
//			return nil // not consumed: skipped
//		}
//		return s.Array(func(int) error {
//			rec, err := s.Record()
//			if err != nil {
//				return err
//			}
//			id, err := jsonstream.Int(jsonstream.Lookup(rec.Fields, "id"))
//			...
//		})
//	})
//	if err == nil {
//		err = s.End()
//	}
//
// Fields, Elements, Int, Float and Text take apart values that are in memory.
//
// Guarantees: what passes is JSON as RFC 8259 defines it, checked in full also
// where it is skipped; a byte order mark in front is accepted. NaN and Infinity are
// refused by name. Nothing panics on hostile input. Memory is the buffer, which
// grows only for a single value that is asked for whole, up to Options.MaxValue.
// Values nest at most MaxDepth levels, and an object that is taken apart has at
// most MaxMembers members. Over a limit is fault.TooLarge, an error of syntax
// fault.Corrupt; errors of a Scanner carry the file's name and the byte offset.
// After an error it returns that error for ever.
//
// Caveats: of members with one name the last wins (Lookup); Object shows all of
// them, in order. Strings are not checked for valid UTF-8, as encoding/json does
// not; Text replaces what is invalid. Slices handed out point into the buffer and
// live until the next call. Member names match exactly, upper and lower case apart.
package jsonstream
