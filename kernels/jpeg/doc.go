// Package jpeg decodes JPEG files to planes or RGB and encodes them again.
//
// It uses libturbojpeg, found when the program runs and loaded without cgo, and
// Go's image/jpeg where that library is not there or TAILORBIRD_NATIVE=off is
// in the environment. Codec names what is in use: two codecs whose bits differ
// have different names, and a build never mixes them.
//
//	dec, enc := jpeg.NewDecoder(), jpeg.NewEncoder()
//	defer dec.Close()
//	defer enc.Close()
//	var planes image.YCbCr
//	if err := dec.Planes(&planes, data); err != nil {
//		return err
//	}
//	out, err := enc.Planes(out[:0], &planes, 90)
//
// Guarantees:
//   - A decoded picture is complete. A file that ends early or whose entropy
//     data is damaged where libjpeg can notice is fault.Corrupt, never a grey
//     half. What costs no pixel is forgiven: stray bytes before a marker, fill
//     bytes, anything after the end, a missing end marker, a broken EXIF block.
//   - The size is read and checked against Decoder.MaxPixels, and against what
//     the file's bytes can hold at all, before memory is asked for.
//   - Memory comes from the caller's buffers and the coder's own scratch, so in
//     steady state libturbojpeg allocates nothing on Go's heap. Go's codec does.
//   - With libturbojpeg, RGB gives the samples of Pillow's convert("RGB"):
//     accurate integer DCT, triangle-filtered chroma, CMYK by Pillow's rule.
//
// Caveats: Go's codec writes 4:2:0 whatever subsampling is asked for, and its
// pixels differ from libturbojpeg's by a few levels. Arithmetic coding, lossless
// and 12-bit files are fault.Unsupported in both, sides over 65500 pixels
// fault.TooLarge. A Decoder or an Encoder serves one goroutine at a time.
package jpeg
