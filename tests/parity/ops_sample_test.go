package parity

import (
	"encoding/json"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("interpolate", interpolate)
	registerOp("affine_grid", func(r *run) map[string]*nn.Var {
		cfg := config[struct {
			Size  []int
			Align bool `json:"align_corners"`
		}](r)
		return y(r.tape.AffineGrid(r.x("theta"), cfg.Size[2], cfg.Size[3], cfg.Align))
	})
	registerOp("grid_sample", func(r *run) map[string]*nn.Var {
		cfg := config[struct {
			Mode    ops.SampleMode
			Padding ops.GridPadding `json:"padding_mode"`
			Align   bool            `json:"align_corners"`
		}](r)
		p := ops.GridSample{Mode: cfg.Mode, Padding: cfg.Padding, AlignCorners: cfg.Align}
		return y(r.tape.GridSample(r.x("x"), r.x("grid"), p))
	})
	registerOp("roi_align", func(r *run) map[string]*nn.Var {
		cfg := config[roiConfig](r)
		p := ops.RoIAlign{Scale: cfg.scale(), SamplingRatio: cfg.Ratio, Aligned: cfg.Aligned}
		return y(r.tape.RoIAlign(r.x("x"), r.x("rois"), cfg.Size[0], cfg.Size[1], p))
	})
	registerOp("roi_pool", func(r *run) map[string]*nn.Var {
		cfg := config[roiConfig](r)
		return y(r.tape.RoIPool(r.x("x"), r.x("rois"), cfg.Size[0], cfg.Size[1], cfg.scale()))
	})
	registerOp("rfft2", rfft2)
}

// factors is a factor for both axes or one for each; null stays zero.
type factors [2]float64

func (f *factors) UnmarshalJSON(text []byte) error {
	var one float64
	if err := json.Unmarshal(text, &one); err == nil {
		*f = factors{one, one}
		return nil
	}
	return json.Unmarshal(text, (*[2]float64)(f))
}

func interpolate(r *run) map[string]*nn.Var {
	cfg := config[struct {
		Mode      ops.SampleMode
		Size      both
		Scale     factors `json:"scale_factor"`
		Align     bool    `json:"align_corners"`
		Antialias bool
		Recompute bool `json:"recompute_scale_factor"`
	}](r)
	return y(r.tape.Interpolate(r.x("x"), ops.Interpolation{
		Size: cfg.Size, Scale: cfg.Scale, Mode: cfg.Mode,
		AlignCorners: cfg.Align, Antialias: cfg.Antialias, RecomputeScale: cfg.Recompute,
	}))
}

type roiConfig struct {
	Size    both     `json:"output_size"`
	Scale   *float32 `json:"spatial_scale"`
	Ratio   int      `json:"sampling_ratio"`
	Aligned bool
}

func (c roiConfig) scale() float32 {
	if c.Scale == nil {
		return 1
	}
	return *c.Scale
}

// rfft2 transforms x, multiplies the spectrum by w and transforms back.
func rfft2(r *run) map[string]*nn.Var {
	norm := config[struct{ Norm nn.FFTNorm }](r).Norm
	re, im := r.tape.RFFT2(r.x("x"), norm)
	w := r.x("w")
	back := r.tape.IRFFT2(r.tape.Mul(re, w), r.tape.Mul(im, w), r.x("x").Dim(-1), norm)
	return map[string]*nn.Var{"re": re, "im": im, "back": back}
}
