// Package draw draws lines, rectangles, circles, ellipses and outlines of masks
// into 8-bit images, and finds these outlines.
//
//	c := draw.Canvas{Width: m.Width, Height: m.Height, Channels: 3, Pix: m.Pix}
//	c.Rectangle(draw.Point{X: 7, Y: 8}, draw.Point{X: 50, Y: 38}, []byte{255, 0, 0}, 2)
//	outlines := draw.Contours(mask)
//	c.Outlines(outlines, []byte{0, 255, 0}, 2)
//
// Guarantees: within the canvas, shapes equal those of OpenCV 5 for lines of 8
// neighbours and a thickness of at least 2, or filled; contours, their order and
// their hierarchy equal findContours with RETR_TREE and CHAIN_APPROX_SIMPLE.
// What lies outside the canvas is left out.
//
// Caveats: coordinates have to stay within a million pixels of the canvas. A
// shape that leaves the canvas may differ from OpenCV's by a pixel where it
// crosses the edge: OpenCV cuts lines before it draws them.
package draw
