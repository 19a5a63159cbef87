// Package resize scales 8-bit images and float32 planes with the filters of
// Pillow, antialiased, in two passes.
//
//	var r resize.Resizer // one a goroutine, kept between images
//	dst := raster.NewRGB(341, 256)
//	r.RGB(dst, src, resize.Options{Filter: resize.Lanczos3})
//
// Planes resizes a decoded JPEG's three planes as they are, half the samples of
// RGB, and keeps the chroma where it belongs:
//
//	raster.ResetPlanes(small, 341, 256, image.YCbCrSubsampleRatio420)
//	r.Planes(small, decoded, resize.Options{})
//
// The arithmetic is Pillow's: coefficients are evaluated in float64, normalised,
// rounded to 22 fraction bits; a sum starts at one half, loses its fraction and
// is clipped to 8 bits after each pass. An antialiased filter is stretched by
// the factor that the image shrinks by.
//
// Guarantees: for 8-bit samples every result equals that of Pillow 13, for any
// size, filter and box; the portable form and the AVX2 form are equal too. A
// Resizer whose sizes repeat or shrink allocates nothing. Nothing outside the
// rows of dst is written, padding between them included.
//
// Caveats: Pillow before 13 always ran the horizontal pass first, so its result
// can be one level off where the height shrinks much more than the width.
// Float32 equals Pillow up to the last bits of its sine, for Hamming and
// Lanczos3. A box reads the samples around it too; to resize a crop as if there
// was nothing else, crop first. Alpha needs premultiplied samples.
package resize

//go:generate go run ./asm -out kernels_amd64.s -stubs kernels_amd64.go -pkg resize
