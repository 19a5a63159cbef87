package zoo

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// CLIPConfig describes CLIP (Radford et al., arXiv:2103.00020): a tower for
// images, one for text, and a space of Embed dimensions that both lead to.
type CLIPConfig struct {
	Embed     int
	Vision    CLIPVision
	Text      CLIPText
	QuickGELU bool // x sigmoid(1.702 x) as OpenAI's models have it; else GELU
	Names     CLIPNames
}

// CLIPNames says whose names and shapes the weights have.
type CLIPNames string

// Two forms are published. Both compute the same.
const (
	OpenAINames      CLIPNames = ""            // visual.*, transformer.resblocks.*: OpenAI and open_clip
	HuggingFaceNames CLIPNames = "huggingface" // vision_model.*, text_model.*; vision transformers only
)

// CLIPVision describes the image tower: a vision transformer, or with Blocks the
// modified ResNet.
type CLIPVision struct {
	ImageSize, Width, Heads int
	Layers, PatchSize       int     // of a vision transformer
	Blocks                  []int   // of a ResNet's four stages; nil: a vision transformer
	MLPRatio                float64 // 0: 4
	NormEps                 float32 // 0: 1e-5
}

// CLIPText describes the text tower.
type CLIPText struct {
	Context, Vocabulary  int
	Width, Heads, Layers int
	MLPRatio             float64 // 0: 4
	NormEps              float32 // 0: 1e-5
	End                  int64   // the first of these ids is where a sentence is read; 0: at the largest id
}

// CLIP compares images with sentences.
type CLIP struct {
	Config     CLIPConfig
	Vision     *CLIPVisionTower // nil where the tower is a ResNet
	ResNet     *CLIPResNet      // nil where it is a vision transformer
	Text       *CLIPTextTower
	LogitScale *nn.Var // scalar, the logarithm of the scale of cosines

	// The maps into the shared space; the image's is nil for a ResNet, whose
	// attention pool ends there. OpenAI's are (width, Embed) matrices, Hugging
	// Face's are (Embed, width) as Linear has them.
	ImageProjection, TextProjection *nn.Var
}

// NewCLIP returns CLIP with zero weights.
func NewCLIP(c CLIPConfig) (*CLIP, error) {
	if err := positive("clip", c.Embed); err != nil {
		return nil, err
	}
	text, err := NewCLIPTextTower(c.Text, c.QuickGELU, c.Names)
	if err != nil {
		return nil, err
	}
	m := &CLIP{Config: c, Text: text, LogitScale: nn.NewParam(nn.Constant(math.Log(1 / 0.07)))}
	m.TextProjection = m.projection(c.Text.Width)
	if c.Vision.Blocks == nil {
		m.ImageProjection = m.projection(c.Vision.Width)
		m.Vision, err = NewCLIPVisionTower(c.Vision, c.QuickGELU, c.Names)
		return m, err
	}
	if c.Names == HuggingFaceNames {
		return nil, fault.New(fault.Usage, "zoo: clip: Hugging Face has no names for a ResNet tower")
	}
	m.ResNet, err = NewCLIPResNet(c.Vision, c.Embed)
	return m, err
}

func (m *CLIP) projection(width int) *nn.Var {
	init := nn.Normal(0, 1/math.Sqrt(float64(width)))
	if m.Config.Names == HuggingFaceNames {
		return nn.NewParam(init, m.Config.Embed, width)
	}
	return nn.NewParam(init, width, m.Config.Embed)
}

// Collect implements nn.Module.
func (m *CLIP) Collect(c *nn.Collector) {
	c.Param("logit_scale", m.LogitScale)
	if m.Config.Names == HuggingFaceNames {
		c.Module("text_model", m.Text)
		c.Module("vision_model", m.Vision)
		c.Param("visual_projection.weight", m.ImageProjection)
		c.Param("text_projection.weight", m.TextProjection)
		return
	}
	c.Param("text_projection", m.TextProjection)
	if m.ResNet != nil {
		c.Module("visual", m.ResNet)
	} else {
		c.Param("visual.proj", m.ImageProjection)
		c.Module("visual", m.Vision)
	}
	c.Module("", m.Text)
}

// EncodeImage returns the features (N, Embed) of images (N, 3, S, S), before they
// are normalised.
func (m *CLIP) EncodeImage(t *nn.Tape, x *nn.Var) *nn.Var {
	if m.ResNet != nil {
		return m.ResNet.Forward(t, x)
	}
	_, pooled := m.Vision.Encode(t, x)
	return m.project(t, pooled, m.ImageProjection)
}

// EncodeText returns the features (N, Embed) of token ids (N, T), int64 in the
// engine's memory, before they are normalised.
func (m *CLIP) EncodeText(t *nn.Tape, ids *tensor.Dense) *nn.Var {
	return m.project(t, m.Text.Pool(t, m.Text.Encode(t, ids), ids), m.TextProjection)
}

func (m *CLIP) project(t *nn.Tape, x, p *nn.Var) *nn.Var {
	return t.MatMulT(x, p, false, m.Config.Names == HuggingFaceNames)
}

// Logits returns exp(logit scale) times the cosines of features: (images, texts).
// The features need not be normalised.
func (m *CLIP) Logits(t *nn.Tape, images, texts *nn.Var) *nn.Var {
	images, texts = t.L2Normalize(images, -1, clipNormEps), t.L2Normalize(texts, -1, clipNormEps)
	return t.Mul(t.MatMulT(images, texts, false, true), t.Exp(m.LogitScale))
}

// clipNormEps keeps a feature of zeros finite; CLIP itself divides by the norm.
const clipNormEps = 1e-12

// ContrastiveLoss returns the mean of the cross entropies of a square matrix of
// logits along rows and along columns, where pair i belongs together (figure 3).
func ContrastiveLoss(t *nn.Tape, logits *nn.Var) *nn.Var {
	if t.Err() == nil && (len(logits.Shape()) != 2 || logits.Dim(0) != logits.Dim(1)) {
		return t.Fail(fault.New(fault.Usage, "contrastive loss: logits %v, want a square", logits.Shape()))
	}
	labels := make([]int64, logits.Dim(0))
	for i := range labels {
		labels[i] = int64(i)
	}
	pairs := tensor.New(tensor.WithShape(len(labels)), tensor.WithBacking(labels))
	rows := t.CrossEntropy(logits, pairs, nn.CrossEntropy{})
	cols := t.CrossEntropy(t.Transpose(logits, 0, 1), pairs, nn.CrossEntropy{})
	return t.Scale(t.Add(rows, cols), 0.5)
}
