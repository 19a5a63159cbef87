// Package chart draws the charts of the report and of the preview as inline SVG.
//
//	chart.Bars("Images by split", "images", []chart.Bar{{Label: "train", Value: 1281167}})
//
// A chart is an HTML figure: a caption, and an svg with role "img" and an
// aria-label that says in words what it shows. Colours come from the style sheet
// of package report by class names (bar, axis, s0 to s7), so that one markup
// serves light and dark and needs no style attribute, which a strict
// Content-Security-Policy would refuse.
//
// Guarantees: the same values give the same bytes; every text is escaped;
// numbers are bounded to a tenth of a pixel, so markup stays small.
//
// Caveats: sizes are those of a card about 460 pixels wide; the svg scales with
// its container. Histogram bins are drawn equally wide whatever their edges,
// with the edges written below.
package chart
