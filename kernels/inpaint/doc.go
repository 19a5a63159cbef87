// Package inpaint fills holes of pictures: what an object hid is made up from the
// rest of the picture. Add-SD removes objects so and learns to put them back.
//
//	p, err := inpaint.New("patchmatch", seed)
//	if err != nil {
//		return err // fault.Usage, with the names there are
//	}
//	err = p.Inpaint(dst, src, mask) // dst may be src
//
// Telea and NavierStokes carry on what lies at the edge of the hole. They are
// quick and right for thin holes; a large one they blur. PatchMatch composes the
// hole of pieces of the picture. It is the one for objects.
//
// Guarantees: pixels outside the mask are bit-identical to the source's. The
// result depends on picture, mask and parameters alone, the same bytes on every
// machine; Name holds the method, its version and its parameters. Telea and
// NavierStokes equal cv2.inpaint of OpenCV 5.0 to the byte for 8-bit colour
// pictures of two pixels and more each way (on one line of pixels OpenCV reads
// beyond the picture). A value whose pictures do not grow allocates nothing.
//
// Caveats: a value serves one goroutine. In the rows and columns at the picture's
// edge OpenCV's differences are shifted by a pixel and may read pixels of the hole
// that are not filled yet, so with Telea and NavierStokes a hole that touches the
// edge can depend, slightly, on what the mask covers. Telea adds half a level before
// it rounds, as OpenCV does, so its fills are a little bright. Models that learn
// from filled pictures learn to see the fill: record Name with each of them.
// PatchMatch may copy a whole thing into the hole when that fits best. Its time
// grows with the area of the hole (some 20 microseconds a pixel).
package inpaint
