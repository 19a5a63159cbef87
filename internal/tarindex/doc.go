// Package tarindex lists the members of a tar archive through ranged reads and
// tells where the bytes of each lie, so that a program can read them in place
// and never unpack.
//
//	a := tarindex.New(obj, obj.Size(), tarindex.Options{})
//	for m, err := range a.Members() {
//		if err != nil { ... }                    // fault.Corrupt, with the offset
//		if m.Check() != nil { continue }         // a link, a device, "../x"
//		io.NewSectionReader(obj, m.Offset, m.Size)
//	}
//
// A member that is itself a tar is walked in place by Within, with offsets into
// the outer file: ILSVRC2012_img_train.tar is a tar of a thousand tars.
//
// It reads ustar, GNU (long names, base-256 sizes) and PAX (path, size) headers;
// see POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".
//
// Guarantees: no header is trusted before its checksum agrees; nothing is
// allocated on the word of a size field; every error names the byte of the header
// that is wrong; the number of headers is bounded, so that an archive of ten
// million empty members ends in fault.TooLarge and not in an hour of work; large
// bodies are skipped unread. Names are data: nothing is opened by them, and links
// are reported, not followed.
//
// Caveats: like other readers it takes an archive that ends at a header boundary
// without the two closing zero blocks as complete. Sparse members are reported
// (Type Sparse) but their contents are not mapped. Duplicate names are the
// caller's to find.
package tarindex
