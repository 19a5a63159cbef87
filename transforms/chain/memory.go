package chain

import (
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/picture"
)

// Bytes a pixel that decoding takes beside the three of its result: libjpeg
// holds the coefficients of a progressive file, and the inks of a print; Go's
// codecs hold a picture of their own, of 16 bits a sample at most, and 32-bit
// coefficients.
const (
	nativeProgressive = 6
	nativeInks        = 4
	goBaseline        = 6
	goProgressive     = 18
	goInks            = 8
	otherFormats      = 8
)

// pixelBytes bounds the pixels held at a time: what decoding takes, and the two
// buffers that the steps go to and fro between.
func (w *Worker) pixelBytes() int64 {
	// Decoders fill whole blocks, up to 32 x 16 pixels.
	source := area((w.info.Width+31)&^31, (w.info.Height+15)&^15)
	here, there := source, int64(0)
	iw, ih := w.info.Width, w.info.Height
	for _, s := range w.chain.steps {
		if ow, oh, ok := s.target(iw, ih); ok && (ow != iw || oh != ih) {
			iw, ih = ow, oh
			here, there = max(there, area(iw, ih)), here
		}
	}
	scratch, untouched := w.decoding()
	if there == 0 && !untouched { // the turned image, or one of other chroma
		there = here
	}
	return 3*(here+there) + scratch*source
}

// decoding returns the bytes a pixel that decoding takes beside its result, and
// whether that goes to the encoder as it is unless a step changes its size.
func (w *Worker) decoding() (scratch int64, untouched bool) {
	keep := w.chain.Keep()
	if w.info.Format != picture.JPEG || w.info.Gzip {
		return otherFormats, true
	}
	j, err := jpeg.ReadInfo(w.data)
	if err != nil {
		return otherFormats, true // Decode will tell
	}
	turned := !keep && w.chain.steps[0].arg("orient").b && j.Orientation > 1
	untouched = keep || !turned && (!w.planar || j.Subsampling == w.chain.subsampling())
	path, _ := jpeg.Library()
	native := path != ""
	switch {
	case j.Components == 4 && native:
		scratch = nativeInks
	case j.Components == 4:
		scratch = goInks
	case !native && !j.Progressive:
		scratch = goBaseline
	case !native:
		scratch = goProgressive
	}
	if native && j.Progressive {
		scratch += nativeProgressive / 3 * int64(j.Components)
	}
	return scratch, untouched
}

func area(w, h int) int64 { return int64(w) * int64(h) }
