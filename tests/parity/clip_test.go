package parity

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/safetensors"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	register("hf_clip", hfCLIPCase)
	register("hf_clip_text", hfCLIPTextCase)
	register("openai_clip", openAICLIPCase)
	register("clip_tokenizer", clipTokenizerCase)
	for _, size := range zoo.CLIPSizes() {
		name := strings.ToLower(strings.ReplaceAll(size.Name, "-", "_"))
		build := func(names zoo.CLIPNames) func(json.RawMessage) (nn.Module, error) {
			return func(json.RawMessage) (nn.Module, error) {
				c := size.Config
				c.Names = names
				return zoo.NewCLIP(c)
			}
		}
		registerModel("open_clip_"+name, build(zoo.OpenAINames))
		registerModel("open_clip_"+name+"_quickgelu", build(zoo.OpenAINames))
		if size.Config.Vision.Blocks == nil { // as in clip_vit_b32
			patch := strings.NewReplacer("b_", "b", "l_", "l").Replace(name)
			registerModel("clip_"+patch, build(zoo.HuggingFaceNames))
		}
	}
}

// hfTower has the fields of both configs of a CLIPModel.
type hfTower struct {
	Vocabulary   int     `json:"vocab_size"`
	Width        int     `json:"hidden_size"`
	Intermediate int     `json:"intermediate_size"`
	Layers       int     `json:"num_hidden_layers"`
	Heads        int     `json:"num_attention_heads"`
	Context      int     `json:"max_position_embeddings"`
	Image        int     `json:"image_size"`
	Patch        int     `json:"patch_size"`
	Act          string  `json:"hidden_act"`
	End          int64   `json:"eos_token_id"`
	Eps          float32 `json:"layer_norm_eps"`
}

func (h hfTower) ratio() float64 { return float64(h.Intermediate) / float64(h.Width) }

// quick says which of the two activations that CLIP was published with it is.
func (h hfTower) quick(t *testing.T) bool {
	t.Helper()
	switch h.Act {
	case "", "quick_gelu":
		return true
	case "gelu":
		return false
	}
	t.Fatalf("activation %q", h.Act)
	return false
}

func (h hfTower) text() zoo.CLIPText {
	end := h.End
	if end == 2 { // old configs say 2 and mean the largest id
		end = 0
	}
	return zoo.CLIPText{Context: h.Context, Vocabulary: h.Vocabulary, Width: h.Width, Heads: h.Heads, Layers: h.Layers,
		MLPRatio: h.ratio(), NormEps: h.Eps, End: end}
}

