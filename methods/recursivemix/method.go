package recursivemix

import (
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// RecursiveMix is the training method: the loop's calls around a History.
type RecursiveMix struct {
	training.Plain
	Options
	Size int // side of the images in pixels; 0: what the run says

	history *History
}

var _ training.Method = (*RecursiveMix)(nil)

// Name implements training.Method.
func (m *RecursiveMix) Name() string { return "recursivemix" }

// Collect implements nn.Module: fc_roi.* and history.*.
func (m *RecursiveMix) Collect(c *nn.Collector) {
	if m.history != nil {
		m.history.Collect(c)
	}
}

// Begin implements training.Method. The ROI head begins as torch's Linear does,
// drawn by the run's seed.
func (m *RecursiveMix) Begin(r *training.Run) error {
	m.Run = r
	height, width := m.Size, m.Size
	if m.Size == 0 {
		height, width = r.Height, r.Width
	}
	h, err := NewHistory(r.Engine, m.Options, Shape{
		Batch: r.Batch, Height: height, Width: width,
		Classes: r.Classes, Features: r.Net.Layout().Map,
	})
	if err != nil {
		return err
	}
	m.history = h
	nn.Initialise(m, r.Seed)
	return nil
}

// Bytes returns the memory of the history: see History.Bytes.
func (m *RecursiveMix) Bytes() int64 { return m.history.Bytes() }

// Prepare implements training.Method: b.Images becomes the mixed batch, in the
// method's memory. b.Labels stay, for training accuracy is measured on the new images.
func (m *RecursiveMix) Prepare(b *training.Batch) error {
	mixed, err := m.history.BeforeForward(b.Epoch, b.Step, m.history.Draw(m.Run.Seed, b.Step), b.Images, b.Labels)
	if err != nil {
		return err
	}
	b.Images = mixed.Images
	return nil
}

// Loss implements training.Method: softCE(z, Y) + omega a softCE(z_roi, softmax Z).
// Its parts are "mix" and, where something was pasted, "consistency" without weight.
func (m *RecursiveMix) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	net, x := m.Run.Net, t.Const(b.Images)
	var features, logits *nn.Var
	if m.history.Looks() {
		features = net.Features(t, x).Map
		logits = net.Logits(t, net.Pool(t, features))
	} else {
		logits = net.Forward(t, x)
	}
	mix := m.history.Loss(t, logits)
	term, consistency := m.history.AfterForward(t, net, features, logits)
	l := &training.Loss{Total: mix, Logits: logits, Parts: map[string]*nn.Var{"mix": mix}}
	if term != nil {
		l.Total = t.Add(mix, term)
	}
	if consistency != nil {
		l.Parts["consistency"] = consistency
	}
	return l, t.Err()
}

// EndEpoch implements training.Method: the history does not outlive its epoch.
func (m *RecursiveMix) EndEpoch(int64) error {
	m.history.Reset()
	return nil
}

const (
	title       = "RecursiveMix: Mixed Learning with History, arXiv:2203.06844"
	titleCutMix = "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, arXiv:1905.04899"
	titleMixup  = "mixup: Beyond Empirical Risk Minimization, arXiv:1710.09412"
)

func init() {
	training.Register(training.Spec{
		Name:    "recursivemix",
		Summary: "pastes the last mixed batch into this one and asks its features for the last prediction",
		Paper:   title,
		New: func(o *training.Options) (training.Method, error) {
			d := DefaultOptions()
			return &RecursiveMix{
				Options: Options{
					Alpha:       o.Float("alpha", d.Alpha, 0, 1),
					Omega:       o.Float("omega", d.Omega, 0, 1e6),
					Resize:      o.Text("interpolation", d.Resize, string(ops.Nearest), string(ops.Bilinear)),
					SharedHead:  o.Bool("share_fc", d.SharedHead),
					Smoothing:   o.Float("smoothing", d.Smoothing, 0, 0.999),
					SwappedAxes: o.Bool("swapped_axes", d.SwappedAxes),
				},
				Size: o.Int("size", 0, 0, 1<<14),
			}, nil
		},
	})
	training.Register(training.Spec{
		Name:    "cutmix",
		Summary: "pastes a box of another image of the batch, labels by area",
		Paper:   titleCutMix,
		New: func(o *training.Options) (training.Method, error) {
			return &Pairs{
				Cut:         true,
				Alpha:       o.Float("alpha", 1, 0, 1e6),
				Probability: o.Float("probability", 1, 0, 1),
				Smoothing:   o.Float("smoothing", 0, 0, 0.999),
			}, nil
		},
	})
	training.Register(training.Spec{
		Name:    "mixup",
		Summary: "trains on weighted means of two images of the batch and of their labels",
		Paper:   titleMixup,
		New: func(o *training.Options) (training.Method, error) {
			return &Pairs{
				Alpha:       o.Float("alpha", 0.4, 0, 1e6),
				Probability: o.Float("probability", 1, 0, 1),
				Smoothing:   o.Float("smoothing", 0, 0, 0.999),
			}, nil
		},
	})
}
