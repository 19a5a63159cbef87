package recursivemix

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Options are the knobs of RecursiveMix. DefaultOptions are the authors'.
type Options struct {
	Alpha      float64 // largest share of an image that a box covers before clipping, 0 to 1
	Omega      float64 // weight of the consistency term; 0: there is no ROI branch
	Resize     string  // "nearest" or "bilinear"
	SharedHead bool    // the ROI branch uses the network's classifier, not one of its own
	Smoothing  float64 // of the labels: the true class gets 1 - Smoothing

	// SwappedAxes pastes at the transposed box, while the ROI branch looks at the
	// box itself: what the authors' code did before April 2023, for ablation.
	SwappedAxes bool
}

// DefaultOptions returns the authors' defaults. Their CIFAR-10 run has Omega 0.1.
func DefaultOptions() Options { return Options{Alpha: 0.5, Omega: 0.5, Resize: "nearest"} }

// Shape says what a History holds.
type Shape struct {
	Batch         int // most samples of a step
	Height, Width int // pixels of an image
	Classes       int
	Features      int // channels of the map that the network pools
}

// History is the mechanism: the last mixed images (B, 3, H, W), their labels (B, K) and
// what the network said of them, logits (B, K). A step is
//
//	mixed, err := h.BeforeForward(epoch, step, h.Draw(seed, step), images, labels)
//	... logits and feature map of mixed.Images ...
//	term, _ := h.AfterForward(tape, net, features, logits)
//	loss = Add(h.Loss(tape, logits), term)
//
// in this order; another order is a fault.Usage. What is kept is detached: no
// gradient reaches it. A history of another epoch is not used. One goroutine at
// a time.
type History struct {
	Options
	Shape
	Head *nn.Linear // the ROI branch's own classifier; nil without one

	e                      ops.Engine
	images, labels, logits *nn.Var
	rows, epoch, step      *nn.Var // samples kept, 0: none; when they were written

	resizer *resizer
	mixed   Mixed
	open    bool            // between BeforeForward and AfterForward
	loans   []*tensor.Dense // of a step with fewer samples than Batch
	rois    []float32
}

// Mixed is the batch of one step.
type Mixed struct {
	Images *tensor.Dense // (B, 3, H, W), the history's until the next BeforeForward
	Labels *tensor.Dense // (B, K) float32, each row sums to 1; likewise
	Hard   *tensor.Dense // (B) int64, of the new images: the caller's
	Box    Box           // where the last batch was pasted; empty: nowhere
	ROI    Box           // where the ROI branch looks: Box, unless SwappedAxes
	Share  float64       // of the image that Box covers: 1 - lambda
}

// NewHistory returns an empty history. Its values lie on the host until nn.Place;
// Head's are zero until nn.Initialise. Options or sizes that are none are a
// fault.Usage.
func NewHistory(e ops.Engine, o Options, s Shape) (*History, error) {
	switch {
	case s.Batch < 1 || s.Height < 1 || s.Width < 1 || s.Classes < 1 || s.Features < 1:
		return nil, fault.New(fault.Usage, "recursivemix: shape %+v, want at least 1 each", s)
	case !(o.Alpha >= 0 && o.Alpha <= 1) || !(o.Omega >= 0) || !(o.Smoothing >= 0 && o.Smoothing < 1):
		return nil, fault.New(fault.Usage, "recursivemix: alpha %v, omega %v, smoothing %v", o.Alpha, o.Omega, o.Smoothing)
	case o.Resize != string(ops.Nearest) && o.Resize != string(ops.Bilinear):
		return nil, fault.New(fault.Usage, "recursivemix: resize by %q, want nearest or bilinear", o.Resize)
	case o.Smoothing > 0 && s.Classes < 2:
		return nil, fault.New(fault.Usage, "recursivemix: %d class has no other to smooth to", s.Classes)
	}
	h := &History{
		Options: o, Shape: s, e: e,
		images: nn.NewBuffer(0, s.Batch, channels, s.Height, s.Width),
		labels: nn.NewBuffer(0, s.Batch, s.Classes),
		logits: nn.NewBuffer(0, s.Batch, s.Classes),
		rows:   nn.NewCounter(), epoch: nn.NewCounter(), step: nn.NewCounter(),
		resizer: newResizer(o.Resize, s.Height, s.Width, o.Alpha),
	}
	if o.Omega > 0 && !o.SharedHead {
		h.Head = nn.NewLinear(s.Features, s.Classes, true)
	}
	return h, nil
}

// Collect implements nn.Module: fc_roi, which is trained, and history.*, which is kept
// with checkpoints.
func (h *History) Collect(c *nn.Collector) {
	if h.Head != nil {
		c.Module("fc_roi", h.Head)
	}
	c.Buffer("history.images", h.images)
	c.Buffer("history.labels", h.labels)
	c.Buffer("history.logits", h.logits)
	c.Buffer("history.rows", h.rows)
	c.Buffer("history.epoch", h.epoch)
	c.Buffer("history.step", h.step)
}

