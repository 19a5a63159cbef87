package historical

import (
	"math"
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// Method is the training method: it calls the hooks of its mechanisms in the order of
// the package's documentation, those of one hook in the order of the list.
type Method struct {
	training.Plain
	name       string
	names      []string
	mechanisms []Mechanism

	step  Step
	phase phase
}

var _ training.Method = (*Method)(nil)

// phase is the call that a step has come to.
type phase uint8

const (
	idle phase = iota
	prepared
	measured
	graded
)

var phaseCalls = [...]string{"Stepped", "Prepare", "Loss", "Gradients"}

// newMethod refuses mechanisms that would do the same thing twice.
func newMethod(name string, names []string, ms []Mechanism) (*Method, error) {
	targets, criteria, balancers := "", "", ""
	for i, m := range ms {
		if slices.Contains(names[:i], names[i]) {
			return nil, fault.New(fault.Usage, "historical: mechanism %s comes twice", names[i])
		}
		for _, one := range []struct {
			is   bool
			who  *string
			what string
		}{
			{is[Targets](m), &targets, "targets of the cross-entropy"},
			{is[Criterion](m), &criteria, "loss in the place of the cross-entropy"},
			{is[Balancer](m), &balancers, "weights of the terms"},
		} {
			if one.is && *one.who != "" {
				return nil, fault.New(fault.Usage, "historical: %s and %s both give the %s", *one.who, names[i], one.what)
			}
			if one.is {
				*one.who = names[i]
			}
		}
	}
	if targets != "" && criteria != "" {
		return nil, fault.New(fault.Usage, "historical: %s replaces the cross-entropy, for which %s gives targets", criteria, targets)
	}
	return &Method{name: name, names: names, mechanisms: ms}, nil
}

func is[H any](m Mechanism) bool {
	_, ok := m.(H)
	return ok
}

// hooks are the mechanisms that have a hook, in order.
func hooks[H any](m *Method) []H {
	var out []H
	for _, x := range m.mechanisms {
		if h, ok := x.(H); ok {
			out = append(out, h)
		}
	}
	return out
}

// Name implements training.Method.
func (m *Method) Name() string { return m.name }

// Mechanisms are the mechanisms with their names.
func (m *Method) Mechanisms() ([]string, []Mechanism) { return m.names, m.mechanisms }

// Bytes is the memory of all histories.
func (m *Method) Bytes() int64 {
	var n int64
	for _, x := range m.mechanisms {
		n += x.Bytes()
	}
	return n
}

// Begin implements training.Method.
func (m *Method) Begin(r *training.Run) error {
	m.Run = r
	m.step = Step{Run: r}
	for i, x := range m.mechanisms {
		if err := x.Begin(r); err != nil {
			return fault.At(err, fault.Place{Key: m.names[i]})
		}
	}
	nn.Initialise(m, r.Seed)
	return nil
}

// Collect implements nn.Module: <mechanism>.<store>.<value>.
func (m *Method) Collect(c *nn.Collector) {
	for i, x := range m.mechanisms {
		c.Module(m.names[i], x)
	}
}

// Views implements training.Method.
func (m *Method) Views() int {
	for _, h := range hooks[TwoViews](m) {
		if h.TwoViews() {
			return 2
		}
	}
	return 1
}

// enter refuses a call that does not follow the one before.
func (m *Method) enter(from, to phase) error {
	if m.phase != from {
		return fault.New(fault.Usage, "historical: %s after %s; the order of a step is Prepare, Loss, Gradients, Stepped", phaseCalls[to], phaseCalls[m.phase])
	}
	m.phase = to
	return nil
}

// Prepare implements training.Method.
func (m *Method) Prepare(b *training.Batch) error {
	if err := m.enter(idle, prepared); err != nil {
		return err
	}
	m.step = Step{Run: m.Run, Batch: b}
	for _, h := range hooks[Data](m) {
		if err := h.BeforeForward(&m.step); err != nil {
			return err
		}
	}
	return nil
}

// Loss implements training.Method.
func (m *Method) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	if err := m.enter(prepared, measured); err != nil {
		return nil, err
	}
	s := &m.step
	s.Tape, s.Batch = t, b
	m.forward(t, t.Const(b.Images))
	s.Labels = make([]int64, ops.Size(b.Labels.Shape()))
	host := tensor.New(tensor.WithShape(len(s.Labels)), tensor.WithBacking(s.Labels))
	if err := m.Run.Engine.Download(host, b.Labels); err != nil {
		return nil, err
	}
	s.Scores = t.Host(s.Logits)
	if err := t.Err(); err != nil {
		return nil, err
	}
	l := &training.Loss{Logits: s.Logits, Parts: map[string]*nn.Var{}}
	var err error
	if l.Total, err = m.total(l.Parts); err != nil {
		return nil, err
	}
	return l, t.Err()
}

// forward runs the network. The map is looked at only where a mechanism may want it.
func (m *Method) forward(t *nn.Tape, x *nn.Var) {
	s, net := &m.step, m.Run.Net
	if len(hooks[Neck](m))+len(hooks[Loss](m)) == 0 {
		s.Logits = net.Forward(t, x)
		return
	}
	s.Map = net.Features(t, x).Map
	s.Pooled = m.necks(t, net.Pool(t, s.Map))
	s.Logits = net.Logits(t, s.Pooled)
}

func (m *Method) necks(t *nn.Tape, pooled *nn.Var) *nn.Var {
	for _, h := range hooks[Neck](m) {
		pooled = h.AfterPool(t, pooled)
	}
	return pooled
}

