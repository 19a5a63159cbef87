// Package raster holds decoded 8-bit images and moves their pixels: crops,
// padding, EXIF orientations and the conversions between RGB, luma and YCbCr
// planes. What filters pixels is in kernels/resize and kernels/blur.
//
//	var planes image.YCbCr
//	raster.ToPlanes(&planes, rgb, image.YCbCrSubsampleRatio420)
//	raster.Crop(dst, rgb, x, y, raster.Color{})
//
// Guarantees: results depend on the arguments alone. Crop, FitBox, Orient and
// Luma equal Pillow 13; the colour conversions are those of JFIF 1.02 in
// libjpeg's 16-bit fixed point, and chroma is averaged with libjpeg's
// alternating rounding. Destinations keep their buffers when these are large
// enough, so that a loop over images does not allocate.
//
// Caveats: ToRGB repeats chroma samples over the pixels that they stand for,
// where libjpeg's default interpolates between them. Source and destination of
// one call must not share memory. An image whose Pix is shorter than its size
// says is a caller's bug and panics.
package raster
