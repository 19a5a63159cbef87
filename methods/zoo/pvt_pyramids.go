package zoo

import "github.com/tailorbird/tailorbird/methods/nn"

// UM-MAE's encoders (specs/um_mae.md sections 4.1 and 4.2) as they are fine-tuned
// on 256x256 images. Encode takes the pools and windows of pre-training.
var (
	umPVTSmall = PyramidConfig{
		ImageSize: 256, TokenSize: 4, Widths: []int{64, 128, 320, 512}, Depths: []int{3, 4, 6, 3}, Heads: []int{1, 2, 5, 8},
		MLPRatios: []float64{8, 8, 4, 4}, Pools: []int{8, 4, 2, 1},
	}
	umSwinTiny = PyramidConfig{
		ImageSize: 256, TokenSize: 4, Widths: []int{96, 192, 384, 768}, Depths: []int{2, 2, 6, 2}, Heads: []int{3, 6, 12, 24},
		MLPRatios: []float64{4, 4, 4, 4}, Window: 16, PositionHidden: 32,
	}
	umSwinLarge = PyramidConfig{
		ImageSize: 256, TokenSize: 4, Widths: []int{192, 384, 768, 1536}, Depths: []int{2, 2, 18, 2}, Heads: []int{6, 12, 24, 48},
		MLPRatios: []float64{4, 4, 4, 4}, Window: 16, PositionHidden: 64,
	}
)

const umMAE = "um_mae.md 4, 8" // for the encoder alone; Params adds norm and head, MACs the position MLP

func init() {
	for _, s := range []struct {
		name   string
		config PyramidConfig
		params int
		macs   int64
	}{
		{"um_pvt_small", umPVTSmall, 21_546_728, 4_847_816_704},
		{"um_swin_tiny", umSwinTiny, 28_268_050, 6_605_410_624},
		{"um_swin_large", umSwinLarge, 196_473_052, 47_513_679_104},
	} {
		register(Entry{
			Name: s.name, Source: "specs/um_mae.md section 4", Classes: 1000, Input: [3]int{3, 256, 256},
			Params: s.params, MACs: s.macs, Counts: umMAE,
			Build: func(o Options) (nn.Layer, error) {
				if o.ZeroInit || o.DefaultInit {
					return nil, errOneInit()
				}
				c := s.config
				c.Classes, c.DropPath = o.Classes, o.DropPath
				if o.ImageSize > 0 {
					c.ImageSize = o.ImageSize
				}
				if c.Pools == nil {
					return NewContinuousSwin(c)
				}
				return NewPooledPVT(c)
			},
		})
	}
}
