package historical

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M5: momentum (Polyak, 1964), Adam (arXiv:1412.6980), RAdam (arXiv:1908.03265),
// AdaMod (arXiv:1910.12249), Adan (arXiv:2208.06677).

// moments replaces gradients by the direction in which a moment optimiser would go with
// rate 1. With plain SGD as the loop's optimiser that is the optimiser itself, its weight
// decay apart. The rules are those of package nn, run on shadows of the parameters
// that begin at zero: after a step a shadow is minus the direction.
type moments struct {
	base
	rule    nn.Rule // nil: AdaMod
	opt     *nn.Optimiser
	shadows map[*nn.Var]*nn.Var
	state   *optimiserState
	adamod  *adamod
}

// optimiserState is what an optimiser keeps, as a store.
type optimiserState struct {
	e   ops.Engine
	opt *nn.Optimiser
}

func (s optimiserState) Collect(c *nn.Collector) { s.opt.Collect(c) }

func (s optimiserState) size(counters bool) int64 {
	n := 0
	for _, e := range nn.Entries(s.opt) {
		if (len(e.Var.Shape()) == 0) == counters {
			n += sizeOf(e.Var)
		}
	}
	return int64(n)
}

func (s optimiserState) Bytes() int64       { return s.size(false) }
func (s optimiserState) Bookkeeping() int64 { return s.size(true) }
func (s optimiserState) Ages(int64) []int64 { return nil }

// Reset implements Store.
func (s optimiserState) Reset() {
	for _, e := range nn.Entries(s.opt) {
		zero(s.e, e.Var)
	}
}

// Begin implements Mechanism: the state is made by a step on zeros and cleared, so
// that checkpoints find it.
func (m *moments) Begin(r *training.Run) error {
	m.run = r
	if m.rule == nil {
		m.adamod = newAdaMod(r.Engine, nn.Params(r.Net))
		m.keep("adamod", m.adamod)
		return nil
	}
	m.shadows = map[*nn.Var]*nn.Var{}
	var group nn.Group
	group.LR = 1
	for _, p := range nn.Params(r.Net) {
		shadow := nn.NewParam(nil, p.Var.Shape()...)
		shadow.Value = r.Engine.Borrow(p.Var.Shape()...)
		zero(r.Engine, shadow)
		m.shadows[p.Var] = shadow
		group.Params = append(group.Params, nn.Entry{Name: p.Name, Var: shadow})
	}
	var err error
	if m.opt, err = nn.NewOptimiser(r.Engine, m.rule, group); err != nil {
		return err
	}
	for _, p := range group.Params {
		p.Var.Grad = p.Var.Value // zeros
	}
	if err := m.opt.Step(); err != nil {
		return err
	}
	for _, p := range group.Params {
		p.Var.Grad = nil
		zero(r.Engine, p.Var)
	}
	m.state = &optimiserState{r.Engine, m.opt}
	m.state.Reset()
	m.keep("state", m.state)
	return nil
}

// AfterBackward implements Gradient. Parameters that are not the network's keep their
// gradients.
func (m *moments) AfterBackward(_ *Step, params []*nn.Var) error {
	if m.adamod != nil {
		return m.adamod.step()
	}
	e := m.run.Engine
	for p, shadow := range m.shadows {
		shadow.Grad = p.Grad
	}
	err := m.opt.Step()
	for _, p := range params {
		shadow := m.shadows[p]
		if shadow == nil || p.Grad == nil {
			continue
		}
		shadow.Grad = nil
		if err == nil {
			err = e.Scale(p.Grad, shadow.Value, -1)
		}
		zero(e, shadow)
	}
	return err
}

// adamod is Adam whose step sizes are bounded by their own moving average, which
// begins at zero.
type adamod struct {
	e       ops.Engine
	params  []nn.Entry
	m, v, s []*nn.Var
	steps   *nn.Var
	host    [2][]float32
}

func newAdaMod(e ops.Engine, params []nn.Entry) *adamod {
	a := &adamod{e: e, params: params, steps: nn.NewCounter()}
	for _, p := range params {
		for _, list := range []*[]*nn.Var{&a.m, &a.v, &a.s} {
			*list = append(*list, nn.NewBuffer(0, p.Var.Shape()...))
		}
	}
	return a
}

func (a *adamod) step() error {
	const b1, b2, b3, eps = 0.9, 0.999, 0.999, 1e-8
	a.steps.Value.Int64s()[0]++
	n := float64(a.steps.Value.Int64s()[0])
	c1, c2 := 1-math.Pow(b1, n), 1-math.Pow(b2, n)
	for i, p := range a.params {
		if p.Var.Grad == nil {
			continue
		}
		g, err := download(a.e, p.Var.Grad)
		if err != nil {
			return fault.At(err, fault.Place{Key: p.Name})
		}
		m, v, s := a.m[i].Value.Float32s(), a.v[i].Value.Float32s(), a.s[i].Value.Float32s()
		for j, x := range g {
			x := float64(x)
			m[j] = float32(float64(b1*float64(m[j])) + float64((1-b1)*x))
			v[j] = float32(float64(b2*float64(v[j])) + float64((1-b2)*x*x))
			size := 1 / (math.Sqrt(float64(v[j])/c2) + eps)
			s[j] = float32(float64(b3*float64(s[j])) + float64((1-b3)*size))
			g[j] = float32(math.Min(size, float64(s[j])) * float64(m[j]) / c1)
		}
		if err := upload(a.e, p.Var.Grad, g); err != nil {
			return fault.At(err, fault.Place{Key: p.Name})
		}
	}
	return nil
}

func (a *adamod) all() []*nn.Var { return append(append(append([]*nn.Var{}, a.m...), a.v...), a.s...) }

// Collect implements nn.Module.
func (a *adamod) Collect(c *nn.Collector) {
	for i, p := range a.params {
		c.Buffer(p.Name+".exp_avg", a.m[i])
		c.Buffer(p.Name+".exp_avg_sq", a.v[i])
		c.Buffer(p.Name+".exp_avg_size", a.s[i])
	}
	c.Buffer("step", a.steps)
}

func (a *adamod) Bytes() int64 {
	n := 0
	for _, v := range a.all() {
		n += sizeOf(v)
	}
	return int64(n)
}

func (a *adamod) Bookkeeping() int64 { return 8 }
func (a *adamod) Ages(int64) []int64 { return nil }

// Reset implements Store.
func (a *adamod) Reset() {
	for _, v := range append(a.all(), a.steps) {
		zero(a.e, v)
	}
}

func init() {
	key := Key{GradientParameter, OnOptimizer, MA}
	Register(Info{
		Name: "moments", Spec: "M5", Key: key, Formula: "1, 2, 3 or 4 P s",
		Summary: "goes along the moments of the gradients: momentum, Adam, RAdam, AdaMod or Adan",
		Paper:   "Adam: A Method for Stochastic Optimization, arXiv:1412.6980",
		New: func(k Knobs) Mechanism {
			m := &moments{base: base{key: key}}
			momentum := k.Float("momentum", 0.9, 0, 0.9999)
			switch k.Text("rule", "sgd", "sgd", "adam", "radam", "adamod", "adan") {
			case "sgd":
				m.rule = nn.SGD{Momentum: momentum}
			case "adam":
				m.rule = nn.Adam{}
			case "radam":
				m.rule = nn.RAdam{}
			case "adan":
				m.rule = nn.Adan{}
			}
			return m
		},
	})
}
