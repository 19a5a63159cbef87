package teskd

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Options are the weights of the loss and what the students are. DefaultOptions knows
// the authors'.
type Options struct {
	CE, KD, Feature float64 // of the sums of cross-entropies, divergences and feature losses

	BackboneCE float64           // within the cross-entropies
	StudentCE  [Branches]float64 // of student j at j-1, likewise

	Temperature float64
	Width       int // channels of the branches; 0: those of the pooled map

	// For ablations: the backbone learns nothing from the divergences, or nothing from
	// the students through its stages.
	DetachTeacher, DetachStages bool
}

// DefaultOptions are those of the release (specs/teskd.md section 5).
func DefaultOptions() Options {
	return Options{CE: 0.2, KD: 0.8, Feature: 1e-7, BackboneCE: 1, StudentCE: [Branches]float64{1, 1, 1}, Temperature: 4}
}

// wanted tells which students have a part in the loss.
func (o *Options) wanted() [Branches]bool {
	var w [Branches]bool
	for j := range w {
		w[j] = o.CE*o.StudentCE[j] != 0 || o.KD != 0 || o.Feature != 0
	}
	return w
}

// Pass is what the backbone and the students make of a batch.
type Pass struct {
	Backbone Branch // without Feature where no student was asked
	Students [Branches]Branch
}

// Pass runs the backbone on images x (B, 3, H, W) and on its stages the students that
// have a part in the loss. After an error, which t has, it is empty.
func (o *Options) Pass(t *nn.Tape, net zoo.Backbone, students *Students, x *nn.Var) Pass {
	var p Pass
	wanted := o.wanted()
	if wanted == [Branches]bool{} {
		p.Backbone.Logits = net.Forward(t, x)
		return p
	}
	f := net.Features(t, x)
	if t.Err() != nil {
		return p
	}
	p.Backbone.Feature = net.Pool(t, f.Map)
	p.Backbone.Logits = net.Logits(t, p.Backbone.Feature)
	stages := stagesOf(f)
	if o.DetachStages {
		for i, s := range stages {
			stages[i] = t.Detach(s)
		}
	}
	p.Students = students.Forward(t, stages, wanted)
	return p
}

// Weigh returns the loss of a pass for labels (B) of int64 (specs/teskd.md section 5):
//
//	L = CE (BackboneCE CE(z_t) + sum_j StudentCE_j CE(z_j)) + KD sum_j KL_j + Feature sum_j FEA_j
//
// with the Softened.KL and the FeatureLoss of each student, and the terms without
// weight by name: ce_t, and ce_j, kl_j and fea_j of student j. A term of weight 0 is
// not computed, so that it cannot spoil the sum.
func (o *Options) Weigh(t *nn.Tape, p Pass, labels *tensor.Dense) (total *nn.Var, parts map[string]*nn.Var) {
	w := weigher{t: t, parts: map[string]*nn.Var{}}
	entropy := func(z *nn.Var) func() *nn.Var {
		return func() *nn.Var { return t.CrossEntropy(z, labels, nn.CrossEntropy{}) }
	}
	w.add(o.CE*o.BackboneCE, "ce_t", entropy(p.Backbone.Logits))
	var soft Softened
	if o.KD != 0 {
		z := p.Backbone.Logits
		if o.DetachTeacher {
			z = t.Detach(z)
		}
		soft = Soften(t, z, float32(o.Temperature), Epsilon)
	}
	for j := Branches - 1; j >= 0; j-- {
		s := p.Students[j]
		if s.Logits == nil {
			continue
		}
		w.add(o.CE*o.StudentCE[j], fmt.Sprintf("ce_%d", j+1), entropy(s.Logits))
		w.add(o.KD, fmt.Sprintf("kl_%d", j+1), func() *nn.Var { return soft.KL(t, s.Logits) })
		w.add(o.Feature, fmt.Sprintf("fea_%d", j+1), func() *nn.Var { return FeatureLoss(t, s.Feature, p.Backbone.Feature) })
	}
	return w.total, w.parts
}

// weigher adds up terms.
type weigher struct {
	t     *nn.Tape
	total *nn.Var // nil before the first term
	parts map[string]*nn.Var
}

func (w *weigher) add(weight float64, name string, term func() *nn.Var) {
	if weight == 0 {
		return
	}
	v := term()
	w.parts[name] = v
	if weight != 1 {
		v = w.t.Scale(v, float32(weight))
	}
	if w.total != nil {
		v = w.t.Add(w.total, v)
	}
	w.total = v
}
