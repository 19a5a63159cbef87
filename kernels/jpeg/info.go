package jpeg

import (
	"bytes"
	"image"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Kind is what the components of a file mean.
type Kind uint8

// The kinds, told apart by libjpeg's rules: JFIF says YCbCr, else Adobe's
// transform decides, else the component ids.
const (
	Grey Kind = iota
	YCbCr
	RGB
	CMYK
	YCCK
)

func (k Kind) String() string {
	return [...]string{"grey", "YCbCr", "RGB", "CMYK", "YCCK"}[k]
}

// Info is what the header of a file says, up to its first scan.
type Info struct {
	Width, Height  int // of the stored raster, 1..65535, before Orientation
	Components     int // 1, 3 or 4
	Kind           Kind
	Subsampling    image.YCbCrSubsampleRatio // of chroma; for Planar files only
	Progressive    bool
	Precision      int // bits a sample: 8
	Orientation    int // EXIF's, 1..8; 1 where absent or broken
	HasJFIF        bool
	HasAdobe       bool
	AdobeTransform int // of HasAdobe: 0 none, 1 YCbCr, 2 YCCK

	planar     bool
	ids        [4]byte // component ids
	scanOffset int     // of the first SOS marker
	sofOffset  int     // of the frame header's parameters
	interleave bool    // the first scan holds every component
	partial    bool    // bits of coefficients were left out; known to prepare
}

// Planar reports whether Decoder.Planes takes the file: grey, or YCbCr with
// 4:4:4, 4:2:2, 4:4:0, 4:2:0 or 4:1:1 chroma.
func (info *Info) Planar() bool { return info.planar }

// ReadInfo reads the header of a JPEG file (ITU-T T.81 annex B). Work is linear
// in the bytes before the first scan and nothing is allocated in proportion to
// the picture. Broken headers are fault.Corrupt with the byte offset; 12-bit,
// lossless, hierarchical and arithmetic-coded files are fault.Unsupported.
func ReadInfo(data []byte) (Info, error) {
	info := Info{Orientation: 1}
	if len(data) < 2 || data[0] != 0xFF || data[1] != mSOI {
		return info, corruptAt(0, "no start-of-image marker")
	}
	for at := 2; ; {
		s, err := nextSegment(data, at)
		if err != nil {
			return info, err
		}
		if at = s.end; s.marker == mSOS {
			return info, info.firstScan(data, s)
		}
		if err := info.header(s); err != nil {
			return info, err
		}
	}
}

// header takes in a segment before the first scan.
func (info *Info) header(s segment) error {
	switch m := s.marker; {
	case m == mSOI:
		return corruptAt(s.offset, "a second start-of-image marker")
	case m == mEOI:
		return corruptAt(s.offset, "the image ends before its first scan")
	case m == mDAC:
		return unsupportedAt(s.offset, "arithmetic coding")
	case m >= mSOF0 && m <= mSOF15 && m != mDHT && m != mJPG:
		return info.frame(s)
	case m == mAPP0 && bytes.HasPrefix(s.body, []byte("JFIF\x00")) && len(s.body) >= 14:
		info.HasJFIF = true
	case m == mAPP1 && info.Orientation == 1:
		info.Orientation = exifOrientation(s.body)
	case m == mAPP14 && bytes.HasPrefix(s.body, []byte("Adobe")) && len(s.body) >= 12:
		info.HasAdobe, info.AdobeTransform = true, int(s.body[11])
	}
	return nil
}

// frame takes in a frame header (T.81 B.2.2).
func (info *Info) frame(s segment) error {
	b := s.body
	switch m := s.marker; {
	case m >= 0xC9:
		return unsupportedAt(s.offset, "arithmetic coding (frame type SOF%d)", m-mSOF0)
	case m > mSOF2:
		return unsupportedAt(s.offset, "lossless or hierarchical frame (SOF%d)", m-mSOF0)
	case info.Components != 0:
		return corruptAt(s.offset, "a second frame header")
	case len(b) < 6 || len(b) != 6+3*int(b[5]):
		return corruptAt(s.offset, "frame header of %d bytes", len(b))
	case b[0] != 8:
		return unsupportedAt(s.offset, "%d-bit samples", b[0])
	}
	info.Precision = int(b[0])
	info.Height, info.Width = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	info.Components = int(b[5])
	info.Progressive = s.marker == mSOF2
	info.sofOffset = s.end - len(b)
	if info.Width == 0 {
		return corruptAt(s.offset, "width 0")
	}
	if n := info.Components; n != 1 && n != 3 && n != 4 {
		return unsupportedAt(s.offset, "%d components", n)
	}
	var h, v [4]int
	for c := range info.Components {
		info.ids[c] = b[6+3*c]
		h[c], v[c] = int(b[7+3*c]>>4), int(b[7+3*c]&15)
		if h[c] < 1 || h[c] > 4 || v[c] < 1 || v[c] > 4 {
			return corruptAt(s.offset, "component %d has sampling factors %dx%d", c, h[c], v[c])
		}
	}
	info.Subsampling, info.planar = chroma(info.Components, h, v)
	return nil
}

// chroma names the subsampling of a frame's factors, and reports whether it is
// one that planes can be decoded to.
func chroma(components int, h, v [4]int) (image.YCbCrSubsampleRatio, bool) {
	if components == 1 {
		return image.YCbCrSubsampleRatio420, true
	}
	if components != 3 || h[1] != 1 || v[1] != 1 || h[2] != 1 || v[2] != 1 {
		// Equal factors larger than one also mean 4:4:4, but libjpeg and
		// image/jpeg disagree on which others do: those go through RGB.
		return image.YCbCrSubsampleRatio444, false
	}
	switch [2]int{h[0], v[0]} {
	case [2]int{1, 1}:
		return image.YCbCrSubsampleRatio444, true
	case [2]int{2, 1}:
		return image.YCbCrSubsampleRatio422, true
	case [2]int{1, 2}:
		return image.YCbCrSubsampleRatio440, true
	case [2]int{2, 2}:
		return image.YCbCrSubsampleRatio420, true
	case [2]int{4, 1}:
		return image.YCbCrSubsampleRatio411, true
	}
	return image.YCbCrSubsampleRatio444, false
}

// firstScan completes info at the first scan header.
func (info *Info) firstScan(data []byte, s segment) error {
	if info.Components == 0 {
		return corruptAt(s.offset, "a scan before any frame header")
	}
	if len(s.body) == 0 {
		return corruptAt(s.offset, "empty scan header")
	}
	info.scanOffset = s.offset
	info.interleave = int(s.body[0]) == info.Components
	info.Kind = info.kind()
	info.planar = info.planar && info.Kind <= YCbCr
	if info.Height == 0 { // to be given by a DNL segment after the first scan (T.81 B.2.5)
		dnl, err := nextSegment(data, skipEntropy(data, s.end))
		if err != nil || dnl.marker != mDNL || len(dnl.body) != 2 {
			return corruptAt(info.sofOffset, "height 0")
		}
		info.Height = int(dnl.body[0])<<8 | int(dnl.body[1])
		if info.Height == 0 {
			return corruptAt(dnl.offset, "height 0")
		}
	}
	return nil
}

// kind is libjpeg's guess of the colour space (default_decompress_parms).
func (info *Info) kind() Kind {
	switch {
	case info.Components == 1:
		return Grey
	case info.Components == 4:
		if info.HasAdobe && info.AdobeTransform != 0 {
			return YCCK
		}
		return CMYK
	case info.HasJFIF:
		return YCbCr
	case info.HasAdobe:
		if info.AdobeTransform == 0 {
			return RGB
		}
		return YCbCr
	case info.ids[0] == 'R' && info.ids[1] == 'G' && info.ids[2] == 'B':
		return RGB
	}
	return YCbCr
}

// maxSide is libjpeg's limit on a side, in pixels, below the format's 65535.
const maxSide = 65500

// check refuses a picture over maxPixels and one that its bytes cannot hold.
func (info *Info) check(data []byte, maxPixels int64) error {
	pixels := int64(info.Width) * int64(info.Height)
	if info.Width > maxSide || info.Height > maxSide {
		return fault.New(fault.TooLarge, "jpeg: %dx%d has a side over %d pixels", info.Width, info.Height, maxSide)
	}
	if pixels > maxPixels {
		return fault.New(fault.TooLarge, "jpeg: %dx%d is more than %d pixels", info.Width, info.Height, maxPixels)
	}
	// A Huffman code has at least one bit, and every block of a component needs
	// one for its DC coefficient. Luma that chroma is coarser than has a block
	// for each 8x8 pixels; of other files one component has one for 32x32.
	unit := 32
	if info.planar || info.Components == 1 {
		unit = 8
	}
	blocks := int64((info.Width+unit-1)/unit) * int64((info.Height+unit-1)/unit)
	if need := blocks / 8; need > int64(len(data)-info.scanOffset) {
		return corruptAt(len(data), "%d bytes of scans cannot hold %dx%d pixels", len(data)-info.scanOffset, info.Width, info.Height)
	}
	return nil
}
