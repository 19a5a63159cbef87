package teskd

import (
	"fmt"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Branches is the number of students. Student j stands on stage j of four; it is
// number j-1 in arrays, as stage j is.
const Branches = 3

// Shape is what the students are built for.
type Shape struct {
	Channels [Branches + 1]int // of the stages; the last is that of the map that is pooled
	Kernels  [Branches]int     // of the heads: side and stride of the window that student j takes together
	Width    int               // channels of the branches; 0: those of the last stage, as published
	Classes  int
}

func (s *Shape) check() error {
	if s.Width == 0 {
		s.Width = s.Channels[Branches]
	}
	for _, n := range append(append(s.Channels[:], s.Kernels[:]...), s.Width, s.Classes) {
		if n < 1 {
			return fault.New(fault.Usage, "teskd: students %+v, want at least 1 each", *s)
		}
	}
	return nil
}

// Students are the three classifiers that grow on the backbone's stages, from the last
// one up (specs/teskd.md section 2). They serve in training alone.
type Students struct {
	lateral [Branches + 1]*unit
	up      [Branches]*unit
	fuse    [Branches]*unit
	head    [Branches]*head
	fc      [Branches]*nn.Linear
}

// NewStudents returns students with torch's initial distributions, which
// nn.Initialise draws.
func NewStudents(s Shape) (*Students, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	features := s.Channels[Branches]
	n := &Students{}
	for i, channels := range s.Channels {
		n.lateral[i] = newUnit(channels, s.Width, 1, false)
	}
	for j, kernel := range s.Kernels {
		n.up[j] = newUnit(s.Width, s.Width, 1, false)
		n.fuse[j] = newUnit(2*s.Width, s.Width, 1, false)
		n.head[j] = &head{newUnit(s.Width, s.Width, kernel, true), newUnit(s.Width, features, 1, true)}
		n.fc[j] = nn.NewLinear(features, s.Classes, true)
	}
	return n, nil
}

// Collect implements nn.Module: lateral1 to lateral4, and up, fuse, head and fc of
// each student by its number, each numbered inside as torch.nn.Sequential does.
func (n *Students) Collect(c *nn.Collector) {
	for i, l := range n.lateral {
		c.Module(fmt.Sprintf("lateral%d", i+1), l)
	}
	for j := range Branches {
		for _, part := range []struct {
			name string
			m    nn.Module
		}{{"up", n.up[j]}, {"fuse", n.fuse[j]}, {"head", n.head[j]}, {"fc", n.fc[j]}} {
			c.Module(fmt.Sprintf("%s%d", part.name, j+1), part.m)
		}
	}
}

// Branch is what a student says: its feature (B, D), rectified, and logits (B, Classes).
// Both are nil where the student was not asked.
type Branch struct{ Feature, Logits *nn.Var }

// Forward runs the students that wanted names on the stages' outputs s_1 to s_4, each
// (B, C_i, H_i, W_i). A student stands on those of the later stages, so theirs run
// as far as the fused map. No gradient is stopped.
//
//	f_j = mean over positions of head_j(S_j);  z_j = fc_j(f_j)
func (n *Students) Forward(t *nn.Tape, stages [Branches + 1]*nn.Var, wanted [Branches]bool) [Branches]Branch {
	var out [Branches]Branch
	maps := n.maps(t, stages, slices.Index(wanted[:], true))
	for j := Branches - 1; j >= 0; j-- {
		if wanted[j] && t.Err() == nil {
			f := t.GlobalAvgPool(n.head[j].forward(t, maps[j]))
			out[j] = Branch{f, n.fc[j].Forward(t, f)}
		}
	}
	return out
}

// maps returns the fused maps S_j of the students from number first in arrays on, each
// of the size of its stage and as wide as the branches; none where first is negative.
//
//	S_4 = lateral_4(s_4);  u = up_j(S_{j+1});  S_j = fuse_j([u + lateral_j(s_j), u])
func (n *Students) maps(t *nn.Tape, stages [Branches + 1]*nn.Var, first int) [Branches]*nn.Var {
	var out [Branches]*nn.Var
	if first < 0 || t.Err() != nil {
		return out
	}
	s := n.lateral[Branches].forward(t, stages[Branches])
	for j := Branches - 1; j >= first && t.Err() == nil; j-- {
		u := n.up[j].enlarge(t, s, stages[j])
		l := n.lateral[j].forward(t, stages[j])
		s = n.fuse[j].forward(t, t.Concat(1, t.Add(u, l), u))
		out[j] = s
	}
	return out
}

// head brings a student's map to the size of the last stage's: a convolution whose
// windows do not overlap, and a 1x1 one, both with bias, normalised and rectified.
type head struct{ shrink, last *unit }

// Collect implements nn.Module. The rectifiers are numbers 2 and 5.
func (h *head) Collect(c *nn.Collector) {
	h.shrink.Collect(c)
	c.Module("3", h.last.conv)
	c.Module("4", h.last.norm)
}

func (h *head) forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return h.last.forward(t, h.shrink.forward(t, x))
}

// unit is a convolution, batch normalisation and a rectifier.
type unit struct {
	conv *nn.Conv2d
	norm *nn.BatchNorm2d
}

// newUnit returns a unit whose stride is its kernel's size.
func newUnit(in, out, kernel int, bias bool) *unit {
	c := ops.Conv{Stride: [2]int{kernel, kernel}}
	return &unit{nn.NewConv2d(in, out, kernel, c, bias), nn.NewBatchNorm2d(out)}
}

// Collect implements nn.Module.
func (u *unit) Collect(c *nn.Collector) {
	c.Module("0", u.conv)
	c.Module("1", u.norm)
}

func (u *unit) forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return u.norm.ForwardReLU(t, u.conv.Forward(t, x))
}

// enlarge is up_j: x in the size of like, through the unit. A 1x1 convolution without
// bias mixes channels and interpolation mixes positions, so that the two commute: the
// convolution comes first, where it costs a quarter.
func (u *unit) enlarge(t *nn.Tape, x, like *nn.Var) *nn.Var {
	y := u.conv.Forward(t, x)
	if t.Err() != nil {
		return y
	}
	return u.norm.ForwardReLU(t, resize(t, y, like.Dim(2), like.Dim(3)))
}

// resize is bilinear, the centres of the corners aligned.
func resize(t *nn.Tape, x *nn.Var, h, w int) *nn.Var {
	if x.Dim(2) == h && x.Dim(3) == w {
		return x
	}
	return t.Interpolate(x, ops.Interpolation{Size: [2]int{h, w}, Mode: ops.Bilinear, AlignCorners: true})
}
