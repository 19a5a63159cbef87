// Package picture reads an encoded image of any kind that the datasets hold:
// JPEG, PNG, GIF, BMP, WebP, and those wrapped in gzip. What a file is follows
// from its bytes, never from its name: ImageNet has a PNG named .JPEG.
//
//	dec := picture.NewDecoder(picture.Limits{})
//	defer dec.Close()
//	var rgb raster.RGB
//	if err := dec.RGB(&rgb, data); err != nil {
//		return err // fault.Corrupt, Unsupported or TooLarge
//	}
//
// Guarantees:
//   - Pixels are those of Pillow's Image.open(file).convert("RGB"): alpha is
//     dropped, not composited; palettes and greys become colours; of 16-bit
//     samples the high byte stays (of grey ones Pillow clips instead); of an
//     animation the first frame is taken. JPEG as package jpeg promises.
//   - The header is checked against Limits, and against what the file's bytes
//     can hold at all, before memory is asked for.
//   - A file that is not whole is fault.Corrupt. Damage never panics.
//
// Caveats: the orientation tag is reported, not applied (raster.Orient does
// that), and read from JPEG only. An animated WebP is fault.Unsupported. Only
// the JPEG path runs without allocating; the other kinds are rare in datasets.
package picture
