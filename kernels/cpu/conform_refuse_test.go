package cpu

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// engineMethods are the operations of ops.Engine: its methods that work on tensors
// and return an error.
func engineMethods() []reflect.Method {
	var out []reflect.Method
	t := reflect.TypeFor[ops.Engine]()
	memory := reflect.TypeFor[ops.Memory]()
	for i := range t.NumMethod() {
		m := t.Method(i)
		if _, ok := memory.MethodByName(m.Name); !ok {
			out = append(out, m)
		}
	}
	return out
}

// caller calls a method with made-up arguments.
type caller struct {
	e     *Engine
	rng   *rand.Rand
	dense func() *tensor.Dense
}

// value makes up an argument: a tensor from dense, small numbers, short slices.
func (c *caller) value(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[*tensor.Dense]():
		v.Set(reflect.ValueOf(c.dense()))
	case depth > 4:
	case t.Kind() == reflect.Pointer && c.rng.IntN(3) > 0:
		p := reflect.New(t.Elem())
		p.Elem().Set(c.value(t.Elem(), depth+1))
		v.Set(p)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(c.value(t.Field(i).Type, depth+1))
			}
		}
	case t.Kind() == reflect.Array:
		for i := range t.Len() {
			v.Index(i).Set(c.value(t.Elem(), depth+1))
		}
	case t.Kind() == reflect.Slice:
		for range c.rng.IntN(4) {
			v.Set(reflect.Append(v, c.value(t.Elem(), depth+1)))
		}
	case t.Kind() == reflect.String:
		v.SetString([]string{"", "nearest", "bilinear", "zeros"}[c.rng.IntN(4)])
	case t.Kind() == reflect.Bool:
		v.SetBool(c.rng.IntN(2) == 0)
	case v.CanInt():
		v.SetInt(int64(c.rng.IntN(6) - 2))
	case v.CanUint():
		v.SetUint(uint64(c.rng.IntN(12)))
	case v.CanFloat():
		v.SetFloat(float64(c.rng.IntN(5)-2) / 2)
	}
	return v
}

// call calls m and returns its error, and its panic where it does that.
func (c *caller) call(m reflect.Method) (err error, panicked any, args string) {
	in := make([]reflect.Value, m.Type.NumIn())
	for i := range in {
		in[i] = c.value(m.Type.In(i), 0)
		if d, ok := in[i].Interface().(*tensor.Dense); ok && d != nil {
			args += fmt.Sprintf(" %v%v", d.Dtype(), d.Shape())
		} else {
			args += fmt.Sprintf(" %+v", in[i])
		}
	}
	defer func() { panicked = recover() }()
	f := reflect.ValueOf(c.e).MethodByName(m.Name)
	var out []reflect.Value
	if m.Type.IsVariadic() {
		out = f.CallSlice(in)
	} else {
		out = f.Call(in)
	}
	err, _ = out[len(out)-1].Interface().(error)
	return err, nil, args
}

func methodRand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 11))
}

// TestEveryOperationRefusesTensorsThatAreNone calls each with nil, and with float64,
// in the place of every tensor.
func TestEveryOperationRefusesTensorsThatAreNone(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	for _, m := range engineMethods() {
		rng := methodRand(m.Name)
		for what, dense := range map[string]func() *tensor.Dense{
			"nil": func() *tensor.Dense { return nil },
			"float64": func() *tensor.Dense {
				return tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(make([]float64, 4)))
			},
		} {
			for range 20 {
				c := &caller{e, rng, dense}
				err, panicked, args := c.call(m)
				if panicked != nil || fault.CodeOf(err) != fault.Usage {
					t.Errorf("%s of %s%s: %v, panic %v", m.Name, what, args, err, panicked)
					break
				}
			}
		}
	}
}

// TestNoOperationPanics calls each with tensors of shapes that seldom fit, some of
// them nil or of indices. What is refused is refused as the caller's mistake.
func TestNoOperationPanics(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	tries := 400
	if testing.Short() {
		tries = 60
	}
	for _, m := range engineMethods() {
		rng := methodRand(m.Name)
		for range tries {
			rank := rng.IntN(5)
			c := &caller{e, rng, func() *tensor.Dense { return madeUp(rng, rank) }}
			err, panicked, args := c.call(m)
			if panicked != nil || err != nil && fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s%s: %v, panic %v", m.Name, args, err, panicked)
				break
			}
		}
	}
}

// madeUp returns a tensor that mostly has the given rank, of small sizes that
// often agree.
func madeUp(rng *rand.Rand, rank int) *tensor.Dense {
	if rng.IntN(12) == 0 {
		return nil
	}
	if rng.IntN(4) == 0 {
		rank = rng.IntN(5)
	}
	shape := make([]int, rank)
	for i := range shape {
		shape[i] = []int{1, 2, 2, 4, 5}[rng.IntN(5)]
	}
	if rng.IntN(6) == 0 {
		ids := make([]int64, ops.Size(shape))
		for i := range ids {
			ids[i] = int64(rng.IntN(5) - 1)
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(ids))
	}
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}