// Bytes returns the memory of what is kept: 4 Batch (3 H W + 2 K), counters aside.
func (h *History) Bytes() int64 {
	n := 0
	for _, v := range []*nn.Var{h.images, h.labels, h.logits} {
		n += ops.Size(v.Shape())
	}
	return 4 * int64(n)
}

// Age returns how many steps before the given one the history was written, and
// false where there is none.
func (h *History) Age(step int64) (int64, bool) {
	return step - h.step.Value.Int64s()[0], h.rows.Value.Int64s()[0] > 0
}

// Reset forgets the history: the next step is a plain one. It is called at the
// end of an epoch.
func (h *History) Reset() {
	h.rows.Value.Int64s()[0] = 0
	h.open = false
	h.giveBack()
}

// Draw draws the box of a step.
func (h *History) Draw(seed uint64, step int64) Draw {
	width, height := h.Width, h.Height
	if h.SwappedAxes {
		width, height = height, width
	}
	return NewDraw(seed, step, h.Alpha, width, height)
}

// BeforeForward mixes the history into a batch, images (n, 3, H, W) and labels (n) of
// int64, and keeps the result. The caller's tensors stay as they are. The first batch
// of an epoch comes out unmixed. Within an epoch a batch may be smaller than the one
// before, not larger.
func (h *History) BeforeForward(epoch, step int64, d Draw, images, labels *tensor.Dense) (Mixed, error) {
	const op = "recursivemix"
	if h.open {
		return Mixed{}, fault.New(fault.Usage, "%s: step %d begins before the last one's AfterForward", op, step)
	}
	n, err := wantBatch(op, images, labels, h.Height, h.Width)
	if err != nil {
		return Mixed{}, err
	}
	rows, empty := int(h.rows.Value.Int64s()[0]), h.epoch.Value.Int64s()[0] != epoch
	empty = empty || rows == 0
	if n > h.Batch || !empty && n > rows {
		return Mixed{}, fault.New(fault.Usage, "%s: step %d has %d samples, the one before had %d, a step has at most %d", op, step, n, rows, h.Batch)
	}
	m := Mixed{Hard: labels}
	if !empty {
		m.Box, m.ROI = h.boxes(d)
		m.Share = m.Box.Share(h.Width, h.Height)
	}
	h.giveBack()
	if err := h.mix(&m, n, images, labels); err != nil {
		return Mixed{}, err
	}
	h.rows.Value.Int64s()[0], h.epoch.Value.Int64s()[0], h.step.Value.Int64s()[0] = int64(n), epoch, step
	h.mixed, h.open = m, true
	return m, nil
}

// boxes returns where to paste and where the ROI branch looks.
func (h *History) boxes(d Draw) (box, roi Box) {
	if !h.SwappedAxes {
		box = d.Box(h.Width, h.Height)
		return box, box
	}
	roi = d.Box(h.Height, h.Width)
	return Box{X1: roi.Y1, Y1: roi.X1, X2: roi.Y2, Y2: roi.X2}, roi
}

// mix writes the mixed batch into the history's own memory, so that it needs no copy.
// A batch that does not fill it gets memory of its own for the step.
func (h *History) mix(m *Mixed, n int, images, labels *tensor.Dense) error {
	e, kept := h.e, h.images.Value
	m.Images = kept
	if n < h.Batch {
		m.Images = h.borrow(n, channels, h.Height, h.Width)
	}
	var small *tensor.Dense
	if !m.Box.Empty() { // before its source is written over
		var err error
		if small, err = h.resizer.resize(e, kept, m.Box); err != nil {
			return err
		}
		defer e.Release(small)
	}
	if err := copyFirst(e, m.Images, images); err != nil {
		return err
	}
	if small != nil {
		if err := paste(e, m.Images, small, n, m.Box, 0, 0); err != nil {
			return err
		}
	}
	if n < h.Batch {
		if err := copyFirst(e, kept, m.Images); err != nil {
			return err
		}
	}
	if err := blend(e, h.labels.Value, labels, m.Share, h.Smoothing); err != nil {
		return err
	}
	var err error
	m.Labels, err = h.first(h.labels.Value, n)
	return err
}

// first returns the first n rows of x (Batch, K): x itself or a copy for this step.
func (h *History) first(x *tensor.Dense, n int) (*tensor.Dense, error) {
	if n == h.Batch {
		return x, nil
	}
	y := h.borrow(n, x.Shape()[1])
	return y, copyFirst(h.e, y, x)
}

// borrow lends memory until the next step.
func (h *History) borrow(shape ...int) *tensor.Dense {
	x := h.e.Borrow(shape...)
	h.loans = append(h.loans, x)
	return x
}

func (h *History) giveBack() {
	for i, x := range h.loans {
		h.e.Release(x)
		h.loans[i] = nil
	}
	h.loans = h.loans[:0]
	h.mixed = Mixed{}
}
