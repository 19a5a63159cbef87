package zoo

import "github.com/tailorbird/tailorbird/methods/nn"

// The published sizes: Wang et al., arXiv:2106.13797, table 1.
func init() {
	narrow, wide, heads := []int{32, 64, 160, 256}, []int{64, 128, 320, 512}, []int{1, 2, 5, 8}
	for _, s := range []struct {
		name           string
		widths, depths []int
		ratios         []float64
		params         int
		macs           int64
	}{
		{"pvt_v2_b0", narrow, []int{2, 2, 2, 2}, nil, 3_666_760, 566_065_664},
		{"pvt_v2_b1", wide, []int{2, 2, 2, 2}, nil, 14_009_000, 2_108_355_584},
		{"pvt_v2_b2", wide, []int{3, 4, 6, 3}, nil, 25_362_856, 4_026_734_592},
		{"pvt_v2_b3", wide, []int{3, 4, 18, 3}, nil, 45_238_696, 6_897_303_552},
		{"pvt_v2_b4", wide, []int{3, 8, 27, 3}, nil, 62_556_072, 10_101_116_416},
		{"pvt_v2_b5", wide, []int{3, 6, 40, 3}, []float64{4, 4, 4, 4}, 81_956_008, 11_717_260_288},
	} {
		published := PVTConfig{Widths: s.widths, Depths: s.depths, Heads: heads, Reductions: []int{8, 4, 2, 1}, MLPRatios: s.ratios}
		register(Entry{
			Name: s.name, Source: timm, Classes: 1000, Input: [3]int{3, 224, 224},
			Params: s.params, MACs: s.macs, Counts: Derived,
			Build: func(o Options) (nn.Layer, error) {
				if o.ZeroInit || o.DefaultInit {
					return nil, errOneInit()
				}
				c := published
				c.Classes, c.DropPath = o.Classes, o.DropPath
				return NewPVT(c)
			},
		})
	}
}
