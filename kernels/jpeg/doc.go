// Package jpeg decodes JPEG files to planes or RGB and encodes them again.
//
// Decoder and encoder are this package's own, baseline and progressive, with AVX2
// assembly for the transforms and a portable form of it; libturbojpeg, found when
// the program runs and loaded without cgo, serves where it is there, unless
// TAILORBIRD_NATIVE=off is in the environment. Both give the same bits: those of
// libjpeg-turbo with the accurate integer DCT. Codec is the name of these bits.
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
//   - Memory comes from the caller's buffers and the coder's own scratch: steady
//     state allocates nothing.
//   - RGB gives the samples of Pillow's convert("RGB"): accurate integer DCT,
//     triangle-filtered chroma, CMYK by Pillow's rule.
//
// Caveats: arithmetic coding, lossless and 12-bit files are fault.Unsupported,
// sides over 65500 pixels fault.TooLarge. A progressive file that leaves out bits of
// its coefficients on purpose is decoded as it is, without libjpeg's smoothing
// between blocks, whichever codec serves. Files of sampling factors that do not
// divide each other are fault.Unsupported. A Decoder or an Encoder serves one
// goroutine at a time.
package jpeg

//go:generate go run ./asm -out dct_amd64.s -stubs dct_amd64.go -pkg jpeg
