// Package polygon works on the outlines of COCO and LVIS annotations: flat
// lists x0, y0, x1, y1, ... of at least three points, in pixels, (0, 0) being
// the top left corner of the top left pixel. The last point joins the first.
//
//	if err := polygon.Validate(xy); err != nil {
//		return err
//	}
//	buf = polygon.Clip(buf[:0], xy, 40, 20, 224, 224)
//	polygon.Shift(buf, -40, -20)
//
// Package rle turns outlines into masks.
//
// Guarantees: no function but Clip allocates, and Clip only where its buffer is
// too small; results depend on the arguments alone. A polygon that Validate
// accepts makes no function panic or return NaN.
//
// Caveats: Area is that of the signed outline, so a figure of eight loses its
// overlap; Clip joins the pieces of a concave polygon along the edge of the
// rectangle, by segments that enclose no area.
package polygon
