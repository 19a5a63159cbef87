package teskd

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// stagesOf returns s_1 to s_4: the stages before the last one, and the map that the
// network pools. These are the last four; that there are as many was seen to.
func stagesOf(f zoo.Features) [Branches + 1]*nn.Var {
	var s [Branches + 1]*nn.Var
	if n := len(f.Stages); n > Branches {
		copy(s[:], f.Stages[n-1-Branches:n-1])
	}
	s[Branches] = f.Map
	return s
}

// planOf looks at the network's maps for square images and returns the shape of the
// students on them. A network with fewer than four stages, or whose maps do not
// halve to a whole number of windows, is a fault.Usage.
func planOf(r *training.Run, size int) (Shape, error) {
	layout := r.Net.Layout()
	n := len(layout.Stages)
	if n <= Branches {
		return Shape{}, fault.New(fault.Usage, "method teskd: the network has %d stages, want %d: three students stand on all but the last", n, Branches+1)
	}
	s := Shape{Classes: r.Classes}
	copy(s.Channels[:], layout.Stages[n-1-Branches:n-1])
	s.Channels[Branches] = layout.Map
	p := &probe{Backbone: r.Net}
	if _, err := zoo.CountMACs(r.Engine, p, 1, 3, size, size); err != nil {
		return s, fault.New(fault.Usage, "method teskd: the network on images of side %d: %w", size, err)
	}
	for j := range Branches {
		k, err := kernel(p.sizes[j], p.sizes[Branches])
		if err != nil {
			return s, fault.New(fault.Usage, "method teskd: student %d on images of side %d: %w", j+1, size, err)
		}
		s.Kernels[j] = k
	}
	return s, nil
}

// kernel is the side of the windows that bring a map to the size of the last one, or
// to 2x2 where that is a single position: the VGGs of the authors, whose heads have
// 1, 2 and 4 for maps of 2, 4 and 8, do not shrink to one.
func kernel(from, to [2]int) (int, error) {
	for i := range to {
		to[i] = max(to[i], min(2, from[i]))
	}
	k := from[0] / to[0]
	if k*to[0] != from[0] || k*to[1] != from[1] {
		return 0, fmt.Errorf("a map of %d x %d is no whole number of windows on one of %d x %d", from[0], from[1], to[0], to[1])
	}
	return k, nil
}

// probe is a network that remembers the sizes of its maps.
type probe struct {
	zoo.Backbone
	sizes [Branches + 1][2]int
}

// Forward implements nn.Layer.
func (p *probe) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	f := p.Features(t, x)
	if t.Err() != nil {
		return f.Map
	}
	for i, s := range stagesOf(f) {
		p.sizes[i] = [2]int{s.Dim(2), s.Dim(3)}
	}
	return f.Map
}
