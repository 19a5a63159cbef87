package augment

import "github.com/tailorbird/tailorbird/kernels/raster"

// Posterize keeps the highest bits of each sample, 0 to 8 of them, in place.
func Posterize(m *raster.RGB, bits int) {
	mask := byte(0xff << (8 - max(0, min(8, bits))))
	for i := range m.Pix {
		m.Pix[i] &= mask
	}
}

// Solarize inverts the samples that are threshold and more, in place.
func Solarize(m *raster.RGB, threshold float64) {
	for i, v := range m.Pix {
		if float64(v) >= threshold {
			m.Pix[i] = 255 - v
		}
	}
}

// Invert inverts every sample, in place.
func Invert(m *raster.RGB) {
	for i, v := range m.Pix {
		m.Pix[i] = 255 - v
	}
}

// histogram counts the samples of one channel.
func histogram(m *raster.RGB, channel int) (counts [256]int) {
	for i := channel; i < len(m.Pix); i += 3 {
		counts[m.Pix[i]]++
	}
	return counts
}

func lookUpChannel(m *raster.RGB, channel int, table *[256]byte) {
	for i := channel; i < len(m.Pix); i += 3 {
		m.Pix[i] = table[m.Pix[i]]
	}
}

// AutoContrast stretches each channel from its darkest to its lightest sample,
// as ImageOps.autocontrast does, in place.
func AutoContrast(m *raster.RGB) {
	for c := range 3 {
		counts := histogram(m, c)
		lo, hi := 0, 255
		for lo < 255 && counts[lo] == 0 {
			lo++
		}
		for hi > 0 && counts[hi] == 0 {
			hi--
		}
		if hi <= lo {
			continue
		}
		scale := 255 / float64(hi-lo)
		offset := float64(float64(-lo) * scale)
		var table [256]byte
		for i := range table {
			table[i] = byte(max(0, min(255, int(float64(float64(i)*scale)+offset))))
		}
		lookUpChannel(m, c, &table)
	}
}

// Equalize gives each channel a histogram as flat as a table can, as
// ImageOps.equalize does, in place.
func Equalize(m *raster.RGB) {
	for c := range 3 {
		counts := histogram(m, c)
		total, last := 0, 0
		for _, n := range counts {
			if total += n; n > 0 {
				last = n
			}
		}
		// One value alone leaves no step either.
		step := (total - last) / 255
		if step == 0 {
			continue
		}
		var table [256]byte
		n := step / 2
		for i := range table {
			table[i] = byte(min(255, n/step))
			n += counts[i]
		}
		lookUpChannel(m, c, &table)
	}
}
