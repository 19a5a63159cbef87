package augment

import "github.com/tailorbird/tailorbird/kernels/raster"

// statistics are the mean and the standard deviation of a channel, of samples
// scaled to 0..1, by name.
var statistics = map[string]struct{ mean, std [3]float32 }{
	"imagenet": {[3]float32{0.485, 0.456, 0.406}, [3]float32{0.229, 0.224, 0.225}},
	"cifar10":  {[3]float32{0.4914, 0.4822, 0.4465}, [3]float32{0.2470, 0.2435, 0.2616}},
	"cifar100": {[3]float32{0.5071, 0.4865, 0.4409}, [3]float32{0.2673, 0.2564, 0.2762}},
	"half":     {[3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.5, 0.5}},
	"none":     {[3]float32{}, [3]float32{1, 1, 1}},
}

var statisticsNames = []string{"imagenet", "cifar10", "cifar100", "half", "none"}

// Normalizer turns 8-bit samples into float32: (v * (1/255) - mean) / std of each
// channel, three roundings in this order, as torchvision's v2 ToDtype(scale=True)
// and Normalize do. It is immutable.
type Normalizer struct{ table [3][256]float32 }

// NewNormalizer makes the table of the given statistics.
func NewNormalizer(mean, std [3]float32) *Normalizer {
	n := &Normalizer{}
	for c := range 3 {
		for v := range 256 {
			scaled := float32(float32(v) * (1.0 / 255))
			n.table[c][v] = (scaled - mean[c]) / std[c]
		}
	}
	return n
}

// CHW writes the three planes of m to dst, which has 3 x Height x Width values.
func (n *Normalizer) CHW(dst []float32, m *raster.RGB) {
	area := m.Width * m.Height
	r, g, b := dst[:area:area], dst[area:2*area:2*area], dst[2*area:3*area:3*area]
	pix := m.Pix[: 3*area : 3*area]
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		p := pix[:3:3]
		r[i], g[i], b[i] = n.table[0][p[0]], n.table[1][p[1]], n.table[2][p[2]]
		pix = pix[3:]
	}
}
