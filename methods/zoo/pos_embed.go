package zoo

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// ResizePositions resamples a table of position vectors (prefix + rows*cols, width)
// to another grid by bicubic interpolation between pixel centres; the prefix,
// such as the class token's row, stays as it is. antialias widens the kernel where
// the grid shrinks, as timm's resample_abs_pos_embed does; without it the weights
// are those of torch.nn.functional.interpolate(mode="bicubic").
func ResizePositions(table []float32, width, prefix int, from, to [2]int, antialias bool) ([]float32, error) {
	if width < 1 || prefix < 0 || min(from[0], from[1], to[0], to[1]) < 1 || len(table) != (prefix+from[0]*from[1])*width {
		return nil, fault.New(fault.Usage, "positions: %d values for %d + %dx%d vectors of %d, wanted %dx%d",
			len(table), prefix, from[0], from[1], width, to[0], to[1])
	}
	out := append([]float32(nil), table[:prefix*width]...)
	if from == to {
		return append(out, table[prefix*width:]...), nil
	}
	grid := table[prefix*width:]
	// Columns first: rows of from[1] vectors become rows of to[1].
	across := cubicWeights(from[1], to[1], antialias)
	wide := make([]float64, from[0]*to[1]*width)
	for r := range from[0] {
		for c, taps := range across {
			dst := wide[(r*to[1]+c)*width:][:width]
			for _, tap := range taps {
				for i, v := range grid[(r*from[1]+tap.at)*width:][:width] {
					dst[i] += tap.weight * float64(v)
				}
			}
		}
	}
	for _, taps := range cubicWeights(from[0], to[0], antialias) {
		for c := range to[1] {
			sum := make([]float64, width)
			for _, tap := range taps {
				for i, v := range wide[(tap.at*to[1]+c)*width:][:width] {
					sum[i] += tap.weight * v
				}
			}
			for _, v := range sum {
				out = append(out, float32(v))
			}
		}
	}
	return out, nil
}

// tap is one input of an interpolated value.
type tap struct {
	at     int
	weight float64
}

// cubicWeights returns the taps of each of to values interpolated between from
// values. Without antialiasing there are four, with Keys' a = -0.75, and positions
// beyond the border read the value at the border; with it a = -0.5, and taps beyond
// the border are left out and the rest scaled to the sum 1.
func cubicWeights(from, to int, antialias bool) [][]tap {
	out := make([][]tap, to)
	scale := float64(from) / float64(to)
	for i := range out {
		centre := (float64(i) + 0.5) * scale
		if !antialias {
			first := int(math.Floor(centre-0.5)) - 1
			for j := first; j < first+4; j++ {
				out[i] = append(out[i], tap{min(max(j, 0), from-1), keys(centre-0.5-float64(j), -0.75)})
			}
			continue
		}
		stretch := max(scale, 1)
		first, last := max(int(centre-2*stretch+0.5), 0), min(int(centre+2*stretch+0.5), from)
		sum := 0.0
		for j := first; j < last; j++ {
			w := keys((float64(j)-centre+0.5)/stretch, -0.5)
			out[i] = append(out[i], tap{j, w})
			sum += w
		}
		for j := range out[i] {
			out[i][j].weight /= sum
		}
	}
	return out
}

// keys is the cubic convolution kernel (Keys 1981, equation 15).
func keys(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// SinCos2D returns the fixed position code (rows*cols, width) of a grid in raster
// order. The first half of a vector codes the column, the second the row, each
// as sines and then cosines of the position over 10000^(i/n), n = width/4
// (specs/um_mae.md section 3). width is a multiple of 4.
func SinCos2D(width, rows, cols int) ([]float32, error) {
	if width < 4 || width%4 != 0 || rows < 1 || cols < 1 {
		return nil, fault.New(fault.Usage, "positions: code of width %d for a %dx%d grid, want a multiple of 4", width, rows, cols)
	}
	out := make([]float32, rows*cols*width)
	for r := range rows {
		for c := range cols {
			SinCosAt(out[(r*cols+c)*width:][:width], float64(r), float64(c))
		}
	}
	return out, nil
}

// SinCosAt writes the code of one position, which need not lie on a grid, into
// dst, whose length is a multiple of 4.
func SinCosAt(dst []float32, row, col float64) {
	n := len(dst) / 4
	for i := range n {
		omega := math.Pow(10000, -float64(i)/float64(n))
		for half, at := range [2]float64{col, row} {
			sin, cos := math.Sincos(at * omega)
			dst[half*2*n+i], dst[half*2*n+n+i] = float32(sin), float32(cos)
		}
	}
}
