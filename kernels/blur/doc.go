// Package blur smooths images of interleaved 8-bit samples as OpenCV and as
// Pillow do, to the bit, and one plane of them quickly.
//
//	var b blur.Blurrer // one a goroutine, kept between images
//	err := b.OpenCV(dst, src, w, h, 3, blur.Gaussian{SigmaX: 2})
//	err = b.Pillow(dst, src, w, h, 3, 10, 10)
//	b.Gaussian3(smooth, difference, w, h)
//
// Images are h rows of w pixels of the given number of channels, without
// padding.
//
// Guarantees: OpenCV equals cv2.GaussianBlur of OpenCV 5 with its default
// border, Pillow and PillowBox equal ImageFilter.GaussianBlur and BoxBlur of
// Pillow 13, for every size and radius. Sums are in integers. A Blurrer whose
// sizes repeat or shrink allocates nothing but the weights of OpenCV's kernel.
//
// Caveats: destination and source must not overlap. OpenCV's time grows with its
// kernel; Pillow's does not depend on the radius. A slice that is shorter than
// the sizes say is a caller's bug and panics.
package blur
