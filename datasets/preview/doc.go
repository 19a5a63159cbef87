// Package preview serves the pages that show a built dataset: overview, charts,
// samples with boxes, masks and expressions, single records, the quarantine.
//
//	h, err := preview.New(ctx, "out/refcoco", preview.Options{})
//	defer h.Close()
//	err = preview.Serve(ctx, "127.0.0.1:0", h, func(url string) { fmt.Println(url) })
//
// Pages are rendered here and need no script. Formats are found in the registry
// of package formats; the caller links them in.
//
// Nothing is read ahead. A page without a filter finds its shards by the counts
// of the manifest; a shard's index is read when a page first needs it, and the
// least recently used ones are forgotten beyond 32 shards or 262,144 entries.
// A filter by class, by text or by how a picture came to be scans records from a cursor until a page is full,
// at most 4,096 records or 512 MiB a request, and then offers to go on: a scan
// costs no memory, its pages have stable addresses, and a reader who leaves stops it.
//
// A synthetic sample says so wherever it is shown; its page tells how it was made
// and leads to its base, looked for before the page is shown where the split has
// at most 64 shards, else when the link is followed. Edited copies are shown
// where the format holds their pictures.
//
// Guarantees: GET and HEAD only; a Host that is no loopback name is refused, so
// that no web site can read a dataset through its visitor's browser; addresses
// never become file names, they are looked up in manifest and indexes; strict
// Content-Security-Policy and no sniffing; pictures are served as JPEG or PNG or
// not at all; every text of the data is escaped.
//
// Caveats: there is no password. Options.Public drops the check of Host and lets
// Serve listen beyond this machine: everyone who reaches the port sees the data.
// A key without the number of its shard is looked for through all indexes of its
// split, which takes a while the first time on a large dataset.
package preview
