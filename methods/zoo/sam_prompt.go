package zoo

import (
	"fmt"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SAMPrompts are P prompts for each of N images, in pixels of the network's input.
// Each prompt has the same number of points, and a box or none.
type SAMPrompts struct {
	Images, Count int
	Points        []float32 // (N, P, K, 2), x before y
	Labels        []int64   // (N, P, K): 1 inside, 0 outside, -1 no point, -10 a point that says nothing
	Boxes         []float32 // (N, P, 4), corners x0, y0, x1, y1
	Masks         *nn.Var   // (N, 1, 4G, 4G), logits of an earlier answer; nil: none
}

// SAMPromptEncoder turns prompts into tokens and into an addition to the image's
// embedding.
type SAMPromptEncoder struct {
	Config SAMConfig

	// Fourier (2, Width/2) holds random frequencies (Tancik et al.,
	// arXiv:2006.10739). It is no subject of training.
	Fourier  *nn.Var
	Kinds    [4]*nn.Var // (1, Width): a point outside, inside, a box's two corners
	NotPoint *nn.Var    // (1, Width), for label -1
	NoMask   *nn.Var    // (1, Width)
	Conv     [3]*nn.Conv2d
	Norm     [2]*nn.LayerNorm2d
}

func newSAMPromptEncoder(c SAMConfig) *SAMPromptEncoder {
	token := func() *nn.Var { return nn.NewParam(nn.Normal(0, 1), 1, c.Width) }
	e := &SAMPromptEncoder{
		Config:   c,
		Fourier:  nn.NewParam(nn.Normal(0, 1), 2, c.Width/2),
		NotPoint: token(), NoMask: token(),
		Conv: [3]*nn.Conv2d{
			nn.NewConv2d(1, c.MaskChannels/4, 2, stride(2), true),
			nn.NewConv2d(c.MaskChannels/4, c.MaskChannels, 2, stride(2), true),
			nn.NewConv2d(c.MaskChannels, c.Width, 1, stride(1), true),
		},
		Norm: [2]*nn.LayerNorm2d{nn.NewLayerNorm2d(c.MaskChannels / 4), nn.NewLayerNorm2d(c.MaskChannels)},
	}
	e.Fourier.Frozen = true
	for i := range e.Kinds {
		e.Kinds[i] = token()
	}
	return e
}

// Collect implements nn.Module.
func (e *SAMPromptEncoder) Collect(c *nn.Collector) {
	c.Buffer("shared_embedding.positional_embedding", e.Fourier)
	for i, conv := range e.Conv {
		c.Module(fmt.Sprint("mask_embed.conv", i+1), conv)
	}
	c.Module("mask_embed.layer_norm1", e.Norm[0])
	c.Module("mask_embed.layer_norm2", e.Norm[1])
	c.Param("no_mask_embed.weight", e.NoMask)
	for i, v := range e.Kinds {
		c.Param(fmt.Sprintf("point_embed.%d.weight", i), v)
	}
	c.Param("not_a_point_embed.weight", e.NotPoint)
}

// samToken is a point or a corner on its way to a token: its place, from 0 to 1,
// whether the place counts, and which vector is added; -1: none.
type samToken struct {
	x, y  float64
	place bool
	kind  int
}

// notPoint is the index of NotPoint behind the Kinds.
const notPoint = 4

// Embed returns the tokens of the prompts (N*P, K, Width), nil where there is
// neither a point nor a box, and the dense embedding (N or 1, Width, G, G).
func (e *SAMPromptEncoder) Embed(t *nn.Tape, p SAMPrompts) (sparse, dense *nn.Var) {
	dense = t.Reshape(e.NoMask, 1, e.Config.Width, 1, 1)
	if p.Masks != nil {
		dense = t.Scope(func() *nn.Var { return e.embedMasks(t, p.Masks) })
	} else {
		dense = t.Expand(dense, 1, e.Config.Width, e.Config.grid(), e.Config.grid())
	}
	list, err := e.tokens(p)
	if err != nil {
		return t.Fail(err), dense
	}
	if len(list) == 0 {
		return nil, dense
	}
	places, keep, kinds := make([]float32, 0, 2*len(list)), make([]float32, len(list)), make([]float32, len(list)*(notPoint+1))
	for i, token := range list {
		places = append(places, float32(2*token.x-1), float32(2*token.y-1))
		if token.place {
			keep[i] = 1
		}
		if token.kind >= 0 {
			kinds[i*(notPoint+1)+token.kind] = 1
		}
	}
	y := t.Mul(e.waves(t, t.Upload(places, len(list), 2)), t.Upload(keep, len(list), 1))
	vectors := t.Concat(0, e.Kinds[0], e.Kinds[1], e.Kinds[2], e.Kinds[3], e.NotPoint)
	y = t.Add(y, t.MatMul(t.Upload(kinds, len(list), notPoint+1), vectors))
	return t.Reshape(y, p.Images*p.Count, -1, e.Config.Width), dense
}

// tokens lists the tokens of all prompts: points, a place holder where no box
// follows, corners. Coordinates name pixels; half a pixel leads to their centres.
func (e *SAMPromptEncoder) tokens(p SAMPrompts) ([]samToken, error) {
	prompts := p.Images * p.Count
	if err := positive("sam", p.Images, p.Count); err != nil {
		return nil, err
	}
	points := len(p.Labels) / prompts
	if len(p.Points) != 2*len(p.Labels) || points*prompts != len(p.Labels) || len(p.Boxes) != 0 && len(p.Boxes) != 4*prompts {
		return nil, fault.New(fault.Usage, "sam: %d numbers of points, %d labels and %d numbers of boxes for %d images of %d prompts",
			len(p.Points), len(p.Labels), len(p.Boxes), p.Images, p.Count)
	}
	size := float64(e.Config.ImageSize)
	at := func(xy []float32) (x, y float64) {
		return (float64(xy[0]) + 0.5) / size, (float64(xy[1]) + 0.5) / size
	}
	var list []samToken
	for i := range prompts {
		for k := i * points; k < (i+1)*points; k++ {
			token := samToken{kind: int(p.Labels[k])}
			token.x, token.y = at(p.Points[2*k:])
			switch p.Labels[k] {
			case 0, 1:
				token.place = true
			case -1:
				token.kind = notPoint
			case -10:
				token.kind = -1
			default:
				return nil, fault.New(fault.Usage, "sam: label %d of a point, want 1, 0, -1 or -10", p.Labels[k])
			}
			list = append(list, token)
		}
		if len(p.Boxes) == 0 {
			if points > 0 {
				list = append(list, samToken{kind: notPoint})
			}
			continue
		}
		for corner := range 2 {
			token := samToken{place: true, kind: 2 + corner}
			token.x, token.y = at(p.Boxes[4*i+2*corner:])
			list = append(list, token)
		}
	}
	return list, nil
}

// waves returns sines and cosines of places (n, 2) from -1 to 1: (n, Width).
func (e *SAMPromptEncoder) waves(t *nn.Tape, places *nn.Var) *nn.Var {
	angles := t.Scale(t.MatMul(places, e.Fourier), 2*math.Pi)
	return t.Concat(1, t.Sin(angles), t.Cos(angles))
}

// Places returns the embedding of the image's tokens' places: (1, Width, G, G).
func (e *SAMPromptEncoder) Places(t *nn.Tape) *nn.Var {
	grid := e.Config.grid()
	places := make([]float32, 0, 2*grid*grid)
	for y := range grid {
		for x := range grid {
			places = append(places, float32(2*(float64(x)+0.5)/float64(grid)-1), float32(2*(float64(y)+0.5)/float64(grid)-1))
		}
	}
	y := t.Reshape(e.waves(t, t.Upload(places, grid*grid, 2)), 1, grid, grid, e.Config.Width)
	return t.Permute(y, 0, 3, 1, 2)
}

// embedMasks reduces masks (N, 1, 4G, 4G) to (N, Width, G, G).
func (e *SAMPromptEncoder) embedMasks(t *nn.Tape, masks *nn.Var) *nn.Var {
	if side := 4 * e.Config.grid(); t.Err() == nil && (len(masks.Shape()) != 4 || masks.Dim(1) != 1 || masks.Dim(2) != side || masks.Dim(3) != side) {
		return t.Fail(fault.New(fault.Usage, "sam: mask prompts %v, want (N, 1, %d, %d)", masks.Shape(), side, side))
	}
	y := t.GELU(e.Norm[0].Forward(t, e.Conv[0].Forward(t, masks)))
	y = t.GELU(e.Norm[1].Forward(t, e.Conv[1].Forward(t, y)))
	return e.Conv[2].Forward(t, y)
}
