package parity

import (
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// run is one case on a tape: its inputs as leaves, its outputs, its gradients.
type run struct {
	t    *testing.T
	c    *Case
	tape *nn.Tape
	in   map[string]*nn.Var
}

// registerOp registers a kind whose outputs are float results of named float
// inputs. f computes them; the gradients that the case declares are checked here.
func registerOp(kind string, f func(r *run) map[string]*nn.Var) {
	register(kind, func(t *testing.T, c *Case) {
		e := cpu.New(cpu.Options{})
		t.Cleanup(e.Close)
		r := &run{t, c, nn.NewTape(e), map[string]*nn.Var{}}
		r.check(f(r))
	})
}

// x returns the named float input as a leaf, nil where the case has none.
func (r *run) x(name string) *nn.Var {
	r.t.Helper()
	if !r.c.Has(name) {
		return nil
	}
	if r.in[name] == nil {
		v, shape := r.c.F32(r.t, name)
		r.in[name] = r.tape.Input(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v)))
	}
	return r.in[name]
}

// ids returns the named integer input as an index tensor.
func (r *run) ids(name string) *tensor.Dense {
	r.t.Helper()
	v, shape := r.c.I64(r.t, name)
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

// check compares the outputs, runs the gradients back and compares those.
func (r *run) check(outs map[string]*nn.Var) {
	r.t.Helper()
	if err := r.tape.Err(); err != nil {
		r.t.Fatal(err)
	}
	var from []*nn.Var
	var dys []*tensor.Dense
	for _, o := range r.c.Outputs { // in the order of the file
		v := outs[o.Name]
		if v == nil {
			continue
		}
		r.c.Check(r.t, o.Name, r.tape.Host(v), v.Shape()...)
		dy := r.tape.E.Borrow(v.Shape()...)
		if name := "dy." + o.Name; r.c.Has(name) {
			g, shape := r.c.F32(r.t, name)
			if err := r.tape.E.Upload(dy, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(g))); err != nil {
				r.t.Fatal(err)
			}
		} else if ops.Size(v.Shape()) == 1 {
			if err := r.tape.E.Fill(dy, 1); err != nil {
				r.t.Fatal(err)
			}
		} else {
			continue
		}
		from, dys = append(from, v), append(dys, dy)
	}
	if len(from) == 0 || !r.wantsGradients() {
		return
	}
	if err := r.tape.BackwardFrom(from, dys); err != nil {
		r.t.Fatal(err)
	}
	for name, v := range r.in {
		o := r.c.Output("grad." + name)
		switch {
		case o == nil:
		case v.Grad == nil: // nothing flowed
			r.c.Check(r.t, o.Name, make([]float32, ops.Size(v.Shape())), v.Shape()...)
		default:
			r.c.Check(r.t, o.Name, v.Grad.Float32s(), v.Grad.Shape()...)
		}
	}
}

func (r *run) wantsGradients() bool {
	for _, o := range r.c.Outputs {
		if strings.HasPrefix(o.Name, "grad.") {
			return true
		}
	}
	return false
}

func config[T any](r *run) T {
	r.t.Helper()
	var v T
	r.c.DecodeConfig(r.t, &v)
	return v
}
