package nn

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// FoldBatchNorm returns a convolution with a bias that does what c followed by b
// does in evaluation: weights times g = weight/sqrt(var + eps), one a filter, and
// bias shift + (bias - mean) g. c and b stay as they are. Channels that differ
// and a b without running statistics are a fault.Usage.
func FoldBatchNorm(c *Conv2d, b *BatchNorm2d) (*Conv2d, error) {
	filters := c.Weight.Dim(0)
	scale, shift, err := b.affine(filters)
	if err != nil {
		return nil, err
	}
	folded := &Conv2d{Weight: NewParam(nil, c.Weight.Shape()...), Bias: NewParam(nil, filters), Conv: c.Conv}
	w, from, bias := folded.Weight.Value.Float32s(), c.Weight.Value.Float32s(), folded.Bias.Value.Float32s()
	size := len(w) / filters
	for k := range filters {
		for i := k * size; i < (k+1)*size; i++ {
			w[i] = float32(float64(from[i]) * scale[k])
		}
		old := 0.0
		if c.Bias != nil {
			old = float64(c.Bias.Value.Float32s()[k])
		}
		bias[k] = float32(shift[k] + old*scale[k])
	}
	return folded, nil
}

// affine returns what the layer does to each of n channels in evaluation: y =
// scale x + shift.
func (l *BatchNorm2d) affine(n int) (scale, shift []float64, err error) {
	if l.RunningMean == nil || l.RunningVar == nil {
		return nil, nil, fault.New(fault.Usage, "fold batch norm: no running statistics")
	}
	if l.RunningMean.Dim(0) != n {
		return nil, nil, fault.New(fault.Usage, "fold batch norm: %d filters and %d channels", n, l.RunningMean.Dim(0))
	}
	mean, variance := l.RunningMean.Value.Float32s(), l.RunningVar.Value.Float32s()
	scale, shift = make([]float64, n), make([]float64, n)
	for i := range n {
		scale[i] = 1 / math.Sqrt(float64(variance[i])+float64(l.Eps))
		if l.Weight != nil {
			scale[i] *= float64(l.Weight.Value.Float32s()[i])
		}
		shift[i] = -float64(mean[i]) * scale[i]
		if l.Bias != nil {
			shift[i] += float64(l.Bias.Value.Float32s()[i])
		}
	}
	return scale, shift, nil
}
