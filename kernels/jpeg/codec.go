package jpeg

import (
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/png"
	"sync"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Codec names the bits that decoding and encoding give here: "libjpeg-turbo/",
// whose bits they are, and eight hex digits of a fingerprint of what becomes of a
// fixed picture on every path: files from planes and from RGB, planes and RGB from
// files, PNG. It is the same name whether libturbojpeg or this package serves.
func Codec() string { return codec() }

var codec = sync.OnceValue(func() string { return fingerprint(false) })

// Library tells where libturbojpeg was found and which API it has ("2.x",
// "3.x"). Without one path is empty and detail says why.
func Library() (path, detail string) {
	lib, reason := library()
	if lib == nil {
		return "", reason
	}
	return lib.path, lib.version
}

// fingerprint is Codec of the codec in use, or of this package's own.
func fingerprint(own bool) string {
	hash := sha256.New()
	// A path that fails leaves its error in the hash: such a codec must not
	// bear the name of one that works.
	note := func(err error) {
		if err != nil {
			hash.Write([]byte(err.Error()))
		}
	}
	dec, enc := &Decoder{own: own}, &Encoder{own: own}
	defer dec.Close()
	defer enc.Close()
	for _, file := range fingerprintFiles(enc, note) {
		hash.Write(file)
		var planes image.YCbCr
		var rgb raster.RGB
		note(dec.Planes(&planes, file))
		for _, p := range [][]byte{planes.Y, planes.Cb, planes.Cr} {
			hash.Write(p)
		}
		note(dec.RGB(&rgb, file))
		hash.Write(rgb.Pix)
	}
	note(png.Encode(hash, image.NewGray(image.Rect(0, 0, 16, 16))))
	return "libjpeg-turbo/" + hex.EncodeToString(hash.Sum(nil)[:4])
}

// fingerprintFiles encodes a picture of smooth and rough parts, odd in size.
func fingerprintFiles(enc *Encoder, note func(error)) [][]byte {
	const w, h = 51, 37
	rgb := raster.NewRGB(w, h)
	state := uint32(1)
	for i := range rgb.Pix {
		state = state*1664525 + 1013904223
		x, y := i/3%w, i/3/w
		rgb.Pix[i] = byte(5*x + (i%3+1)*y*2)
		if x > w/2 {
			rgb.Pix[i] = byte(state >> 24)
		}
	}
	var planes image.YCbCr
	raster.ToPlanes(&planes, rgb, image.YCbCrSubsampleRatio420)
	a, err := enc.Planes(nil, &planes, 90)
	note(err)
	b, err := enc.RGB(nil, rgb, 75, image.YCbCrSubsampleRatio420)
	note(err)
	c, err := enc.RGB(nil, rgb, 95, image.YCbCrSubsampleRatio422)
	note(err)
	d, err := enc.RGB(nil, rgb, 95, image.YCbCrSubsampleRatio444)
	note(err)
	return [][]byte{a, b, c, d}
}
