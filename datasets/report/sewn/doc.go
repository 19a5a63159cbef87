// Package sewn writes what people see of a run of sew: what was planned, what was
// made, what was taken and why the rest was not.
//
//	blocks, err := sewn.Sections(sewn.Input{Classes: classes, Accepted: accepted, Rejected: rejected})
//	err = report.Write(f, report.Input{Manifest: m, More: blocks})
//
//	err = sewn.PlanPage(f, sewn.PlanInput{Title: "Plan", Classes: classes, Seconds: 120})
//
// It knows nothing of how pictures are made: it is given counts and thumbnails.
//
// Guarantees: the same input gives the same bytes; every text is escaped;
// pictures are embedded, and only as JPEG or PNG; the pages run no script and load
// nothing. Markup is bounded: at most 60 pictures a sheet, and what one picture
// may hold (package overlay).
//
// Caveats: classes are ordered by how many images show them before, the rarest
// first; the groups r, c and f are those that the caller states. Quartiles are
// interpolated between neighbours (type 7 of Hyndman and Fan, "Sample Quantiles in
// Statistical Packages", 1996).
package sewn
