package zoo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// The published sizes: Dosovitskiy et al., table 1; Touvron et al.,
// arXiv:2012.12877, table 1 for the tiny and the small one. Images of 224 and of 384
// pixels in patches of 8, 16 and 32 are published for most.
func init() {
	for _, s := range []struct {
		name                string
		width, depth, heads int
		forms               [][2]int // patch and image
	}{
		{"tiny", 192, 12, 3, [][2]int{{16, 224}, {16, 384}}},
		{"small", 384, 12, 6, [][2]int{{16, 224}, {16, 384}, {32, 224}, {32, 384}, {8, 224}}},
		{"base", 768, 12, 12, [][2]int{{16, 224}, {16, 384}, {32, 224}, {32, 384}, {8, 224}}},
		{"large", 1024, 24, 16, [][2]int{{16, 224}, {16, 384}, {32, 224}, {32, 384}}},
	} {
		for _, f := range s.forms {
			published := ViTConfig{ImageSize: f[1], PatchSize: f[0], Width: s.width, Depth: s.depth, Heads: s.heads, Classes: 1000}
			register(Entry{
				Name: fmt.Sprintf("vit_%s_patch%d_%d", s.name, f[0], f[1]), Source: timm, Classes: 1000, Input: [3]int{3, f[1], f[1]},
				Params: published.params(), MACs: published.macs(), Counts: Derived,
				Build: func(o Options) (nn.Layer, error) {
					if o.ZeroInit || o.DefaultInit {
						return nil, errOneInit()
					}
					c := published
					c.Classes, c.DropPath = o.Classes, o.DropPath
					if o.ImageSize > 0 {
						c.ImageSize = o.ImageSize
					}
					return NewViT(c)
				},
			})
		}
	}
}

// params is the number of trained values of a plain ViT of three channels with a
// class token and MLPs of four times the width.
func (c ViTConfig) params() int {
	w, patches := c.Width, c.patches()
	block := 12*w*w + 13*w // qkv 3, proj 1, MLP 8; their biases 3, 1, 5 and two norms 4
	return (3*c.PatchSize*c.PatchSize+1)*w + w + (patches+1)*w + c.Depth*block + 2*w + (w+1)*c.Classes
}

// macs is the number of its multiply-adds for an image.
func (c ViTConfig) macs() int64 {
	w, patches := int64(c.Width), int64(c.patches())
	tokens := patches + 1
	block := tokens*12*w*w + 2*tokens*tokens*w
	return patches*3*int64(c.PatchSize*c.PatchSize)*w + int64(c.Depth)*block + w*int64(c.Classes)
}

func (c ViTConfig) patches() int { return (c.ImageSize / c.PatchSize) * (c.ImageSize / c.PatchSize) }

func stride(n int) ops.Conv { return ops.Conv{Stride: [2]int{n, n}} }

// setDefault sets what is zero.
func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// layerOf counts layers for layer-wise decay by the prefix of the blocks' names.
func layerOf(name, prefix string, blocks int) int {
	switch name {
	case "cls_token", "pos_embed":
		return 0
	}
	if strings.HasPrefix(name, "patch_embed.") || strings.HasPrefix(name, "norm_pre.") {
		return 0
	}
	if rest, ok := strings.CutPrefix(name, prefix); ok {
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); err == nil {
			return i + 1
		}
	}
	return blocks + 1
}
