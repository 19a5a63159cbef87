package jpeg

import "github.com/tailorbird/tailorbird/internal/fault"

// Limits on files of several scans. Encoders write about ten; each costs a pass
// over every coefficient however few bytes it has.
const (
	maxScans      = 500
	maxScanBlocks = 1 << 30 // scans x blocks of 8x8 samples
)

// scans is what the scan headers of a file say.
type scans struct {
	n        int
	end      bool // the end marker is there
	complete bool // every coefficient of every component has been sent to its last bit
}

// readScans walks over all markers of a file from its first scan on. Entropy
// data is passed over, not decoded. A file that breaks off is no error here.
func readScans(data []byte, info *Info) (scans, error) {
	var (
		sc   scans
		bits [4][64]int8 // bits still to come of each coefficient, plus one; 0: nothing has come yet
	)
	for at := info.scanOffset; ; {
		s, err := nextSegment(data, at)
		if err != nil || s.marker == mEOI {
			sc.end = err == nil
			sc.complete = allSent(bits[:info.Components])
			return sc, nil
		}
		if at = s.end; s.marker != mSOS {
			continue
		}
		if sc.n++; sc.n > maxScans {
			return sc, fault.At(fault.New(fault.TooLarge, "jpeg: more than %d scans", maxScans), fault.Offset("", int64(s.offset)))
		}
		if err := info.scan(s, &bits); err != nil {
			return sc, err
		}
		at = skipEntropy(data, at)
		blocks := (int64(info.Width) + 7) / 8 * ((int64(info.Height) + 7) / 8)
		if int64(sc.n)*blocks > maxScanBlocks {
			return sc, fault.New(fault.TooLarge, "jpeg: %d scans of %dx%d pixels", sc.n, info.Width, info.Height)
		}
	}
}

// scan notes what a scan header (T.81 B.2.3) announces.
func (info *Info) scan(s segment, bits *[4][64]int8) error {
	b := s.body
	if len(b) < 1 || len(b) != 4+2*int(b[0]) {
		return corruptAt(s.offset, "scan header of %d bytes", len(b))
	}
	n := int(b[0])
	first, last, low := int(b[1+2*n]), int(b[2+2*n]), int8(b[3+2*n]&15)
	if !info.Progressive {
		first, last, low = 0, 63, 0
	}
	if first > last || last > 63 {
		return corruptAt(s.offset, "scan of coefficients %d to %d", first, last)
	}
	for i := range n {
		for c := range info.Components {
			if info.ids[c] != b[1+2*i] {
				continue
			}
			for k := first; k <= last; k++ {
				bits[c][k] = low + 1
			}
		}
	}
	return nil
}

func allSent(bits [][64]int8) bool {
	for c := range bits {
		for _, b := range bits[c] {
			if b != 1 {
				return false
			}
		}
	}
	return true
}
