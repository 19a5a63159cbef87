package nn

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Averaging says how an average of weights takes in new ones.
type Averaging interface {
	// Weight is the share of the new weights at update n, from 1.
	Weight(n int64) float64
}

// EMA is an exponential moving average, as timm.utils.ModelEmaV3: updates up to
// UpdateAfter+1 copy.
type EMA struct {
	Decay       float64
	UpdateAfter int64

	// Warmup makes the decay of update n 1 - (1 + n/Gamma)^-Power, but at most
	// Decay and at least MinDecay. Zeros of Gamma and Power mean 1 and 2/3.
	Warmup                 bool
	Gamma, Power, MinDecay float64
}

// DecayAt is the share of the old average at update n, from 1.
func (a EMA) DecayAt(n int64) float64 {
	n = max(0, n-a.UpdateAfter-1)
	switch {
	case n == 0:
		return 0
	case !a.Warmup:
		return a.Decay
	}
	d := 1 - math.Pow(1+float64(n)/or(a.Gamma, 1), -or(a.Power, 2.0/3))
	return max(min(d, a.Decay), a.MinDecay)
}

// Weight implements Averaging.
func (a EMA) Weight(n int64) float64 { return 1 - a.DecayAt(n) }

// PlainEMA is an exponential moving average with this decay whose first update
// copies, as torch.optim.swa_utils.get_ema_avg_fn.
type PlainEMA float64

// Weight implements Averaging.
func (a PlainEMA) Weight(n int64) float64 {
	if n == 1 {
		return 1
	}
	return 1 - float64(a)
}

// SWA is the mean of all updates (Izmailov et al., arXiv:1803.05407), as
// torch.optim.swa_utils.AveragedModel.
type SWA struct{}

// Weight implements Averaging.
func (SWA) Weight(n int64) float64 { return 1 / float64(n) }

// Average holds an average of a module's values.
type Average struct {
	// CopyBuffers copies buffers instead of averaging those of floats.
	CopyBuffers bool

	e       ops.Engine
	rule    Averaging
	model   []Entry
	average []Entry
	updates *Var
}

// NewAverage returns an average that begins as a copy of m's values.
func NewAverage(e ops.Engine, m Module, rule Averaging) (*Average, error) {
	a := &Average{e: e, rule: rule, updates: NewCounter()}
	seen := map[*Var]bool{}
	for _, entry := range Entries(m) {
		if seen[entry.Var] {
			continue
		}
		seen[entry.Var] = true
		shape := entry.Var.Shape()
		x := e.Borrow
		if entry.Var.Value.Dtype() == tensor.Int64 {
			x = e.BorrowIndex
		}
		v := &Var{Value: x(shape...), leaf: true, wants: entry.Var.wants}
		if err := e.Upload(v.Value, entry.Var.Value); err != nil {
			return nil, fault.At(err, fault.Place{Key: entry.Name})
		}
		a.model = append(a.model, entry)
		a.average = append(a.average, Entry{entry.Name, v, entry.Buffer})
	}
	return a, nil
}

// Update takes the module's values into the average.
func (a *Average) Update() error {
	n := a.updates.Value.Int64s()
	n[0]++
	w := float32(a.rule.Weight(n[0]))
	for i, entry := range a.model {
		from, to := entry.Var.Value, a.average[i].Var.Value
		var err error
		switch {
		case from.Dtype() == tensor.Int64 || entry.Buffer && a.CopyBuffers:
			err = a.e.Upload(to, from)
		case w == 1:
			err = a.e.Scale(to, from, 1)
		default:
			err = a.e.Lerp(to, from, w)
		}
		if err != nil {
			return fault.At(err, fault.Place{Key: entry.Name})
		}
	}
	return nil
}

// Swap exchanges the module's values and the average, without copying: evaluate
// between two calls.
func (a *Average) Swap() {
	for i, entry := range a.model {
		entry.Var.Value, a.average[i].Var.Value = a.average[i].Var.Value, entry.Var.Value
	}
}

// Collect implements Module: the averages under the module's names, and the
// number of updates as "n_averaged".
func (a *Average) Collect(c *Collector) {
	for _, entry := range a.average {
		c.add(entry.Name, entry.Var, entry.Buffer)
	}
	c.Buffer("n_averaged", a.updates)
}
