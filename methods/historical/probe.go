package historical

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// probe measures gradients of the network beside those of the step.
type probe struct {
	run    *training.Run
	tape   *nn.Tape
	params []nn.Entry
	size   int // numbers of all parameters
}

func newProbe(r *training.Run) *probe {
	p := &probe{run: r, tape: nn.NewTape(r.Engine), params: nn.Params(r.Net)}
	for _, e := range p.params {
		p.size += sizeOf(e.Var) / 4
	}
	return p
}

// read returns the present gradients as one vector, zeros where there is none.
func (p *probe) read() ([]float32, error) {
	out := make([]float32, 0, p.size)
	for _, e := range p.params {
		if e.Var.Grad == nil {
			out = append(out, make([]float32, sizeOf(e.Var)/4)...)
			continue
		}
		g, err := download(p.run.Engine, e.Var.Grad)
		if err != nil {
			return nil, fault.At(err, fault.Place{Key: e.Name})
		}
		out = append(out, g...)
	}
	return out, nil
}

// write replaces the present gradients.
func (p *probe) write(v []float32) error {
	at := 0
	for _, e := range p.params {
		n := sizeOf(e.Var) / 4
		if e.Var.Grad != nil {
			if err := upload(p.run.Engine, e.Var.Grad, v[at:at+n]); err != nil {
				return fault.At(err, fault.Place{Key: e.Name})
			}
		}
		at += n
	}
	return nil
}

// measure returns the gradient of the mean cross-entropy of images and labels at the
// network's present values. The step's gradients are lost: write puts others there.
func (p *probe) measure(s *Step, images, labels *tensor.Dense) ([]float32, error) {
	t := p.tape
	for _, e := range p.params {
		t.ZeroGrad(e.Var)
	}
	t.Training, t.Seed = true, s.Tape.Seed
	z := p.run.Net.Forward(t, t.Const(images))
	err := t.Backward(t.CrossEntropy(z, labels, nn.CrossEntropy{}))
	t.Reset()
	if err != nil {
		return nil, err
	}
	return p.read()
}