func hfCLIPCase(t *testing.T, c *Case) {
	var cfg struct {
		Text, Vision hfTower
		Embed        int `json:"projection_dim"`
	}
	c.DecodeConfig(t, &cfg)
	quick := cfg.Text.quick(t)
	if cfg.Vision.quick(t) != quick {
		t.Fatal("the towers have different activations")
	}
	v := cfg.Vision
	m, err := zoo.NewCLIP(zoo.CLIPConfig{
		Embed: cfg.Embed, Text: cfg.Text.text(), QuickGELU: quick, Names: zoo.HuggingFaceNames,
		Vision: zoo.CLIPVision{ImageSize: v.Image, PatchSize: v.Patch, Width: v.Width, Heads: v.Heads, Layers: v.Layers, MLPRatio: v.ratio(), NormEps: v.Eps},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newModelRun(t, c, m)
	ids, tape := r.ids("input_ids"), r.tape
	lastVision, class := m.Vision.Encode(tape, r.x("pixel_values"))
	lastText := m.Text.Encode(tape, ids)
	image := tape.MatMulT(class, m.ImageProjection, false, true)
	text := tape.MatMulT(m.Text.Pool(tape, lastText, ids), m.TextProjection, false, true)
	logits := m.Logits(tape, image, text)
	r.check(map[string]*nn.Var{
		"vision_last_hidden": lastVision, "vision_pooled": image, "text_last_hidden": lastText, "text_pooled": text,
		"image_embeds": tape.L2Normalize(image, -1, 1e-12), "text_embeds": tape.L2Normalize(text, -1, 1e-12),
		"logits_per_image": logits, "logits_per_text": tape.Transpose(logits, 0, 1), "loss": zoo.ContrastiveLoss(tape, logits),
	})
}

func hfCLIPTextCase(t *testing.T, c *Case) {
	var cfg hfTower
	c.DecodeConfig(t, &cfg)
	m, err := zoo.NewCLIPTextTower(cfg.text(), cfg.quick(t), zoo.HuggingFaceNames)
	if err != nil {
		t.Fatal(err)
	}
	r := newModelRun(t, c, underPrefix(t, c, "text_model", m))
	ids := r.ids("input_ids")
	last := m.Encode(r.tape, ids)
	r.check(map[string]*nn.Var{"last_hidden_state": last, "pooler_output": m.Pool(r.tape, last, ids)})
}

// openAICLIPCase runs a model with open_clip's config. Its loss is the cross
// entropy of the images against the texts in reverse, as the values of the
// reference show.
func openAICLIPCase(t *testing.T, c *Case) {
	var cfg struct {
		Embed  int `json:"embed_dim"`
		Vision struct {
			Image     int `json:"image_size"`
			Width     int
			Layers    json.RawMessage
			Patch     *int    `json:"patch_size"`
			HeadWidth int     `json:"head_width"`
			Ratio     float64 `json:"mlp_ratio"`
		}
		Text struct {
			Context    int `json:"context_length"`
			Vocabulary int `json:"vocab_size"`
			Width      int
			Heads      int
			Layers     int
			Ratio      float64 `json:"mlp_ratio"`
		}
		Quick bool `json:"quick_gelu"`
	}
	c.DecodeConfig(t, &cfg)
	v, x := cfg.Vision, cfg.Text
	if v.HeadWidth == 0 {
		v.HeadWidth = 64
	}
	vision := zoo.CLIPVision{ImageSize: v.Image, Width: v.Width, Heads: v.Width / v.HeadWidth, MLPRatio: v.Ratio}
	if json.Unmarshal(v.Layers, &vision.Layers) != nil {
		if err := json.Unmarshal(v.Layers, &vision.Blocks); err != nil {
			t.Fatal(err)
		}
		vision.Heads = 32 * v.Width / v.HeadWidth
	} else if v.Patch != nil {
		vision.PatchSize = *v.Patch
	}
	m, err := zoo.NewCLIP(zoo.CLIPConfig{
		Embed: cfg.Embed, Vision: vision, QuickGELU: cfg.Quick,
		Text: zoo.CLIPText{Context: x.Context, Vocabulary: x.Vocabulary, Width: x.Width, Heads: x.Heads, Layers: x.Layers, MLPRatio: x.Ratio},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newModelRun(t, c, m)
	r.tape.Training = false // a ResNet's running statistics
	image, text := m.EncodeImage(r.tape, r.x("image")), m.EncodeText(r.tape, r.ids("input_ids"))
	logits := m.Logits(r.tape, image, text)
	labels := make([]int64, logits.Dim(0))
	for i := range labels {
		labels[i] = int64(len(labels) - 1 - i)
	}
	pairs := tensor.New(tensor.WithShape(len(labels)), tensor.WithBacking(labels))
	r.check(map[string]*nn.Var{
		"image_features": image, "text_features": text, "logits": logits,
		"loss": r.tape.CrossEntropy(logits, pairs, nn.CrossEntropy{}),
	})
}

// newModelRun is a run of a model whose weights the case brings. Gradients of
// weights are checked by their names.
func newModelRun(t *testing.T, c *Case, m nn.Module) *run {
	t.Helper()
	e := cpu.New(cpu.Options{})
	t.Cleanup(e.Close)
	r := &run{t, c, nn.NewTape(e), map[string]*nn.Var{}}
	f, err := safetensors.Open(filepath.Join(c.Dir, "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := 0
	for _, entry := range nn.Entries(m) {
		info, ok := f.Info(entry.Name)
		if !ok || !slices.Equal(info.Shape, entry.Var.Shape()) {
			t.Fatalf("weight %s: shape %v, want %v", entry.Name, info.Shape, entry.Var.Shape())
		}
		seen++
		if info.Dtype == "I64" {
			continue // counters of batches
		}
		values, _, err := f.Float32(entry.Name)
		if err != nil {
			t.Fatal(err)
		}
		copy(entry.Var.Value.Float32s(), values)
		if !entry.Buffer {
			r.in[entry.Name] = entry.Var
		}
	}
	if seen != len(f.Names()) {
		t.Fatalf("the model has %d of the %d weights", seen, len(f.Names()))
	}
	return r
}

// underPrefix names what is in m as the case's weights do: older checkpoints of a
// part of a model have the part's prefix.
func underPrefix(t *testing.T, c *Case, prefix string, m nn.Module) nn.Module {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(c.Dir, "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if slices.ContainsFunc(f.Names(), func(n string) bool { return strings.HasPrefix(n, prefix+".") }) {
		return prefixed{prefix, m}
	}
	return m
}

// prefixed puts a module under a name.
type prefixed struct {
	name string
	nn.Module
}

// Collect implements nn.Module.
func (n prefixed) Collect(c *nn.Collector) { c.Module(n.name, n.Module) }

func clipTokenizerCase(t *testing.T, c *Case) {
	var cfg struct {
		Vocab   string
		Context int `json:"context_length"`
		Sot     int64
		Eot     int64
		Pad     int64
	}
	c.DecodeConfig(t, &cfg)
	var want struct {
		Sentences []struct {
			Text, Cleaned, Decoded string
			Ids                    []int64 `json:"bpe"`
			Padded                 []int64
			Length                 int `json:"padded_length"`
		}
	}
	c.DecodeFile(t, "expected.json", &want)
	f, err := os.Open(filepath.Join(c.Dir, filepath.FromSlash(cfg.Vocab)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	k, err := zoo.ReadTokenizer(f)
	if err != nil {
		t.Fatal(err)
	}
	if k.Start() != cfg.Sot || k.End() != cfg.Eot {
		t.Errorf("start %d and end %d of text, want %d and %d", k.Start(), k.End(), cfg.Sot, cfg.Eot)
	}
	for _, s := range want.Sentences {
		if got := zoo.CleanText(s.Text); got != s.Cleaned {
			t.Errorf("%q: cleaned %q, want %q", s.Text, got, s.Cleaned)
		}
		ids := k.Encode(s.Text)
		if !slices.Equal(ids, s.Ids) {
			t.Errorf("%q: ids %v, want %v", s.Text, ids, s.Ids)
		}
		if got := k.Decode(ids); got != s.Decoded {
			t.Errorf("%q: decoded %q, want %q", s.Text, got, s.Decoded)
		}
		row, err := k.Tokenize(s.Text, zoo.Context{Length: cfg.Context, Pad: cfg.Pad})
		if err != nil || len(row) != s.Length || len(row) < len(s.Padded) || !slices.Equal(row[:len(s.Padded)], s.Padded) || !allEqual(row[len(s.Padded):], cfg.Pad) {
			t.Errorf("%q: row %v, want %v and %d until %d (%v)", s.Text, row, s.Padded, cfg.Pad, s.Length, err)
		}
	}
}

func allEqual(v []int64, value int64) bool {
	return !slices.ContainsFunc(v, func(x int64) bool { return x != value })
}
