package morph

import "github.com/tailorbird/tailorbird/kernels/rle"

// FromMask makes dst the pixels of m, whose size it takes. It fails as
// rle.Mask.Validate does, and dst is then undefined.
func FromMask(dst *Bitmap, m rle.Mask) error {
	pix, err := m.AppendBitmap(dst.Pix[:0])
	if err != nil {
		return err
	}
	dst.Width, dst.Height, dst.Pix = m.Width, m.Height, pix
	for i, v := range pix {
		pix[i] = -v // 1 becomes 255
	}
	return nil
}

// ToMask returns the foreground of b as run lengths. Counts reuses buf. A bitmap
// that is larger than rle.MaxPixels, or whose Pix has not Width*Height bytes, is
// refused as rle.FromBitmap does.
func ToMask(b *Bitmap, buf []uint32) (rle.Mask, error) {
	return rle.FromBitmap(b.Pix, b.Height, b.Width, buf)
}
