package nn

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
)

// graded returns a parameter with values and a gradient.
func graded(name string, values, grad []float32) Entry {
	p := param(values...)
	p.Grad = hostTensor(slices.Clone(grad), []int{len(grad)})
	return Entry{Name: name, Var: p}
}

func newEngine(t *testing.T) *cpu.Engine {
	e := cpu.New(cpu.Options{Workers: 1})
	t.Cleanup(e.Close)
	return e
}

func optimiser(t *testing.T, e *cpu.Engine, rule Rule, groups ...Group) *Optimiser {
	t.Helper()
	o, err := NewOptimiser(e, rule, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestGroupsHaveTheirOwnRateDecayAndRule(t *testing.T) {
	e := newEngine(t)
	a, b, c := graded("a", []float32{1}, []float32{1}), graded("b", []float32{1}, []float32{1}), graded("c", []float32{1}, []float32{-3})
	o := optimiser(t, e, SGD{}, Group{Params: []Entry{a}, Decay: 0.5}, Group{Params: []Entry{b}, Scale: 0.1}, Group{Params: []Entry{c}, Rule: Lion{}})
	o.SetLR(0.1)
	if err := o.Step(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{1 - 0.1*1.5, 1 - 0.01, 1 + 0.1} {
		near(t, "parameter", []Entry{a, b, c}[i].Var.Value.Float32s(), []float32{want}, 1e-6)
	}
}

func TestFrozenParametersAndThoseWithoutAGradientStay(t *testing.T) {
	e := newEngine(t)
	a, b := graded("a", []float32{1}, []float32{1}), graded("b", []float32{1}, []float32{1})
	a.Var.Frozen, b.Var.Grad = true, nil
	o := optimiser(t, e, AdamW{}, Group{Params: []Entry{a, b}, LR: 1, Decay: 1})
	if err := o.Step(); err != nil {
		t.Fatal(err)
	}
	if len(Entries(o)) != 0 || a.Var.Value.Float32s()[0] != 1 || b.Var.Value.Float32s()[0] != 1 {
		t.Errorf("%v, %v, state %v", a.Var.Value, b.Var.Value, Entries(o))
	}
}

func TestAnOptimiserRefusesAParameterTwice(t *testing.T) {
	e := newEngine(t)
	a, b := graded("a", []float32{1}, []float32{1}), graded("a", []float32{1}, []float32{1})
	for _, ps := range [][]Entry{{a, a}, {a, b}} {
		if _, err := NewOptimiser(e, SGD{}, Group{Params: ps[:1]}, Group{Params: ps[1:]}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v", err)
		}
	}
}

func TestClippingInTheStepIsClippingBeforeIt(t *testing.T) {
	e := newEngine(t)
	entries := func() []Entry {
		return []Entry{graded("a", []float32{1, 2}, []float32{3, 4}), graded("b", []float32{1}, []float32{12})}
	}
	before, within := entries(), entries()
	norm, err := ClipGradNorm(e, before, 2, 2)
	if err != nil || math.Abs(norm-13) > 1e-5 {
		t.Fatalf("norm %v, %v", norm, err)
	}
	first := optimiser(t, e, SGD{Momentum: 0.5}, Group{Params: before, LR: 1})
	second := optimiser(t, e, SGD{Momentum: 0.5}, Group{Params: within, LR: 1})
	second.MaxNorm = 2
	if err := errors.Join(first.Step(), second.Step()); err != nil {
		t.Fatal(err)
	}
	if math.Abs(second.Norm-13) > 1e-5 || within[0].Var.Grad.Float32s()[0] != 3 {
		t.Errorf("norm %v, gradient %v", second.Norm, within[0].Var.Grad)
	}
	for i := range before {
		near(t, "parameter", within[i].Var.Value.Float32s(), before[i].Var.Value.Float32s(), 1e-6)
	}
}

func TestAGradientThatIsNotFiniteChangesNothing(t *testing.T) {
	e := newEngine(t)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		ps := []Entry{graded("good", []float32{1}, []float32{1}), graded("bad", []float32{1, 1}, []float32{0, bad})}
		o := optimiser(t, e, AdamW{}, Group{Params: ps, LR: 1})
		o.MaxNorm = 1
		var nf *NotFinite
		if err := o.Step(); !errors.As(err, &nf) || nf.Name != "bad" || !strings.Contains(err.Error(), "bad") {
			t.Errorf("%v: %v", bad, err)
		}
		if _, err := ClipGradNorm(e, ps, 1, math.Inf(1)); !errors.As(err, &nf) {
			t.Errorf("%v: %v", bad, err)
		}
		if ps[0].Var.Value.Float32s()[0] != 1 || ps[0].Var.Grad.Float32s()[0] != 1 {
			t.Errorf("%v: the other parameter is %v, its gradient %v", bad, ps[0].Var.Value, ps[0].Var.Grad)
		}
	}
}

func TestClipGradValue(t *testing.T) {
	e := newEngine(t)
	p := graded("p", []float32{0, 0, 0}, []float32{-3, 0.5, 2})
	if err := ClipGradValue(e, []Entry{p, {Name: "none", Var: param(1)}}, 1); err != nil {
		t.Fatal(err)
	}
	near(t, "gradient", p.Var.Grad.Float32s(), []float32{-1, 0.5, 1}, 0)
}

func TestAStepAllocatesNothing(t *testing.T) {
	e := newEngine(t)
	for _, rule := range []Rule{SGD{Momentum: 0.9}, AdamW{}, RMSpropTF{Momentum: 0.9}, Adan{}} {
		p := graded("p", make([]float32, 100), make([]float32, 100))
		o := optimiser(t, e, rule, Group{Params: []Entry{p}, LR: 1e-3})
		step := func() {
			if err := o.Step(); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%T: %v allocations a step", rule, n)
		}
	}
}

func TestReleaseGivesTheStateBack(t *testing.T) {
	e := newEngine(t)
	for _, rule := range rules {
		p := graded("p", make([]float32, 64), make([]float32, 64))
		p.Var.Value, p.Var.Grad = hostTensor(make([]float32, 64), []int{8, 8}), hostTensor(make([]float32, 64), []int{8, 8})
		o := optimiser(t, e, rule, Group{Params: []Entry{p}, LR: 1e-3, Decay: 0.1})
		for range 2 {
			if err := o.Step(); err != nil {
				t.Fatal(err)
			}
		}
		o.Release()
		if n := e.InUse(); n != 0 {
			t.Fatalf("%T: %d bytes are still lent out", rule, n)
		}
	}
}

func TestAShapeThatDiffersIsAnErrorWithTheName(t *testing.T) {
	e := newEngine(t)
	p := graded("layer.weight", []float32{1, 2}, []float32{1, 2, 3})
	for _, rule := range rules {
		err := optimiser(t, e, rule, Group{Params: []Entry{p}, LR: 1, Decay: 1}).Step()
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "layer.weight") {
			t.Errorf("%T: %v", rule, err)
		}
	}
}
