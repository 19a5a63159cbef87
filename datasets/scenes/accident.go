package scenes

import (
	"bytes"
	"image/jpeg"
	"image/png"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// accident is one way in which an example is not as it should be.
type accident int

const (
	truncated accident = iota
	empty
	page
	renamedPNG
	bomb
	missing
	outside // the annotation, not the image
	accidents
)

var accidentTable = [accidents]struct {
	what   string
	reason fault.Code
}{
	truncated:  {"a JPEG that is cut short", fault.Corrupt},
	empty:      {"an empty file", fault.Corrupt},
	page:       {"an HTML page under an image's name", fault.Unsupported},
	renamedPNG: {"a PNG under a JPEG's name", ""},
	bomb:       {"a header that claims 65535 x 65535 pixels", fault.TooLarge},
	missing:    {"a missing file", fault.NotFound},
	outside:    {"an annotation outside the image", fault.InvalidAnnotation},
}

// accidentOf returns the accident of the i-th of n images: the last ones have them.
func accidentOf(i, n int) (accident, bool) {
	a := accident(i - (n - int(accidents)))
	return a, a >= 0
}

func (a accident) planted(key string) Planted {
	return Planted{Key: key, What: accidentTable[a].what, Reason: accidentTable[a].reason}
}

// spoil does to an encoded image what the accident does; nil where there is to
// be no file.
func (d *drawing) spoil(a accident, data []byte) []byte {
	switch a {
	case truncated:
		return data[:len(data)*3/5]
	case empty:
		return []byte{}
	case page:
		return []byte("<!DOCTYPE html>\n<html><head><title>Quota exceeded</title></head>\n<body><p>Too many users have viewed or downloaded this file recently.</p></body></html>\n")
	case renamedPNG:
		return d.asPNG(data)
	case bomb:
		return claimLarge(data)
	case missing:
		return nil
	}
	return data
}

func (d *drawing) asPNG(data []byte) []byte {
	m, err := jpeg.Decode(bytes.NewReader(data))
	var b bytes.Buffer
	if err == nil {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m)
	}
	if err != nil && d.err == nil {
		d.err = err
	}
	return b.Bytes()
}

// claimLarge writes the largest size that JPEG can state into the frame header
// (marker FFC0: two bytes of length, one of precision, height, width).
func claimLarge(data []byte) []byte {
	out := bytes.Clone(data)
	if i := bytes.Index(out, []byte{0xff, 0xc0}); i >= 0 && i+9 <= len(out) {
		copy(out[i+5:], []byte{0xff, 0xff, 0xff, 0xff})
	}
	return out
}

// place writes the images of a COCO-like set under the names that name gives.
func (d *drawing) place(pics []*picture, name func(*picture) string) []Planted {
	var planted []Planted
	for i, p := range pics {
		data := p.jpeg
		if a, ok := accidentOf(i, len(pics)); ok {
			planted = append(planted, a.planted(keyOf(p.id)))
			data = d.spoil(a, data)
		}
		if data != nil {
			d.write(name(p), data)
		}
	}
	return planted
}
