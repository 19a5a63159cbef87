package cpu

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// copied returns the arguments with tensors of their own, those in structs too, and
// all tensors in order.
func copied(args []any) (out []reflect.Value, all []*tensor.Dense) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		if d, ok := v.Interface().(*tensor.Dense); ok {
			if d != nil {
				d = d.Clone().(*tensor.Dense)
				all = append(all, d)
				v.Set(reflect.ValueOf(d))
			}
			return
		}
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					visit(v.Field(i))
				}
			}
		}
	}
	for _, a := range args {
		v := reflect.New(reflect.TypeOf(a)).Elem()
		v.Set(reflect.ValueOf(a))
		visit(v)
		out = append(out, v)
	}
	return out, all
}

func callMethod(e *Engine, m reflect.Method, args []reflect.Value) (err error, panicked any) {
	defer func() { panicked = recover() }()
	f := reflect.ValueOf(e).MethodByName(m.Name)
	if m.Type.IsVariadic() {
		err, _ = f.CallSlice(args)[0].Interface().(error)
	} else {
		err, _ = f.Call(args)[0].Interface().(error)
	}
	return err, nil
}

// results runs a call on an engine of so many workers and returns what is in all
// tensors afterwards.
func results(t *testing.T, m reflect.Method, args []any, workers int, portable bool) [][]float32 {
	t.Helper()
	e := New(Options{Workers: workers})
	defer e.Close()
	in, all := copied(args)
	portableOnly(portable, func() {
		if err, panicked := callMethod(e, m, in); err != nil || panicked != nil {
			t.Fatalf("%s: %v, panic %v", m.Name, err, panicked)
		}
	})
	var out [][]float32
	for _, d := range all {
		if d.Dtype() == tensor.Int64 {
			var v []float32
			for _, i := range d.Int64s() {
				v = append(v, float32(i))
			}
			out = append(out, v)
			continue
		}
		out = append(out, d.Float32s())
	}
	return out
}

// TestEveryOperationConforms runs every operation on operands of random shapes: at
// 1, 2 and 3 workers it gives the same bits, and the portable form gives the same
// values.
func TestEveryOperationConforms(t *testing.T) {
	tries := 8
	if testing.Short() {
		tries = 2
	}
	for _, m := range engineMethods() {
		t.Run(m.Name, func(t *testing.T) {
			make := fittingCalls[m.Name]
			if make == nil {
				t.Fatalf("%s has no arguments in fittingCalls", m.Name)
			}
			rng := methodRand(m.Name)
			for range tries {
				args := make(fitting{rng})
				one := results(t, m, args, 1, false)
				for _, workers := range []int{2, 3} {
					if !slices.EqualFunc(one, results(t, m, args, workers, false), rowsAlike) {
						t.Errorf("%d workers give other bits", workers)
					}
				}
				for i, v := range results(t, m, args, 2, true) {
					if at := unlike(one[i], v); at >= 0 {
						t.Errorf("tensor %d differs at %d: %v, portable %v", i, at, one[i][at], v[at])
					}
				}
			}
		})
	}
}

// unlike returns where two results differ by more than the order of sums explains.
func unlike(a, b []float32) int {
	scale := 0.0
	for _, v := range b {
		if w := math.Abs(float64(v)); w < math.MaxFloat32 {
			scale = max(scale, w)
		}
	}
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		same := a[i] == b[i] || a[i] != a[i] && b[i] != b[i]
		if !same && !(d <= 1e-4*math.Abs(float64(b[i]))+1e-5*scale) {
			return i
		}
	}
	return -1
}

// TestEveryOperationRefusesWhatDoesNotFit takes calls that fit and spoils one tensor:
// another shape, another type, none. An operation may do without a tensor, but
// does not panic, and what it refuses is the caller's mistake.
func TestEveryOperationRefusesWhatDoesNotFit(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	for _, m := range engineMethods() {
		if fittingCalls[m.Name] == nil {
			continue // TestEveryOperationConforms says so
		}
		rng := methodRand(m.Name)
		g := fitting{rng}
		refused := false
		for range 30 {
			args, _ := copied(fittingCalls[m.Name](g))
			at := spoil(g, args)
			err, panicked := callMethod(e, m, args)
			if panicked != nil || err != nil && fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s with argument %d spoilt: %v, panic %v", m.Name, at, err, panicked)
			}
			refused = refused || err != nil
		}
		if !refused {
			t.Errorf("%s refuses nothing", m.Name)
		}
	}
}

// spoil replaces one of the arguments that are tensors and returns which.
func spoil(g fitting, args []reflect.Value) int {
	var places []reflect.Value
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch {
		case v.Type() == reflect.TypeFor[*tensor.Dense]():
			places = append(places, v)
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					visit(v.Field(i))
				}
			}
		}
	}
	for _, a := range args {
		visit(a)
	}
	at := g.IntN(len(places))
	var with *tensor.Dense
	switch old, _ := places[at].Interface().(*tensor.Dense); g.IntN(5) {
	case 0: // none
	case 1:
		with = g.ids(3, g.n(), g.n())
	case 2:
		with = tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(make([]float64, 6)))
	case 3:
		with = g.f(1, 2, 2, 3, 1)
	case 4:
		if old != nil {
			shape := slices.Clone(old.Shape())
			shape = append(shape, 1)
			shape[g.IntN(len(shape))]++
			with = g.f(shape...)
		}
	}
	places[at].Set(reflect.ValueOf(with))
	return at
}
