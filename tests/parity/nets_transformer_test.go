package parity

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	register("sincos_2d", sinCosCase)
	registerTransformer("vit", vitArch)
	registerTransformer("swin", func(c transformerConfig) (nn.Layer, error) {
		return zoo.NewSwin(zoo.SwinConfig{
			ImageSize: c.ImgSize, PatchSize: c.PatchSize, Width: c.EmbedDim, Depths: c.Depths, Heads: c.Heads.each(len(c.Depths)),
			Window: c.WindowSize, Classes: c.NumClasses, MLPRatio: c.MLPRatio, NormEps: c.Eps, NoQKVBias: c.lacks(c.QKVBias),
			Channels: c.Channels,
		})
	})
	registerTransformer("pvt_v2", func(c transformerConfig) (nn.Layer, error) {
		return zoo.NewPVT(zoo.PVTConfig{
			Widths: c.EmbedDims, Depths: c.Depths, Heads: c.Heads.each(len(c.Depths)), Reductions: c.Reductions, MLPRatios: c.MLPRatios,
			Classes: c.NumClasses, Linear: c.Linear, NoQKVBias: c.lacks(c.QKVBias), Channels: c.Channels,
		})
	})
}

// sinCosCase is a fixed position code of a grid.
func sinCosCase(t *testing.T, c *Case) {
	var cfg struct{ Rows, Cols, Dim int }
	c.DecodeConfig(t, &cfg)
	table, err := zoo.SinCos2D(cfg.Dim, cfg.Rows, cfg.Cols)
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "table", table, cfg.Rows*cfg.Cols, cfg.Dim)
}

// transformerConfig has the options of timm's constructors for these families.
type transformerConfig struct {
	NumClasses int `json:"num_classes"`
	ImgSize    int `json:"img_size"`
	PatchSize  int `json:"patch_size"`
	Channels   int `json:"in_chans"`

	EmbedDim   int   `json:"embed_dim"`
	EmbedDims  []int `json:"embed_dims"`
	Depth      int
	Depths     []int
	Heads      perStage  `json:"num_heads"`
	MLPRatio   float64   `json:"mlp_ratio"`
	MLPRatios  []float64 `json:"mlp_ratios"`
	Reductions []int     `json:"sr_ratios"`
	WindowSize int       `json:"window_size"`
	Eps        float32   `json:"ln_eps"`
	Linear     bool

	ClassToken *bool  `json:"class_token"`
	QKVBias    *bool  `json:"qkv_bias"`
	GlobalPool string `json:"global_pool"`
	LayerScale bool   `json:"layer_scale"`
	PreNorm    bool   `json:"pre_norm"`
}

// lacks says whether an option that is on by default was turned off.
func (transformerConfig) lacks(option *bool) bool { return option != nil && !*option }

func vitArch(c transformerConfig) (nn.Layer, error) {
	v := zoo.ViTConfig{
		ImageSize: c.ImgSize, PatchSize: c.PatchSize, Width: c.EmbedDim, Depth: c.Depth, Heads: c.Heads.each(1)[0], Classes: c.NumClasses,
		Channels: c.Channels, MLPRatio: c.MLPRatio, NormEps: c.Eps,
		NoClassToken: c.lacks(c.ClassToken), NoQKVBias: c.lacks(c.QKVBias), PreNorm: c.PreNorm,
	}
	switch c.GlobalPool {
	case "", "token":
	case "avg":
		v.MeanPool = true
	default:
		return nil, fmt.Errorf("global_pool %q", c.GlobalPool)
	}
	if c.LayerScale {
		v.LayerScale = 1 // replaced by the case's weights
	}
	return zoo.NewViT(v)
}

func registerTransformer(arch string, build func(c transformerConfig) (nn.Layer, error)) {
	registerArch(arch, func(raw json.RawMessage) (nn.Layer, error) {
		var c transformerConfig
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		return build(c)
	})
}

// perStage is one number or a list of them.
type perStage []int

// UnmarshalJSON implements json.Unmarshaler.
func (v *perStage) UnmarshalJSON(text []byte) error {
	var one int
	if json.Unmarshal(text, &one) == nil {
		*v = perStage{one}
		return nil
	}
	return json.Unmarshal(text, (*[]int)(v))
}

// each returns a value for each of n stages.
func (v perStage) each(n int) []int {
	if len(v) == n {
		return v
	}
	out := make([]int, max(n, 1))
	for i := range out {
		if len(v) == 1 {
			out[i] = v[0]
		}
	}
	return out
}
