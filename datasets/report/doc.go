// Package report writes what a dataset holds as one HTML page that needs
// nothing else: no network, no script, no files beside it.
//
//	err := report.Write(f, report.Input{
//		Title:      "LVIS, built",
//		Manifest:   m,
//		Run:        run,        // nil: the page says nothing of the run
//		Quarantine: rejections, // a bounded sample; totals come from the manifest
//		Samples:    examples,   // with Image bytes
//	})
//
// Other packages add sections of their own (Input.More; package sewn makes those
// of synthetic data) or write a page of nothing else (WritePage). Story tells in
// plain text where one example comes from and how it was made.
//
// The preview server shows the same sections over HTTP; Body writes a part of
// them without the page round it.
//
// Guarantees: the same Input gives the same bytes; every text of the data is
// escaped by html/template, and a Content-Security-Policy in the page forbids
// scripts, requests and styles other than its own; pictures are embedded as
// they are in the shards, so that they are as sharp as the data.
//
// Caveats: the page grows with the samples, about 4/3 of their bytes; choose a
// few dozen. Class counts and histograms are the manifest's statistics, added
// up over its splits. LVIS frequency groups are recounted on split train where
// there is one, as LVIS itself counts, else on all splits.
package report
