// Package chain is the transform chain of a recipe: what happens to an image and
// its annotations between the source and the shard.
//
//	decode | resize(short=256, filter=bicubic) | center_crop(224) | encode(jpeg, quality=90)
//	keep
//
// Parse reads the text strictly; String prints the canonical form, every argument
// spelled out, which is what a recipe's hash covers. A Worker applies a chain to
// one example after another; boxes, polygons and run-length masks follow the
// pixels.
//
// Guarantees: the result depends on the chain, the image's bytes and the codec
// alone. A Worker reuses its buffers: it allocates what the result holds and, in
// steady state, nothing else that grows with the image.
//
// Caveats: a chain of decode, resize and encode(jpeg) works on the YCbCr planes
// of the file, so that chroma is never brought to full resolution and back; any
// other chain works on RGB. Orientation tags are not applied unless decode says
// orient=true, because published boxes and labels refer to the stored raster.
// Coordinates that a chain changes are rounded to a thousandth of a pixel.
package chain
