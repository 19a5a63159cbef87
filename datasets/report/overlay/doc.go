// Package overlay draws the annotations of an example over its picture as SVG:
// boxes, masks and names.
//
//	svg := overlay.SVG(ex, overlay.NamesOf(classes), overlay.Options{Href: address})
//	for _, l := range overlay.Legend(ex, names, 8) { ... }
//
// The picture is an image element, so the shapes stay sharp at any size and no
// script is needed. Shapes carry the classes mask, box and label, so that a
// style sheet can show and hide them, and c0 to c11 for their colours.
//
// Guarantees: the same example gives the same bytes; names and expressions are
// escaped; hostile coordinates and run lengths draw nothing, and markup is
// bounded whatever an example holds: at most 400 objects, 40,000 outline points.
//
// Caveats: run lengths are drawn by their exact outline, polygons by their own
// points; a mask that breaks its format, or that is of another size than the
// picture, is left out, and the object keeps its box.
package overlay
