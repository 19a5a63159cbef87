package parity

import (
	"encoding/json"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	register("beit3_encoder", beit3Case)
	register("simvg_positions", simvgPositionsCase)
	for name, c := range map[string]zoo.BEiT3Config{"base": zoo.BEiT3Base, "large": zoo.BEiT3Large} {
		registerModel("beit3_"+name+"_patch16_224", func(json.RawMessage) (nn.Module, error) { return zoo.NewBEiT3(c) })
	}
	register("sam_image_encoder", samEncoderCase)
	register("sam_prompt_decode", samPromptCase)
	register("sam_full", samFullCase)
	for name, c := range map[string]zoo.SAMConfig{"b": zoo.SAMBase, "l": zoo.SAMLarge, "h": zoo.SAMHuge} {
		registerModel("sam_vit_"+name, func(json.RawMessage) (nn.Module, error) { return zoo.NewSAM(c) })
	}
}

func beit3Case(t *testing.T, c *Case) {
	var cfg struct {
		Width, FFN, Heads, Layers, Image, Patch, Vocab int

		TextPositions int     `json:"text_positions"`
		Eps           float32 `json:"ln_eps"`
	}
	c.DecodeConfig(t, &cfg)
	m, err := zoo.NewBEiT3(zoo.BEiT3Config{
		ImageSize: cfg.Image, PatchSize: cfg.Patch, Width: cfg.Width, Heads: cfg.Heads, Hidden: cfg.FFN, Layers: cfg.Layers,
		Vocabulary: cfg.Vocab, TextPositions: cfg.TextPositions, NormEps: cfg.Eps,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newModelRun(t, c, m)
	var y *nn.Var
	if c.Has("ids") {
		pad, _ := c.I64(t, "pad")
		padded := make([]bool, len(pad))
		for i, v := range pad {
			padded[i] = v != 0
		}
		y = m.Encode(r.tape, r.x("image"), r.ids("ids"), padded)
	} else {
		y = m.Encode(r.tape, r.x("image"), nil, nil)
	}
	r.check(map[string]*nn.Var{"encoder_out": y})
}

func simvgPositionsCase(t *testing.T, c *Case) {
	var cfg struct {
		E, Text int
		Grid    [2]int
		From    int `json:"old_grid"`
		To      int `json:"new_grid"`
	}
	c.DecodeConfig(t, &cfg)
	pos, shape := c.F32(t, "pos")
	rows, err := zoo.ResizePositions(pos, shape[1], shape[0]-cfg.From*cfg.From, [2]int{cfg.From, cfg.From}, [2]int{cfg.To, cfg.To}, false)
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "pos_resized", rows, len(rows)/shape[1], shape[1])
	kernel, shape := c.F32(t, "kernel")
	to := c.Output("kernel_resized").Shape
	kernels, err := zoo.ResizeKernels(kernel, shape[3], to[3])
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "kernel_resized", kernels, shape[0], shape[1], to[3], to[3])
	c.Check(t, "sine1d_released", zoo.SinePositions(cfg.Text, cfg.E, true), cfg.Text, cfg.E)
	c.Check(t, "sine1d", zoo.SinePositions(cfg.Text, cfg.E, false), cfg.Text, cfg.E)
	c.Check(t, "sine2d", zoo.SineGrid(cfg.Grid[0], cfg.Grid[1], cfg.E), cfg.Grid[0]*cfg.Grid[1], cfg.E)
}

// samConfig has the fields of transformers' SamConfig.
type samConfig struct {
	Vision struct {
		Width  int     `json:"hidden_size"`
		Layers int     `json:"num_hidden_layers"`
		Heads  int     `json:"num_attention_heads"`
		Image  int     `json:"image_size"`
		Patch  int     `json:"patch_size"`
		Window int     `json:"window_size"`
		Global []int   `json:"global_attn_indexes"`
		Ratio  float64 `json:"mlp_ratio"`
	}
	Prompt struct {
		Width    int `json:"hidden_size"`
		Channels int `json:"mask_input_channels"`
	}
	Decoder struct {
		Hidden    int `json:"mlp_dim"`
		Layers    int `json:"num_hidden_layers"`
		Heads     int `json:"num_attention_heads"`
		Masks     int `json:"num_multimask_outputs"`
		IoUHidden int `json:"iou_head_hidden_dim"`
	}
	Multi bool `json:"multimask"`
}

