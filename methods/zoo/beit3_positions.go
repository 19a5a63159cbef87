package zoo

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// Resize makes the network take images and patches of other sizes, from the
// weights that it has now: positions and kernels are resampled by bicubic
// interpolation, without a change of amplitude (specs/simvg.md section 1.3).
func (m *BEiT3) Resize(image, patch int) error {
	from, c := m.Config, m.Config
	c.ImageSize, c.PatchSize = image, patch
	if err := c.check(); err != nil {
		return err
	}
	grid, newGrid := from.ImageSize/from.PatchSize, image/patch
	rows, err := ResizePositions(m.Positions.A.Weight.Value.Float32s(), c.Width, firstPosition+1,
		[2]int{grid, grid}, [2]int{newGrid, newGrid}, false)
	if err != nil {
		return err
	}
	kernels, err := ResizeKernels(m.Patches.Weight.Value.Float32s(), from.PatchSize, patch)
	if err != nil {
		return err
	}
	m.Config = c
	m.Positions.A = table(c.imageTokens()+firstPosition, c.Width, 1)
	copy(m.Positions.A.Weight.Value.Float32s(), rows)
	bias := m.Patches.Bias
	m.Patches = nn.NewConv2d(c.Channels, c.Width, patch, stride(patch), true)
	m.Patches.Bias = bias
	copy(m.Patches.Weight.Value.Float32s(), kernels)
	return nil
}

// ResizeKernels resamples square kernels of side from (..., from, from) to side to
// by bicubic interpolation between the centres of their cells, the weights being
// those of torch.nn.functional.interpolate(mode="bicubic").
func ResizeKernels(kernels []float32, from, to int) ([]float32, error) {
	if err := positive("kernels", from, to); err != nil {
		return nil, err
	}
	size := from * from
	out := make([]float32, 0, len(kernels)/size*to*to)
	for i := 0; i < len(kernels); i += size {
		plane, err := ResizePositions(kernels[i:min(i+size, len(kernels))], 1, 0, [2]int{from, from}, [2]int{to, to}, false)
		if err != nil {
			return nil, err
		}
		out = append(out, plane...)
	}
	return out, nil
}

// SinePositions returns positions 0 to n-1 as vectors of dim numbers, sine and
// cosine in turn, whose frequencies fall from 1 to 1/10000 (Vaswani et al.,
// arXiv:1706.03762, section 3.5): (n, dim).
//
// released repeats SimVG's released code, which rounds frequencies down to whole
// numbers, so that only the first one is left (specs/simvg.md section 1.5).
func SinePositions(n, dim int, released bool) []float32 {
	out := make([]float32, n*dim)
	for i := range dim {
		frequency := math.Pow(10000, -float64(i/2*2)/float64(dim))
		if released {
			frequency = math.Floor(frequency)
		}
		for p := range n {
			out[p*dim+i] = wave(i, float64(p)*frequency)
		}
	}
	return out
}

// SineGrid returns the places of a grid as vectors of dim numbers, the row's half
// before the column's, each from 1/rows or 1/columns to 1 of a full turn (Carion
// et al., arXiv:2005.12872, section A.4): (rows*cols, dim).
func SineGrid(rows, cols, dim int) []float32 {
	half := dim / 2
	out := make([]float32, rows*cols*dim)
	for i := range half {
		scale := math.Pow(10000, -float64(i/2*2)/float64(half)) * 2 * math.Pi
		for r := range rows {
			for c := range cols {
				at := out[(r*cols+c)*dim:]
				// The small term is DETR's guard of the division.
				at[i] = wave(i, float64(r+1)/(float64(rows)+1e-6)*scale)
				at[half+i] = wave(i, float64(c+1)/(float64(cols)+1e-6)*scale)
			}
		}
	}
	return out
}

// wave is the sine for even i, the cosine for odd.
func wave(i int, angle float64) float32 {
	if i%2 == 0 {
		return float32(math.Sin(angle))
	}
	return float32(math.Cos(angle))
}
