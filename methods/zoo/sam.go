package zoo

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SAMConfig describes Segment Anything (Kirillov et al., arXiv:2304.02643).
type SAMConfig struct {
	ImageSize, PatchSize int // pixels; images are squares

	// The image encoder: a ViT whose layers attend within windows but for a few.
	EncoderWidth, EncoderLayers, EncoderHeads int

	Window   int     // tokens a side
	Global   []int   // layers that attend to all tokens
	MLPRatio float64 // 0: 4

	Width        int // of embeddings, prompts and the decoder
	MaskChannels int // inside the embedding of a mask prompt; 0: 16

	DecoderLayers, DecoderHeads, DecoderHidden int // 0: 2, 8, 2048

	MultiMasks int     // masks for an ambiguous prompt, beside the single one; 0: 3
	IoUHidden  int     // 0: Width
	DecoderEps float32 // of the norms in the decoder's layers; 0: 1e-5
	Recompute  bool    // keep the inputs of the encoder's layers alone while training
}

// The published sizes.
var (
	SAMBase  = samSize(768, 12, 12, 2, 5, 8, 11)
	SAMLarge = samSize(1024, 24, 16, 5, 11, 17, 23)
	SAMHuge  = samSize(1280, 32, 16, 7, 15, 23, 31)
)

func samSize(width, layers, heads int, global ...int) SAMConfig {
	return SAMConfig{
		ImageSize: 1024, PatchSize: 16, EncoderWidth: width, EncoderLayers: layers, EncoderHeads: heads,
		Window: 14, Global: global, Width: 256,
	}
}

// SAM segments what points, boxes and masks prompt for. Its weights have the names
// of transformers; specs/fgvp.md section 6 maps them to the original ones.
//
//	image := m.Vision.Forward(t, pixels)
//	sparse, dense := m.Prompt.Embed(t, prompts)
//	masks, ious := m.Decoder.Decode(t, zoo.SAMQuery{Image: image, Places: m.Prompt.Places(t), ...})
type SAM struct {
	Config  SAMConfig
	Vision  *SAMEncoder
	Prompt  *SAMPromptEncoder
	Decoder *SAMDecoder
}

// NewSAM returns the network with zero weights.
func NewSAM(c SAMConfig) (*SAM, error) {
	setDefault(&c.MLPRatio, 4)
	setDefault(&c.MaskChannels, 16)
	setDefault(&c.DecoderLayers, 2)
	setDefault(&c.DecoderHeads, 8)
	setDefault(&c.DecoderHidden, 2048)
	setDefault(&c.MultiMasks, 3)
	setDefault(&c.IoUHidden, c.Width)
	setDefault(&c.DecoderEps, 1e-5)
	if err := c.check(); err != nil {
		return nil, err
	}
	return &SAM{c, newSAMEncoder(c), newSAMPromptEncoder(c), newSAMDecoder(c)}, nil
}

func (c SAMConfig) check() error {
	err := positive("sam", c.ImageSize, c.PatchSize, c.EncoderWidth, c.EncoderLayers, c.EncoderHeads, c.Window, c.Width,
		c.MaskChannels, c.DecoderLayers, c.DecoderHeads, c.DecoderHidden, c.MultiMasks, c.IoUHidden, hiddenWidth(c.EncoderWidth, c.MLPRatio))
	if err != nil {
		return err
	}
	if err := divisible("sam", c.EncoderWidth, c.EncoderHeads); err != nil {
		return err
	}
	if err := divisible("sam", c.Width/2, c.DecoderHeads); err != nil {
		return err
	}
	switch {
	case c.ImageSize%c.PatchSize != 0:
		return fault.New(fault.Usage, "zoo: sam: an image of %d pixels does not split into patches of %d", c.ImageSize, c.PatchSize)
	case c.Width%8 != 0 || c.MaskChannels%4 != 0:
		return fault.New(fault.Usage, "zoo: sam: width %d and mask channels %d, want multiples of 8 and 4", c.Width, c.MaskChannels)
	}
	return nil
}

// grid is the number of tokens a side.
func (c SAMConfig) grid() int { return c.ImageSize / c.PatchSize }

// Collect implements nn.Module. Parts that are nil are left out.
func (m *SAM) Collect(c *nn.Collector) {
	if m.Prompt != nil {
		c.Param("shared_image_embedding.positional_embedding", m.Prompt.Fourier)
	}
	if m.Vision != nil {
		c.Module("vision_encoder", m.Vision)
	}
	if m.Prompt != nil {
		c.Module("prompt_encoder", m.Prompt)
	}
	if m.Decoder != nil {
		c.Module("mask_decoder", m.Decoder)
	}
}

// Segment runs the whole network: logits of masks (N, P, M, 4G, 4G) and their
// predicted IoUs (N, P, M) for images (N, 3, S, S), whose values are normalised by
// SAMMean and SAMStd, with P prompts each; G is S over the patch's size. M is
// Config.MultiMasks where multi is set, else 1.
func (m *SAM) Segment(t *nn.Tape, images *nn.Var, p SAMPrompts, multi bool) (masks, ious *nn.Var) {
	image := m.Vision.Forward(t, images)
	sparse, dense := m.Prompt.Embed(t, p)
	return m.Decoder.Decode(t, SAMQuery{Image: image, Places: m.Prompt.Places(t), Sparse: sparse, Dense: dense, Multi: multi})
}

// SAMMean and SAMStd normalise pixels from 0 to 255; what lies beyond the image is
// 0 after that.
var (
	SAMMean = [3]float32{123.675, 116.28, 103.53}
	SAMStd  = [3]float32{58.395, 57.12, 57.375}
)

// SAMPixels returns the network's input (1, 3, side, side) for an image that was
// resized so that its longer side is side: channels of height x width values from
// 0 to 255, in the order red, green, blue.
func SAMPixels(rgb []float32, height, width, side int) ([]float32, error) {
	if err := positive("sam", height, width); err != nil {
		return nil, err
	}
	if height > side || width > side || len(rgb) != 3*height*width {
		return nil, fault.New(fault.Usage, "sam: %d values for an image of %d x %d (height x width), the input is %d a side", len(rgb), height, width, side)
	}
	out := make([]float32, 3*side*side)
	for i, v := range rgb {
		c, y, x := i/(height*width), i/width%height, i%width
		out[(c*side+y)*side+x] = (v - SAMMean[c]) / SAMStd[c]
	}
	return out, nil
}
