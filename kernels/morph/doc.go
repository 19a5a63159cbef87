// Package morph works on binary images: dilation, erosion, opening and closing
// with flat elements, connected components, distances to the background, and
// the threshold that makes a picture binary.
//
//	var m morph.Morpher // one a goroutine, kept between images
//	m.Dilate(grown, mask, morph.Rect(10, 10))
//	m.Close(solid, noisy, morph.Disk(2))
//	labels, parts := m.Components(nil, solid)
//
// A Morpher packs a row into words of 64 pixels and widens it by doubling: a
// dilation by a rectangle of n pixels takes about log2(n) passes of shift and or
// over the words, whatever the picture shows. Any other element is a union of
// rectangles.
//
// Guarantees: results equal OpenCV 5 for masks (dilate, erode, morphologyEx,
// getStructuringElement, connectedComponents with 8 neighbours, the threshold of
// THRESH_OTSU). Destination and source may be the same bitmap. A Morpher whose
// sizes repeat or shrink allocates nothing. Arithmetic is in integers but for
// Otsu and the last square root of Distance, so that results are the same on
// every machine.
//
// Caveats: the element's anchor is (w/2, h/2) for both dilation and erosion, so
// that with an even size closing and opening move the picture by a pixel, as
// OpenCV's do. A bitmap whose Pix is shorter than its size says is a caller's
// bug and panics.
package morph