// base is the cross-entropy, against targets and weighted where mechanisms say so.
func (m *Method) base(s *Step) (*nn.Var, error) {
	t := s.Tape
	weights, err := m.weights(s)
	if err != nil {
		return nil, err
	}
	for _, h := range hooks[Criterion](m) {
		if weights != nil {
			return nil, fault.New(fault.Usage, "historical: mechanisms %v: samples are to be weighed, and the loss that replaces the cross-entropy is one number for all of them", m.names)
		}
		return h.Criterion(s)
	}
	var targets *nn.Var
	for _, h := range hooks[Targets](m) {
		if targets, err = h.Targets(s); err != nil {
			return nil, err
		}
	}
	how := nn.CrossEntropy{}
	if weights != nil {
		how.Reduction = nn.ReduceNone
	}
	var loss *nn.Var
	if targets != nil {
		loss = t.SoftCrossEntropy(s.Logits, targets, how)
	} else {
		loss = t.CrossEntropy(s.Logits, s.Batch.Labels, how)
	}
	if weights != nil {
		loss = t.Mean(t.Mul(loss, t.Upload(weights, len(weights))), false)
	}
	return loss, nil
}

// weights is the product of what weighers say; nil: all 1.
func (m *Method) weights(s *Step) ([]float32, error) {
	var product []float32
	for _, h := range hooks[Weigher](m) {
		if s.losses == nil {
			s.losses = CrossEntropies(s.Scores, s.Labels, s.Run.Classes)
		}
		w, err := h.AfterLoss(s, s.losses)
		if err != nil {
			return nil, err
		}
		switch {
		case w == nil:
		case product == nil:
			product = slices.Clone(w)
		default:
			for i := range product {
				product[i] *= w[i]
			}
		}
	}
	return product, nil
}

// CrossEntropies are the cross-entropies of rows of scores (n, classes), in doubles.
func CrossEntropies(scores []float32, labels []int64, classes int) []float64 {
	out := make([]float64, len(labels))
	for i, l := range labels {
		row := scores[i*classes:][:classes]
		top := slices.Max(row)
		var sum float64
		for _, z := range row {
			sum += math.Exp(float64(z) - float64(top))
		}
		out[i] = math.Log(sum) + float64(top) - float64(row[l])
	}
	return out
}

// total adds up the base loss and the further terms, and names them in parts.
func (m *Method) total(parts map[string]*nn.Var) (*nn.Var, error) {
	s, t := &m.step, m.step.Tape
	all, names, err := m.terms(s)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		parts[name] = all[i]
	}
	for _, h := range hooks[Balancer](m) {
		w, err := h.Balance(s, all, func(s *Step) ([]*nn.Var, error) {
			again, _, err := m.terms(s)
			return again, err
		})
		if err != nil {
			return nil, err
		}
		for i := range all {
			if w[i] != 1 {
				all[i] = t.Scale(all[i], w[i])
			}
		}
	}
	total := all[0]
	for _, term := range all[1:] {
		total = t.Add(total, term)
	}
	return total, nil
}

// terms are the base loss and those of the mechanisms, with their names.
func (m *Method) terms(s *Step) (all []*nn.Var, names []string, err error) {
	first, err := m.base(s)
	if err != nil {
		return nil, nil, err
	}
	all, names = []*nn.Var{first}, []string{"base"}
	for i, x := range m.mechanisms {
		h, ok := x.(Loss)
		if !ok {
			continue
		}
		term, err := h.AfterForward(s)
		if err != nil {
			return nil, nil, err
		}
		if term != nil {
			all, names = append(all, term), append(names, m.names[i])
		}
	}
	return all, names, nil
}

// Gradients implements training.Method.
func (m *Method) Gradients(b *training.Batch, params []*nn.Var) error {
	if err := m.enter(measured, graded); err != nil {
		return err
	}
	for _, h := range hooks[Gradient](m) {
		if err := h.AfterBackward(&m.step, params); err != nil {
			return err
		}
	}
	return nil
}

// Stepped implements training.Method: after it the step is in the stores.
func (m *Method) Stepped(b *training.Batch) error {
	if err := m.enter(graded, idle); err != nil {
		return err
	}
	for _, h := range hooks[Weights](m) {
		if err := h.AfterStep(&m.step); err != nil {
			return err
		}
	}
	for i, x := range m.mechanisms {
		if err := x.Commit(&m.step); err != nil {
			return fault.At(err, fault.Place{Key: m.names[i]})
		}
	}
	m.step = Step{Run: m.Run}
	return nil
}

// EndEpoch implements training.Method.
func (m *Method) EndEpoch(epoch int64) error {
	if m.phase != idle {
		return fault.New(fault.Usage, "historical: EndEpoch after %s: within a step", phaseCalls[m.phase])
	}
	for _, h := range hooks[EpochEnd](m) {
		if err := h.EndEpoch(epoch); err != nil {
			return err
		}
	}
	return nil
}

// Predict implements training.Method.
func (m *Method) Predict(t *nn.Tape, x *nn.Var) *nn.Var {
	predict := func() *nn.Var {
		if len(hooks[Neck](m)) == 0 {
			return m.Run.Net.Forward(t, x)
		}
		net := m.Run.Net
		return net.Logits(t, m.necks(t, net.Pool(t, net.Features(t, x).Map)))
	}
	for _, h := range hooks[Inference](m) {
		next := predict
		predict = func() *nn.Var { return h.Infer(t, next) }
	}
	return predict()
}
