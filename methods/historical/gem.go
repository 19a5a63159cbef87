package historical

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M17, second: Lopez-Paz and Ranzato, "Gradient Episodic Memory for Continual Learning",
// arXiv:1706.08840, equations 9 to 11; Chaudhry et al., "Efficient Lifelong Learning with
// A-GEM", arXiv:1812.00420, equation 11.

func dot(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(float64(v) * float64(b[i]))
	}
	return sum
}

// ProjectAGEM takes the part of g that is against r away, in place: g - (g.r / r.r) r
// where g.r < 0.
func ProjectAGEM(g, r []float32) {
	c := dot(g, r)
	if c >= 0 {
		return
	}
	c /= dot(r, r)
	for i, v := range r {
		g[i] = float32(float64(g[i]) - float64(c*float64(v)))
	}
}

// ProjectGEM adds sum_k v_k r_k to g, in place, where g is against one of the references:
// v minimises v'(RR' + 1e-3 I)v/2 + (Rg)'v under v >= margin.
func ProjectGEM(g []float32, refs [][]float32, margin float64) {
	n, conflict := len(refs), false
	q, quad := make([]float64, n), make([][]float64, n)
	for i, r := range refs {
		q[i] = dot(g, r)
		conflict = conflict || q[i] < 0
		quad[i] = make([]float64, n)
		for j, o := range refs {
			quad[i][j] = dot(r, o)
		}
		quad[i][i] += 1e-3
	}
	if !conflict {
		return
	}
	v := solveBox(quad, q, margin)
	for i := range g {
		x := float64(g[i])
		for k, r := range refs {
			x += float64(v[k] * float64(r[i]))
		}
		g[i] = float32(x)
	}
}

// solveBox minimises v'Qv/2 + q'v under v >= low, by descent along one coordinate after
// another: Q is positive definite, so that it converges.
func solveBox(quad [][]float64, q []float64, low float64) []float64 {
	v := make([]float64, len(q))
	for i := range v {
		v[i] = low
	}
	for range 20000 {
		moved := 0.0
		for i := range v {
			slope := q[i]
			for j, x := range v {
				slope += quad[i][j] * x
			}
			to := math.Max(low, v[i]-slope/quad[i][i])
			moved = math.Max(moved, math.Abs(to-v[i]))
			v[i] = to
		}
		if moved < 1e-13 {
			break
		}
	}
	return v
}

// gem keeps samples of the run, evenly drawn from all it has seen, in memories by label,
// and lets no step raise a memory's loss to first order. One memory is A-GEM. The
// memories' gradients pass through the network in training, as the authors' code does.
type gem struct {
	base
	memories, each, size int
	margin               float64

	images *Table
	labels *Counts // label + 1; 0: empty
	seen   *Counts // samples offered to each memory
	refs   *Table
	probe  *probe
}

// Begin implements Mechanism.
func (m *gem) Begin(r *training.Run) error {
	m.run, m.probe = r, newProbe(r)
	n := m.memories * m.each
	m.images, m.labels, m.seen = NewTable(n, pixelsOf(r, m.size)), NewCounts(n, 64), NewCounts(m.memories, 64)
	refs := m.memories
	if m.each == 0 {
		refs = 0
	}
	m.refs = NewTable(refs, m.probe.size)
	if n > 0 {
		m.keep("images", m.images)
		m.keep("labels", m.labels)
		m.keep("seen", m.seen)
		m.keep("references", m.refs)
	}
	return nil
}

// Bytes is memories (P s + samples (3WH s + 8)).
func (m *gem) Bytes() int64 {
	return m.images.Bytes() + m.labels.Bytes() + m.refs.Bytes()
}

// AfterBackward implements Gradient.
func (m *gem) AfterBackward(s *Step, _ []*nn.Var) error {
	if m.each == 0 {
		return nil
	}
	g, err := m.probe.read()
	if err != nil {
		return err
	}
	var refs [][]float32
	for k := range m.memories {
		r, err := m.reference(s, k)
		if err != nil {
			return err
		}
		if r != nil {
			m.refs.Set(int64(k), r, s.Now())
			refs = append(refs, r)
		}
	}
	switch {
	case len(refs) == 0:
		return nil
	case m.memories == 1:
		ProjectAGEM(g, refs[0])
	default:
		ProjectGEM(g, refs, m.margin)
	}
	return m.probe.write(g)
}

// reference is the gradient of memory k, nil where it is empty.
func (m *gem) reference(s *Step, k int) ([]float32, error) {
	var rows []float32
	var labels []int64
	for i := k * m.each; i < (k+1)*m.each; i++ {
		if m.images.Valid(int64(i)) {
			rows = append(rows, m.images.Row(int64(i))...)
			labels = append(labels, m.labels.Ints()[i]-1)
		}
	}
	if len(labels) == 0 {
		return nil, nil
	}
	e := m.run.Engine
	shape := append([]int{len(labels)}, s.Batch.Images.Shape()[1:]...)
	x, y := e.Borrow(shape...), e.BorrowIndex(len(labels))
	defer e.Release(x)
	defer e.Release(y)
	if err := upload(e, x, rows); err != nil {
		return nil, err
	}
	if err := e.Upload(y, tensor.New(tensor.WithShape(len(labels)), tensor.WithBacking(labels))); err != nil {
		return nil, err
	}
	return m.probe.measure(s, x, y)
}

// Commit implements Mechanism: reservoir sampling.
func (m *gem) Commit(s *Step) error {
	if m.each == 0 {
		return nil
	}
	d := m.images.Width
	if got := ops.Size(s.Batch.Images.Shape()); got != s.Count()*d {
		return fault.New(fault.Usage, "gem: images %v, want %d values each", s.Batch.Images.Shape(), d)
	}
	x, err := download(m.run.Engine, s.Batch.Images)
	if err != nil {
		return err
	}
	rng := nn.Rand(m.run.Seed, fmt.Sprint(s.Now()), "reservoir of gem")
	for i, l := range s.Labels {
		k := int(l) % m.memories
		m.seen.Ints()[k]++
		at := m.seen.Ints()[k] - 1
		if at >= int64(m.each) {
			at = rng.Int64N(m.seen.Ints()[k])
		}
		if at < int64(m.each) {
			row := int64(k*m.each) + at
			m.images.Set(row, x[i*d:][:d], s.Now())
			m.labels.Ints()[row] = l + 1
		}
	}
	return nil
}

func init() {
	key := Key{GradientParameter, OnOptimizer, DE}
	Register(Info{
		Name: "gem", Spec: "M17", Key: key, Formula: "M (P s + m (3WH s + 8))",
		Summary: "takes no step that raises the loss of stored samples; one memory is A-GEM",
		Paper:   "Efficient Lifelong Learning with A-GEM, arXiv:1812.00420",
		New: func(k Knobs) Mechanism {
			return &gem{
				base: base{key: key}, memories: k.Int("memories", 1, 1, 1000), each: k.Int("samples", 256, 0, 1<<20),
				size: k.Int("size", 0, 0, 1<<14), margin: k.Float("margin", 0.5, 0, 1e6),
			}
		},
	})
}
