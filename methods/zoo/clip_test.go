package zoo

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func TestPublishedCLIPSizes(t *testing.T) {
	for _, s := range CLIPSizes() {
		if testing.Short() && s.Params > 2e8 {
			continue
		}
		for _, names := range []CLIPNames{OpenAINames, HuggingFaceNames} {
			c := s.Config
			c.Names = names
			if names == HuggingFaceNames && c.Vision.Blocks != nil {
				continue
			}
			m, err := NewCLIP(c)
			if err != nil {
				t.Fatal(err)
			}
			if n := nn.CountParams(m); n != s.Params {
				t.Errorf("%s: %d trained values, want %d (%s)", s.Name, n, s.Params, s.Counts)
			}
		}
	}
}

// Counts of tensors and of the towers in specs/fgvp.md section 5.
func TestPartsOfCLIP(t *testing.T) {
	if _, err := PublishedCLIP("ViT-B-31"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("ViT-B-31: %v", err)
	}
	if c, err := PublishedCLIP("ViT-L/14@336px"); err != nil || c.Vision.ImageSize != 336 {
		t.Errorf("ViT-L/14@336px: %+v, %v", c, err)
	}
	c, err := PublishedCLIP("vit_b_32_quickgelu")
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewCLIP(c)
	if err != nil {
		t.Fatal(err)
	}
	visual, text := 0, 0
	for _, e := range nn.Params(m) {
		n := len(e.Var.Value.Float32s())
		switch {
		case strings.HasPrefix(e.Name, "visual."):
			visual += n
		case e.Name != "logit_scale":
			text += n
		}
	}
	if visual != 87_849_216 || text != 63_428_096 {
		t.Errorf("%d values in the image tower, %d in the text tower", visual, text)
	}
	if n := len(nn.Entries(m)); n != 302 {
		t.Errorf("%d tensors, want 302", n)
	}
	c.Names = HuggingFaceNames
	if m, err = NewCLIP(c); err != nil || len(nn.Entries(m)) != 398 {
		t.Errorf("%d tensors under Hugging Face's names, want 398 (%v)", len(nn.Entries(m)), err)
	}
}

func tinyCLIP(t *testing.T, names CLIPNames) *CLIP {
	t.Helper()
	m, err := NewCLIP(CLIPConfig{
		Embed: 6, QuickGELU: true, Names: names,
		Vision: CLIPVision{ImageSize: 16, PatchSize: 8, Width: 8, Heads: 2, Layers: 1},
		Text:   CLIPText{Context: 7, Vocabulary: 20, Width: 8, Heads: 2, Layers: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(m)
	return m
}

func ids(rows int, v ...int64) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, len(v)/rows), tensor.WithBacking(v))
}

// The two forms of names hold the same numbers: copied from one to the other they
// give the same features.
func TestBothFormsOfNamesComputeTheSame(t *testing.T) {
	a, b := tinyCLIP(t, OpenAINames), tinyCLIP(t, HuggingFaceNames)
	from := map[string]*nn.Var{}
	for _, e := range nn.Entries(a) {
		from[e.Name] = e.Var
	}
	rename := strings.NewReplacer(
		"text_model.embeddings.token_embedding", "token_embedding", "text_model.embeddings.position_embedding.weight", "positional_embedding",
		"text_model.encoder.layers", "transformer.resblocks", "text_model.final_layer_norm", "ln_final",
		"vision_model.embeddings.patch_embedding", "visual.conv1", "vision_model.embeddings.class_embedding", "visual.class_embedding",
		"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding",
		"vision_model.encoder.layers", "visual.transformer.resblocks", "vision_model.pre_layrnorm", "visual.ln_pre", "vision_model.post_layernorm", "visual.ln_post",
		"layer_norm1", "ln_1", "layer_norm2", "ln_2", "mlp.fc1", "mlp.c_fc", "mlp.fc2", "mlp.c_proj", "self_attn.out_proj", "attn.out_proj",
		"self_attn.q_proj.", "attn.in_proj_0", "self_attn.k_proj.", "attn.in_proj_1", "self_attn.v_proj.", "attn.in_proj_2",
		"visual_projection.weight", "visual.proj", "text_projection.weight", "text_projection")
	for _, e := range nn.Entries(b) {
		name, dst := rename.Replace(e.Name), e.Var.Value.Float32s()
		if base, kind, ok := strings.Cut(name, "in_proj_"); ok { // a third of a packed tensor
			copy(dst, from[base+"in_proj_"+kind[1:]].Value.Float32s()[int(kind[0]-'0')*len(dst):])
			continue
		}
		src := from[name]
		if src == nil {
			t.Fatalf("%s is not %s", e.Name, name)
		}
		copy(dst, src.Value.Float32s())
		if strings.HasSuffix(e.Name, "projection.weight") { // the transpose
			for i := range 6 {
				for j := range 8 {
					dst[i*8+j] = src.Value.Float32s()[j*6+i]
				}
			}
		}
	}
	x := testImages(2, 16)
	tokens := ids(2, 18, 1, 2, 19, 0, 0, 0, 18, 3, 4, 5, 6, 7, 19)
	var features [2][]float32
	for i, m := range []*CLIP{a, b} {
		tape := nn.NewTape(newEngine(t))
		image, text := m.EncodeImage(tape, tape.Upload(x, 2, 3, 16, 16)), m.EncodeText(tape, tokens)
		features[i] = append(append(tape.Host(image), tape.Host(text)...), tape.Host(m.Logits(tape, image, text))...)
		if err := tape.Err(); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "features", features[1], features[0], 1e-4)
}

