package recursivemix

import (
	"math/rand/v2"
	"strconv"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// CutMix sets dst to x (B, C, H, W) with box b of image perm[i] pasted into image i
// (Yun et al., arXiv:1905.04899, equation 1). perm (B) is of int64.
func CutMix(e ops.Engine, dst, x, perm *tensor.Dense, b Box) error {
	if err := copyFirst(e, dst, x); err != nil || b.Empty() {
		return err
	}
	other, err := partners(e, x, perm)
	if err != nil {
		return err
	}
	defer e.Release(other)
	return paste(e, dst, other, x.Shape()[0], b, b.X1, b.Y1)
}

// Mixup sets dst = lambda x + (1-lambda) x[perm] (Zhang et al., arXiv:1710.09412,
// section 2).
func Mixup(e ops.Engine, dst, x, perm *tensor.Dense, lambda float64) error {
	other, err := partners(e, x, perm)
	if err != nil {
		return err
	}
	defer e.Release(other)
	if err := e.Scale(dst, x, float32(lambda)); err != nil {
		return err
	}
	return e.Accumulate(dst, other, float32(1-lambda))
}

// MixLabels sets dst (B, K) to lambda Y + (1-lambda) Y[perm], Y being on at the
// labels and off elsewhere.
func MixLabels(e ops.Engine, dst, labels, perm *tensor.Dense, lambda, on, off float64) error {
	y := e.Borrow(dst.Shape()...)
	defer e.Release(y)
	if err := OneHot(e, y, labels, on, off); err != nil {
		return err
	}
	return Mixup(e, dst, y, perm, lambda)
}

// partners borrows the images, or the labels, of perm.
func partners(e ops.Engine, x, perm *tensor.Dense) (*tensor.Dense, error) {
	other := e.Borrow(x.Shape()...)
	if err := e.IndexSelect(other, x, perm, ops.Index{}); err != nil {
		e.Release(other)
		return nil, err
	}
	return other, nil
}

// Pairs is the training method CutMix or Mixup: every image is mixed with that of
// a random permutation of the batch, all by one lambda of Beta(Alpha, Alpha).
type Pairs struct {
	training.Plain
	Cut         bool    // CutMix
	Alpha       float64 // 0: lambda is 1, plain training
	Probability float64 // of mixing a batch
	Smoothing   float64 // of the labels

	images, labels *tensor.Dense // of the step; labels are nil where nothing is mixed
	perm           []int64
}

var _ training.Method = (*Pairs)(nil)

// Name implements training.Method.
func (m *Pairs) Name() string {
	if m.Cut {
		return "cutmix"
	}
	return "mixup"
}

// Begin implements training.Method.
func (m *Pairs) Begin(r *training.Run) error {
	m.Run = r
	if m.Smoothing > 0 && r.Classes < 2 {
		return fault.New(fault.Usage, "%s: %d class has no other to smooth to", m.Name(), r.Classes)
	}
	return nil
}

// Prepare implements training.Method: b.Images becomes the mixed batch, in the
// method's memory until the next step.
func (m *Pairs) Prepare(b *training.Batch) error {
	m.giveBack()
	x, e := b.Images, m.Run.Engine
	if len(x.Shape()) != 4 || len(b.Labels.Shape()) != 1 || x.Shape()[0] != b.Labels.Shape()[0] {
		return fault.New(fault.Usage, "%s: images %v and labels %v, want (B, 3, H, W) and (B)", m.Name(), x.Shape(), b.Labels.Shape())
	}
	n, height, width := x.Shape()[0], x.Shape()[2], x.Shape()[3]
	rng := nn.Rand(m.Run.Seed, strconv.FormatInt(b.Step, 10), m.Name())
	lambda, box := m.draw(rng, width, height)
	if lambda == 1 && m.Smoothing == 0 {
		return nil
	}
	perm, err := m.permute(rng, n)
	if err != nil {
		return err
	}
	defer e.Release(perm)
	m.labels = e.Borrow(n, m.Run.Classes)
	on, off := smoothed(m.Smoothing, m.Run.Classes)
	if err := MixLabels(e, m.labels, b.Labels, perm, lambda, on, off); err != nil || lambda == 1 {
		return err
	}
	m.images = e.Borrow(x.Shape()...)
	if m.Cut {
		err = CutMix(e, m.images, x, perm, box)
	} else {
		err = Mixup(e, m.images, x, perm, lambda)
	}
	b.Images = m.images
	return err
}

// draw returns the share that the image keeps: of CutMix the one after clipping,
// and its box.
func (m *Pairs) draw(rng *rand.Rand, width, height int) (lambda float64, box Box) {
	if rng.Float64() >= m.Probability || m.Alpha == 0 {
		return 1, box
	}
	lambda = beta(rng, m.Alpha)
	if m.Cut {
		box = Draw{U: 1 - lambda, X: rng.IntN(width), Y: rng.IntN(height)}.Box(width, height)
		lambda = 1 - box.Share(width, height)
	}
	return lambda, box
}

// permute borrows a random permutation (n) of int64.
func (m *Pairs) permute(rng *rand.Rand, n int) (*tensor.Dense, error) {
	m.perm = m.perm[:0]
	for i := range n {
		m.perm = append(m.perm, int64(i))
	}
	rng.Shuffle(n, func(i, j int) { m.perm[i], m.perm[j] = m.perm[j], m.perm[i] })
	perm := m.Run.Engine.BorrowIndex(n)
	err := m.Run.Engine.Upload(perm, tensor.New(tensor.WithShape(n), tensor.WithBacking(m.perm)))
	return perm, err
}

// Loss implements training.Method.
func (m *Pairs) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	if m.labels == nil {
		return m.Plain.Loss(t, b)
	}
	logits := m.Run.Net.Forward(t, t.Const(b.Images))
	return &training.Loss{Total: t.SoftCrossEntropy(logits, t.Const(m.labels), nn.CrossEntropy{}), Logits: logits}, t.Err()
}

// EndEpoch implements training.Method.
func (m *Pairs) EndEpoch(int64) error {
	m.giveBack()
	return nil
}

func (m *Pairs) giveBack() {
	for _, x := range []*tensor.Dense{m.images, m.labels} {
		if x != nil {
			m.Run.Engine.Release(x)
		}
	}
	m.images, m.labels = nil, nil
}
