package training

import (
	"errors"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// borrowed is a tensor of the engine that is used again as long as its shape fits.
type borrowed struct {
	index bool // int64
	t     *tensor.Dense
}

// hold copies a host tensor to the engine; nil gives nil.
func (b *borrowed) hold(e ops.Engine, host *tensor.Dense) (*tensor.Dense, error) {
	if host == nil {
		return nil, nil
	}
	if b.t == nil || !slices.Equal(b.t.Shape(), host.Shape()) {
		e.Release(b.t)
		if b.index {
			b.t = e.BorrowIndex(host.Shape()...)
		} else {
			b.t = e.Borrow(host.Shape()...)
		}
	}
	return b.t, e.Upload(b.t, host)
}

// upload brings what a source filled to the engine, after a look at it.
func (t *Trainer) upload(dst, host *Batch) error {
	labels := host.Labels.Int64s()
	for i, l := range labels {
		if l < 0 || l >= int64(t.run.Classes) {
			return fault.At(fault.New(fault.InvalidAnnotation, "training: label %d, there are %d classes", l, t.run.Classes), fault.Place{Key: host.Keys[i]})
		}
	}
	dst.Epoch, dst.Step, dst.Keys, dst.IDs = t.state.Epoch, t.state.Step, host.Keys, host.IDs
	dst.Want, dst.Views = host.Want, host.Views
	var err error
	for i, to := range []**tensor.Dense{&dst.Images, &dst.Second, &dst.Labels} {
		from := []*tensor.Dense{host.Images, host.Second, host.Labels}[i]
		var one error
		*to, one = t.lent[i].hold(t.e, from)
		err = errors.Join(err, one)
	}
	return err
}

// step is one step of training on the host batch.
func (t *Trainer) step() error {
	b := &t.batch
	if err := t.upload(b, &t.host); err != nil {
		return err
	}
	t.tape.Training, t.tape.Seed = true, t.state.StepSeed()
	t.pos.LR = t.schedule.At(t.time())
	t.opt.SetLR(t.pos.LR)
	if err := t.method.Prepare(b); err != nil {
		return err
	}
	loss, err := t.method.Loss(t.tape, b)
	if err == nil {
		err = t.tape.Err()
	}
	if err != nil {
		return err
	}
	value, err := t.number(loss.Total)
	if err != nil {
		return err
	}
	if !finite(value) {
		return t.lossDiverged(value)
	}
	if err := t.count(value, loss); err != nil {
		return err
	}
	if err := t.tape.Backward(loss.Total); err != nil {
		return err
	}
	if err := t.update(b); err != nil {
		return err
	}
	t.opt.ZeroGrad(t.tape)
	t.tape.Reset()
	t.state.Step++
	t.pos.InEpoch++
	return t.logStep(value)
}

// update changes the weights by the gradients.
func (t *Trainer) update(b *Batch) error {
	if err := t.method.Gradients(b, t.params); err != nil {
		return err
	}
	// The optimiser looks for numbers that are not finite where it needs the norm.
	if t.opt.MaxNorm == 0 {
		if _, err := nn.GradNorm(t.e, t.entries, 2); err != nil {
			return t.gradientDiverged(err)
		}
	}
	if t.c.Clip.Value > 0 {
		if err := nn.ClipGradValue(t.e, t.entries, t.c.Clip.Value); err != nil {
			return err
		}
	}
	if t.c.Clip.Adaptive > 0 {
		if err := nn.ClipGradAdaptive(t.e, t.entries, nn.AdaptiveClip{Factor: t.c.Clip.Adaptive}); err != nil {
			return err
		}
	}
	if err := t.opt.Step(); err != nil {
		return t.gradientDiverged(err)
	}
	return t.method.Stepped(b)
}

// number brings a scalar to the host.
func (t *Trainer) number(v *nn.Var) (float64, error) {
	if v == nil || v.Value == nil || ops.Size(v.Shape()) != 1 {
		return 0, fault.New(fault.Bug, "training: method %s: a loss is not one number", t.method.Name())
	}
	err := t.e.Download(t.one, v.Value)
	return float64(t.one.Float32s()[0]), err
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// window sums over the steps of an epoch.
type window struct {
	Steps int64            `json:"steps"`
	Loss  float64          `json:"loss"`
	Seen  int64            `json:"seen"` // samples with logits
	Right int64            `json:"right"`
	Parts map[string]exact `json:"parts"`
}

// exact is a number as the bits of a double: JSON has no infinities.
type exact uint64

func (x exact) float() float64 { return math.Float64frombits(uint64(x)) }

// count takes a step into the epoch's sums.
func (t *Trainer) count(value float64, loss *Loss) error {
	w := &t.pos.Window
	w.Steps++
	w.Loss += value
	for name, v := range loss.Parts {
		x, err := t.number(v)
		if err != nil {
			return err
		}
		w.Parts[name] = exact(math.Float64bits(w.Parts[name].float() + x))
	}
	if loss.Logits == nil {
		return nil
	}
	if !slices.Equal(loss.Logits.Shape(), t.score.Shape()) {
		return fault.New(fault.Bug, "training: method %s: logits of shape %v, want %v", t.method.Name(), loss.Logits.Shape(), t.score.Shape())
	}
	if err := t.e.Download(t.score, loss.Logits.Value); err != nil {
		return err
	}
	logits, classes := t.score.Float32s(), t.run.Classes
	for i, label := range t.host.Labels.Int64s() {
		if argmax(logits[i*classes:(i+1)*classes]) == int(label) {
			w.Right++
		}
		w.Seen++
	}
	return nil
}

// argmax is the place of the greatest number, of equal ones the first.
func argmax(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
