package jpeg

import (
	"bytes"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Marker codes of ITU-T T.81, table B.1.
const (
	mSOF0  = 0xC0
	mSOF1  = 0xC1
	mSOF2  = 0xC2
	mDHT   = 0xC4
	mJPG   = 0xC8
	mDAC   = 0xCC
	mSOF15 = 0xCF
	mRST0  = 0xD0
	mRST7  = 0xD7
	mSOI   = 0xD8
	mEOI   = 0xD9
	mSOS   = 0xDA
	mDQT   = 0xDB
	mDNL   = 0xDC
	mDRI   = 0xDD
	mAPP0  = 0xE0
	mAPP1  = 0xE1
	mAPP14 = 0xEE
	mAPP15 = 0xEF
	mCOM   = 0xFE
	mTEM   = 0x01
)

// segment is one marker with its parameters.
type segment struct {
	marker byte
	offset int    // of the marker's first FF
	body   []byte // parameters without the length; nil for a marker that stands alone
	end    int    // offset of the byte after the segment
}

// nextSegment finds the first marker at or after offset at. Bytes before it
// that are not a marker are passed over, as libjpeg does.
func nextSegment(data []byte, at int) (segment, error) {
	for {
		i := bytes.IndexByte(data[at:], 0xFF)
		if i < 0 {
			return segment{}, corruptAt(len(data), "the file ends where a marker should be")
		}
		s := segment{offset: at + i}
		for at += i; at < len(data) && data[at] == 0xFF; at++ { // fill bytes
		}
		if at == len(data) {
			return segment{}, corruptAt(at, "the file ends inside a marker")
		}
		s.marker = data[at]
		at++
		s.end = at
		switch {
		case s.marker == 0: // a stuffed byte, left over from a scan
			continue
		case s.marker == mTEM, s.marker >= mRST0 && s.marker <= mEOI:
			return s, nil
		}
		if len(data)-at < 2 {
			return s, corruptAt(len(data), "the file ends inside a segment")
		}
		n := int(data[at])<<8 | int(data[at+1])
		if n < 2 {
			return s, corruptAt(at, "segment FF%02X has length %d", s.marker, n)
		}
		if n > len(data)-at {
			return s, corruptAt(len(data), "the file ends inside segment FF%02X of byte %d", s.marker, s.offset)
		}
		s.body, s.end = data[at+2:at+n], at+n
		return s, nil
	}
}

// skipEntropy returns the offset of the first marker at or after at that ends
// entropy-coded data: stuffed zeros and restart markers belong to it.
func skipEntropy(data []byte, at int) int {
	for {
		i := bytes.IndexByte(data[at:], 0xFF)
		if i < 0 || at+i+1 >= len(data) {
			return len(data)
		}
		at += i
		switch m := data[at+1]; {
		case m == 0, m >= mRST0 && m <= mRST7:
			at += 2
		case m == 0xFF:
			at++
		default:
			return at
		}
	}
}

// corruptAt is a fault.Corrupt at byte off of the file.
func corruptAt(off int, format string, args ...any) error {
	return fault.At(fault.New(fault.Corrupt, "jpeg: "+format, args...), fault.Offset("", int64(off)))
}

func unsupportedAt(off int, format string, args ...any) error {
	return fault.At(fault.New(fault.Unsupported, "jpeg: "+format, args...), fault.Offset("", int64(off)))
}
