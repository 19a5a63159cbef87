package jpeg

import (
	"image"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// resizePlanes makes m a w x h picture whose planes, as TurboJPEG has them,
// reach to whole chroma samples in both directions.
func resizePlanes(m *image.YCbCr, w, h int, ratio image.YCbCrSubsampleRatio) {
	sh, sv := raster.SamplesPerChroma(ratio)
	raster.ResetPlanes(m, up(w, sh), up(h, sv), ratio)
	m.Rect = image.Rect(0, 0, w, h)
}

// trimPlanes leaves only the rows of the picture in the luma plane.
func trimPlanes(m *image.YCbCr) { m.Y = m.Y[:m.YStride*m.Rect.Dy()] }

// up rounds n up to a multiple of k.
func up(n, k int) int { return (n + k - 1) / k * k }
