package jpeg

// The repairs of a file that has all of its pixels but that a codec refuses.
// Each appends the repaired file to dst; none changes data.

// withEnd adds the end marker.
func withEnd(dst, data []byte) []byte {
	return append(append(dst, data...), 0xFF, mEOI)
}

// withHeight writes the height that a DNL segment gave into the frame header.
func withHeight(dst, data []byte, info *Info) []byte {
	at := len(dst) + info.sofOffset
	dst = append(dst, data...)
	dst[at+1], dst[at+2] = byte(info.Height>>8), byte(info.Height)
	return dst
}

// withoutUnknown leaves out the segments that libjpeg does not know, and
// whatever follows the end marker.
func withoutUnknown(dst, data []byte) []byte {
	dst = append(dst, data[:2]...)
	for at := 2; ; {
		s, err := nextSegment(data, at)
		if err != nil {
			return append(dst, data[at:]...)
		}
		at = s.end
		if s.marker == mSOS {
			at = skipEntropy(data, at)
		}
		if known(s.marker) {
			dst = append(dst, data[s.offset:at]...)
		}
		if s.marker == mEOI {
			return dst
		}
	}
}

func known(m byte) bool {
	switch m {
	case mSOF0, mSOF1, mSOF2, mDHT, mDQT, mDRI, mSOS, mEOI, mCOM:
		return true
	}
	return m >= mAPP0 && m <= mAPP15
}
