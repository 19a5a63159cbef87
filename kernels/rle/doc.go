// Package rle holds binary masks as COCO's run lengths and works on the runs:
// from outlines, boxes, bitmaps and compressed strings, back to bitmaps and
// strings, union, intersection, overlap, and the geometry that images undergo.
//
//	m, err := rle.FromPolygons(ann.Segmentation, img.Height, img.Width, nil)
//	if err != nil {
//		return err // fault.InvalidAnnotation, with the part and the point
//	}
//	m, err = m.Crop(40, 20, 256, 256, nil)
//	m, err = m.Resize(224, 224, nil)
//	area, box, counts := m.Area(), m.Box(), m.String()
//
// The formats and the rasteriser follow the COCO API (maskApi), whose masks are
// what every published score rests on.
//
// Guarantees: results equal pycocotools' bit for bit wherever pycocotools
// defines one; every mask that a function returns covers its image exactly; bad
// input is a fault, never a panic, and asks for no memory beyond its own size
// and its image's. A function whose last parameter is buf builds the result in
// that buffer's capacity and allocates only where it is too small; nil is fine.
// All functions are safe for concurrent use on different buffers.
//
// Caveats: masks share memory with the buf that they were made in, and buf must
// not overlap the masks read. Bytes of a bitmap other than 0 count as one;
// pycocotools starts a run at every change of value. Masks with empty runs are
// accepted and keep their runs in String, but operations on them return
// canonical masks, where pycocotools may stop early.
package rle
