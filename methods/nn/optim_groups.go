package nn

import (
	"math"
	"path"
	"strconv"
	"strings"
)

// DecayGroups puts params into two groups: those without weight decay, which have
// at most one axis, are named *.bias or match a pattern, and the others. An empty
// group is left out. Patterns are as in path.Match, over the whole name.
func DecayGroups(params []Entry, decay float64, noDecay ...string) []Group {
	groups := []Group{{}, {Decay: decay}}
	for _, p := range params {
		i := 1
		if len(p.Var.Shape()) <= 1 || strings.HasSuffix(p.Name, ".bias") || matches(p.Name, noDecay) {
			i = 0
		}
		groups[i].Params = append(groups[i].Params, p)
	}
	return nonEmpty(groups)
}

func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

func nonEmpty(groups []Group) []Group {
	var out []Group
	for _, g := range groups {
		if len(g.Params) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// LayerDecay are the options of LayerDecayGroups.
type LayerDecay struct {
	Rate    float64               // of the learning rate from a layer to the one before it
	Decay   float64               // weight decay
	Layer   func(name string) int // of a parameter, from 0; negative: the last, the head
	NoDecay []string              // patterns of parameters without weight decay
}

// LayerDecayGroups returns a group a layer and weight decay, scaled Rate^(last -
// layer): the fine-tuning of BEiT (Bao et al., arXiv:2106.08254), as
// timm.optim.param_groups_layer_decay. Parameters of one axis are not decayed.
func LayerDecayGroups(params []Entry, o LayerDecay) []Group {
	last, head := 0, 0
	for _, p := range params {
		l := o.Layer(p.Name)
		if last = max(last, l); l < 0 {
			head = 1
		}
	}
	last += head
	scales := LayerScales(o.Rate, last+1)
	groups := make([]Group, 2*len(scales))
	for _, p := range params {
		l := o.Layer(p.Name)
		if l < 0 {
			l = last
		}
		i := 2*l + 1
		decay := o.Decay
		if len(p.Var.Shape()) <= 1 || matches(p.Name, o.NoDecay) {
			i, decay = 2*l, 0
		}
		groups[i].Scale, groups[i].Decay = scales[l], decay
		groups[i].Params = append(groups[i].Params, p)
	}
	return nonEmpty(groups)
}

// LayerScales returns Rate^(layers-1-i) for layers 0 .. layers-1.
func LayerScales(rate float64, layers int) []float64 {
	s := make([]float64, layers)
	for i := range s {
		s[i] = math.Pow(rate, float64(layers-1-i))
	}
	return s
}

// ViTLayer returns the layer of a parameter of timm's VisionTransformer with depth
// blocks: 0 for what comes before the blocks, then the blocks, with the norm in the
// last one; the head is the layer after it.
func ViTLayer(depth int) func(name string) int {
	return func(name string) int {
		first, rest, _ := strings.Cut(name, ".")
		switch first {
		case "cls_token", "reg_token", "pos_embed", "patch_embed", "mask_token", "norm_pre":
			return 0
		case "blocks":
			return 1 + leadingNumber(rest)
		case "norm":
			return depth
		}
		return -1
	}
}

// ViTNoDecay are the patterns of its parameters that are not decayed.
var ViTNoDecay = []string{"pos_embed", "cls_token", "dist_token", "reg_token"}

// SwinLayer returns the layer of a parameter of timm's SwinTransformer with so many
// blocks a stage: 0 for the patches, then the blocks of all stages, a stage's
// downsampling with its first block and the norm with the last.
func SwinLayer(depths ...int) func(name string) int {
	before := make([]int, len(depths)+1) // blocks before a stage
	for i, d := range depths {
		before[i+1] = before[i] + d
	}
	return func(name string) int {
		first, rest, _ := strings.Cut(name, ".")
		switch first {
		case "patch_embed", "absolute_pos_embed":
			return 0
		case "norm":
			return before[len(depths)]
		case "layers":
			stage := min(leadingNumber(rest), len(depths))
			_, rest, _ = strings.Cut(rest, ".")
			part, rest, _ := strings.Cut(rest, ".")
			if part == "downsample" {
				return 1 + before[stage]
			}
			return 1 + before[stage] + leadingNumber(rest)
		}
		return -1
	}
}

// SwinNoDecay are the patterns of its parameters that are not decayed.
var SwinNoDecay = []string{"absolute_pos_embed", "*relative_position_bias_table"}

// leadingNumber is the number before the first dot, 0 where there is none.
func leadingNumber(s string) int {
	s, _, _ = strings.Cut(s, ".")
	n, _ := strconv.Atoi(s)
	return max(n, 0)
}