// A sentence is read at its first end: what stands behind it is not seen.
func TestTextBehindTheEndDoesNotMatter(t *testing.T) {
	m := tinyCLIP(t, OpenAINames)
	tape := nn.NewTape(newEngine(t))
	a := tape.Host(m.EncodeText(tape, ids(1, 18, 1, 2, 19, 0, 0, 0)))
	b := tape.Host(m.EncodeText(tape, ids(1, 18, 1, 2, 19, 5, 19, 7)))
	if !slices.Equal(a, b) {
		t.Errorf("%v and %v (%v)", a, b, tape.Err())
	}
	m.Text.Config.End = 2
	c := tape.Host(m.EncodeText(tape, ids(1, 18, 1, 2, 19, 0, 0, 0)))
	d := tape.Host(m.EncodeText(tape, ids(1, 18, 1, 2, 7, 7, 7, 7)))
	if !slices.Equal(c, d) || slices.Equal(a, c) {
		t.Errorf("read at id 2: %v and %v", c, d)
	}
}

func TestContrastiveLossOfEqualLogits(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	loss := tape.Host(ContrastiveLoss(tape, tape.Upload(make([]float32, 9), 3, 3)))
	if len(loss) != 1 || math.Abs(float64(loss[0])-math.Log(3)) > 1e-6 {
		t.Errorf("%v, want ln 3", loss)
	}
	ContrastiveLoss(tape, tape.Upload(make([]float32, 6), 2, 3))
	if fault.CodeOf(tape.Err()) != fault.Usage {
		t.Errorf("logits (2, 3): %v", tape.Err())
	}
}

func TestCLIPRefusesWhatDoesNotFit(t *testing.T) {
	ok := tinyCLIP(t, OpenAINames).Config
	for name, change := range map[string]func(c *CLIPConfig){
		"heads of the image tower":   func(c *CLIPConfig) { c.Vision.Heads = 3 },
		"heads of the text tower":    func(c *CLIPConfig) { c.Text.Heads = 3 },
		"no layers":                  func(c *CLIPConfig) { c.Text.Layers = 0 },
		"no space":                   func(c *CLIPConfig) { c.Embed = 0 },
		"patches":                    func(c *CLIPConfig) { c.Vision.PatchSize = 5 },
		"three stages":               func(c *CLIPConfig) { c.Vision.Blocks = []int{1, 1, 1} },
		"an image that is no 32 n":   func(c *CLIPConfig) { c.Vision.Blocks = []int{1, 1, 1, 1} },
		"a ResNet of Hugging Face's": func(c *CLIPConfig) { c.Vision.Blocks, c.Names = []int{1, 1, 1, 1}, HuggingFaceNames },
	} {
		c := ok
		change(&c)
		if _, err := NewCLIP(c); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := tinyCLIP(t, OpenAINames)
	for name, run := range map[string]func(tape *nn.Tape){
		"an image of another size": func(tape *nn.Tape) { m.EncodeImage(tape, tape.Upload(testImages(1, 24), 1, 3, 24, 24)) },
		"a long sentence":          func(tape *nn.Tape) { m.EncodeText(tape, ids(1, make([]int64, 8)...)) },
		"one row of ids":           func(tape *nn.Tape) { m.EncodeText(tape, tensor.New(tensor.WithBacking([]int64{1, 2}))) },
		"an id out of reach":       func(tape *nn.Tape) { m.EncodeText(tape, ids(1, 20)) },
		"ids of other sentences": func(tape *nn.Tape) {
			m.Text.Pool(tape, m.Text.Encode(tape, ids(1, 1, 2)), ids(1, 1, 2, 3))
		},
	} {
		tape := nn.NewTape(newEngine(t))
		if run(tape); fault.CodeOf(tape.Err()) != fault.Usage {
			t.Errorf("%s: %v", name, tape.Err())
		}
	}
}