// newSAMRun builds the model with the case's weights, which may lack those of the
// image encoder.
func newSAMRun(t *testing.T, c *Case) (samConfig, *zoo.SAM, *run) {
	t.Helper()
	var cfg samConfig
	c.DecodeConfig(t, &cfg)
	v, d := cfg.Vision, cfg.Decoder
	m, err := zoo.NewSAM(zoo.SAMConfig{
		ImageSize: v.Image, PatchSize: v.Patch, EncoderWidth: v.Width, EncoderLayers: v.Layers, EncoderHeads: v.Heads,
		Window: v.Window, Global: v.Global, MLPRatio: v.Ratio, Width: cfg.Prompt.Width, MaskChannels: cfg.Prompt.Channels,
		DecoderLayers: d.Layers, DecoderHeads: d.Heads, DecoderHidden: d.Hidden, MultiMasks: d.Masks, IoUHidden: d.IoUHidden,
		DecoderEps: 1e-6, // of transformers
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Has("image_embeddings") {
		m.Vision = nil
	}
	return cfg, m, newModelRun(t, c, m)
}

// samPrompts reads the case's prompts.
func samPrompts(t *testing.T, c *Case, r *run) zoo.SAMPrompts {
	t.Helper()
	var p zoo.SAMPrompts
	for _, in := range c.Inputs {
		switch in.Name {
		case "input_points":
			p.Points, _ = c.F32(t, in.Name)
		case "input_labels":
			p.Labels, _ = c.I64(t, in.Name)
		case "input_boxes":
			p.Boxes, _ = c.F32(t, in.Name)
		case "input_masks":
			p.Masks = r.x(in.Name)
			continue
		default:
			continue
		}
		p.Images, p.Count = in.Shape[0], in.Shape[1]
	}
	return p
}

func samEncoderCase(t *testing.T, c *Case) {
	_, m, r := newSAMRun(t, c)
	r.check(map[string]*nn.Var{"image_embeddings": m.Vision.Forward(r.tape, r.x("pixel_values"))})
}

func samPromptCase(t *testing.T, c *Case) {
	cfg, m, r := newSAMRun(t, c)
	p := samPrompts(t, c, r)
	tape := r.tape
	sparse, dense := m.Prompt.Embed(tape, p)
	places := m.Prompt.Places(tape)
	masks, ious := m.Decoder.Decode(tape, zoo.SAMQuery{Image: r.x("image_embeddings"), Places: places, Sparse: sparse, Dense: dense, Multi: cfg.Multi})
	c.Check(t, "sparse", tape.Host(sparse))
	c.Check(t, "dense", tape.Host(dense))
	c.Check(t, "image_pe", tape.Host(places), places.Shape()...)
	c.Check(t, "pred_masks", tape.Host(masks), masks.Shape()...)
	c.Check(t, "iou_scores", tape.Host(ious), ious.Shape()...)
	if err := tape.Err(); err != nil {
		t.Fatal(err)
	}
	if !r.wantsGradients() {
		return
	}
	dy, shape := c.F32(t, "dy.pred_masks")
	// The reference's scalar is the sum of masks times dy and of the scores.
	loss := tape.Add(tape.Sum(tape.Mul(masks, tape.Upload(dy, shape...)), false), tape.Sum(ious, false))
	if err := tape.Backward(loss); err != nil {
		t.Fatal(err)
	}
	for name, v := range r.in {
		switch o := c.Output("grad." + name); {
		case o == nil:
		case v.Grad == nil: // nothing flowed
			c.Check(t, o.Name, make([]float32, ops.Size(v.Shape())), v.Shape()...)
		default:
			c.Check(t, o.Name, v.Grad.Float32s(), v.Grad.Shape()...)
		}
	}
}

func samFullCase(t *testing.T, c *Case) {
	var sizes struct{ Resized, Original [2]int }
	c.DecodeConfig(t, &sizes)
	cfg, m, r := newSAMRun(t, c)
	rgb, shape := c.F32(t, "image_resized")
	side := cfg.Vision.Image
	pixels, err := zoo.SAMPixels(rgb, shape[1], shape[2], side)
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "pixel_values", pixels, 1, 3, side, side)
	p := samPrompts(t, c, r)
	masks, ious := m.Segment(r.tape, r.tape.Upload(pixels, 1, 3, side, side), p, c.Output("iou_scores").Shape[2] > 1)
	count := masks.Dim(2)
	flat := r.tape.Reshape(masks, p.Count, count, masks.Dim(3), masks.Dim(4))
	logits := zoo.SAMUpsample(r.tape, flat, side, sizes.Resized, sizes.Original)
	r.check(map[string]*nn.Var{"pred_masks": masks, "iou_scores": ious, "logits_original": logits})
	checkAbove(t, c, r.tape.Host(logits), p.Count*count)
}

// checkAbove compares the numbers of pixels above 0 in n masks with the output
// pixels_above_0, within its own field "abs".
func checkAbove(t *testing.T, c *Case, logits []float32, n int) {
	t.Helper()
	var file struct {
		Outputs []struct {
			Name string
			Abs  int64
		}
	}
	c.DecodeFile(t, "case.json", &file)
	var allowed int64
	for _, o := range file.Outputs {
		if o.Name == "pixels_above_0" {
			allowed = o.Abs
		}
	}
	want, _ := c.I64(t, "pixels_above_0")
	got := make([]int64, n)
	for i := range got {
		for _, v := range logits[i*len(logits)/n : (i+1)*len(logits)/n] {
			if v > 0 {
				got[i]++
			}
		}
		if diff := got[i] - want[i]; diff > allowed || diff < -allowed {
			t.Errorf("mask %d has %d pixels, want %d", i, got[i], want[i])
		}
	}
	c.checked["pixels_above_0"] = true
}
