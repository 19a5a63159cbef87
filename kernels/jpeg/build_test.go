package jpeg

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// forEachCodec runs test with libturbojpeg, where it is, and with our own codec.
func forEachCodec(t *testing.T, test func(t *testing.T, d *Decoder, e *Encoder)) {
	t.Helper()
	for _, own := range []bool{false, true} {
		name := "turbo"
		if own {
			name = "own"
		} else if lib, reason := library(); lib == nil {
			t.Logf("without libturbojpeg: %s", reason)
			continue
		}
		t.Run(name, func(t *testing.T) {
			d, e := &Decoder{own: own}, &Encoder{own: own}
			defer d.Close()
			defer e.Close()
			test(t, d, e)
		})
	}
}

// scene returns a w x h picture of slopes with a rough right half.
func scene(w, h int) *raster.RGB {
	m := raster.NewRGB(w, h)
	state := uint32(7)
	for i := range m.Pix {
		x, y, c := i/3%w, i/3/w, i%3
		m.Pix[i] = byte(40 + (3+c)*x + 4*y)
		if state = state*1664525 + 1013904223; 2*x > w {
			m.Pix[i] += byte(state >> 26)
		}
	}
	return m
}

// baseline encodes a scene with image/jpeg: one interleaved 4:2:0 scan.
func baseline(t testing.TB, w, h int) []byte {
	t.Helper()
	var planes image.YCbCr
	raster.ToPlanes(&planes, scene(w, h), image.YCbCrSubsampleRatio420)
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, &planes, &stdjpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// component is one component of a built file.
type component struct {
	id, h, v byte
}

// build makes a sequential w x h file with one scan a component, of any
// sampling factors: the scans are those of grey files. greys returns these.
func build(t testing.TB, w, h int, extra []byte, components ...component) (file []byte, greys [][]byte) {
	t.Helper()
	maxH, maxV := byte(1), byte(1)
	for _, c := range components {
		maxH, maxV = max(maxH, c.h), max(maxV, c.v)
	}
	frame := []byte{0xFF, mSOF0, 0, byte(8 + 3*len(components)), 8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(len(components))}
	var scans, tables []byte
	for i, c := range components {
		frame = append(frame, c.id, c.h<<4|c.v, 0)
		cw, ch := (w*int(c.h)+int(maxH)-1)/int(maxH), (h*int(c.v)+int(maxV)-1)/int(maxV)
		grey := image.NewGray(image.Rect(0, 0, cw, ch))
		pixels := scene(cw, ch).Pix
		for at := range grey.Pix {
			grey.Pix[at] = pixels[3*at+i%3]
		}
		var b bytes.Buffer
		if err := stdjpeg.Encode(&b, grey, &stdjpeg.Options{Quality: 85}); err != nil {
			t.Fatal(err)
		}
		greys = append(greys, b.Bytes())
		tables = append(segmentsOf(t, b.Bytes(), mDQT), segmentsOf(t, b.Bytes(), mDHT)...)
		info, err := ReadInfo(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		sos, err := nextSegment(b.Bytes(), info.scanOffset)
		if err != nil {
			t.Fatal(err)
		}
		scans = append(scans, 0xFF, mSOS, 0, 8, 1, c.id, 0, 0, 63, 0)
		scans = append(scans, b.Bytes()[sos.end:b.Len()-2]...)
	}
	file = append([]byte{0xFF, mSOI}, extra...)
	file = append(append(append(file, tables...), frame...), scans...)
	return append(file, 0xFF, mEOI), greys
}

// segmentsOf returns the segments of one kind before the first scan.
func segmentsOf(t testing.TB, file []byte, marker byte) (out []byte) {
	t.Helper()
	for at := 2; ; {
		s, err := nextSegment(file, at)
		if err != nil {
			t.Fatal(err)
		}
		if at = s.end; s.marker == mSOS {
			return out
		}
		if s.marker == marker {
			out = append(out, file[s.offset:s.end]...)
		}
	}
}

// insert puts bytes at an offset; from the end where that is negative.
func insert(file []byte, at int, b ...byte) []byte {
	if at < 0 {
		at += len(file)
	}
	return append(append(append([]byte(nil), file[:at]...), b...), file[at:]...)
}

// edit changes a copy.
func edit(file []byte, change func(b []byte)) []byte {
	b := append([]byte(nil), file...)
	change(b)
	return b
}

// seg makes a segment.
func seg(marker byte, body string) []byte {
	n := len(body) + 2
	return append([]byte{0xFF, marker, byte(n >> 8), byte(n)}, body...)
}

// frameOf returns the offset of the frame header's parameters.
func frameOf(t testing.TB, file []byte) int {
	t.Helper()
	info, err := ReadInfo(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.sofOffset
}

// withIDs renames the components in the frame and scan headers.
func withIDs(t testing.TB, file []byte, ids string) []byte {
	at := frameOf(t, file)
	info, _ := ReadInfo(file)
	return edit(file, func(b []byte) {
		for i := range len(ids) {
			b[at+6+3*i] = ids[i]
			b[info.scanOffset+5+2*i] = ids[i]
		}
	})
}

const (
	jfif       = "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"
	adobeNone  = "Adobe\x00\x64\x00\x00\x00\x00\x00"
	adobeYCbCr = "Adobe\x00\x64\x00\x00\x00\x00\x01"
	adobeYCCK  = "Adobe\x00\x64\x00\x00\x00\x00\x02"
)
