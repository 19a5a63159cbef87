package zoo

import "github.com/tailorbird/tailorbird/methods/nn"

// The published sizes: Liu et al., arXiv:2103.14030, section 3.3.
func init() {
	for _, s := range []struct {
		name   string
		image  int
		window int
		width  int
		depths []int
		heads  []int
		params int
		macs   int64
	}{
		{"swin_tiny_patch4_window7_224", 224, 7, 96, []int{2, 2, 6, 2}, []int{3, 6, 12, 24}, 28_288_354, 4_490_566_656},
		{"swin_small_patch4_window7_224", 224, 7, 96, []int{2, 2, 18, 2}, []int{3, 6, 12, 24}, 49_606_258, 8_740_875_264},
		{"swin_base_patch4_window7_224", 224, 7, 128, []int{2, 2, 18, 2}, []int{4, 8, 16, 32}, 87_768_224, 15_430_946_816},
		{"swin_large_patch4_window7_224", 224, 7, 192, []int{2, 2, 18, 2}, []int{6, 12, 24, 48}, 196_532_476, 34_475_759_616},
		{"swin_base_patch4_window12_384", 384, 12, 128, []int{2, 2, 18, 2}, []int{4, 8, 16, 32}, 87_903_584, 47_083_134_976},
		{"swin_large_patch4_window12_384", 384, 12, 192, []int{2, 2, 18, 2}, []int{6, 12, 24, 48}, 196_735_516, 103_919_087_616},
	} {
		published := SwinConfig{ImageSize: s.image, Width: s.width, Depths: s.depths, Heads: s.heads, Window: s.window}
		register(Entry{
			Name: s.name, Source: timm, Classes: 1000, Input: [3]int{3, s.image, s.image},
			Params: s.params, MACs: s.macs, Counts: Derived,
			Build: func(o Options) (nn.Layer, error) {
				if o.ZeroInit || o.DefaultInit {
					return nil, errOneInit()
				}
				c := published
				c.Classes, c.DropPath = o.Classes, o.DropPath
				if o.ImageSize > 0 {
					c.ImageSize = o.ImageSize
				}
				return NewSwin(c)
			},
		})
	}
}
