package jpeg

import "image"

// The numbers of turbojpeg.h.
const (
	tjRGB  = 0  // TJPF_RGB
	tjCMYK = 11 // TJPF_CMYK

	tjNoRealloc   = 1024 // TJFLAG_NOREALLOC
	tjAccurateDCT = 4096 // TJFLAG_ACCURATEDCT

	tjGrey = 3 // TJSAMP_GRAY
)

// tjSubsampling holds the TJSAMP code of each ratio that TurboJPEG writes.
var tjSubsampling = map[image.YCbCrSubsampleRatio]uintptr{
	image.YCbCrSubsampleRatio444: 0,
	image.YCbCrSubsampleRatio422: 1,
	image.YCbCrSubsampleRatio420: 2,
	image.YCbCrSubsampleRatio440: 4,
	image.YCbCrSubsampleRatio411: 5,
}

// turboError is a message of TurboJPEG.
type turboError string

func (e turboError) Error() string { return string(e) }
