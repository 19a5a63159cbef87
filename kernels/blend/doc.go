// Package blend puts cut-out objects into images: as they are, with a feathered
// edge, or in the gradient domain.
//
//	var b blend.Blender // one a goroutine, kept between images
//	err := b.Feather(image, &cutout.Image, &cutout.Mask, x, y, 2)
//	err = b.Poisson(image, &cutout.Image, &cutout.Mask, x, y, blend.Normal)
//
// A Resampler scales and mirrors cut-outs first, without their background
// bleeding into them.
//
// Guarantees: Hard, Feather and Poisson change no pixel outside the mask, and
// parts that fall outside the image are left out. SeamlessClone follows OpenCV's
// rule to the rounding of its single precision, which is one level. Results depend
// on the arguments alone and are the same on every architecture. A call allocates
// nothing once sizes repeat or shrink; SeamlessClone's tables are for one width.
//
// Caveats: Poisson fits the source's colours to the base along the mask's edge. A
// mask that ends at the object's outline compares the object with the base there
// and tints it: dilate the mask by a few pixels, over the source's own background,
// as one would for OpenCV. Its solution is iterated until it is within a fraction
// of a level. Arguments must not share memory.
package blend
