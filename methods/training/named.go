package training

import (
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Named is a part of a run by its name and settings, as a recipe has it:
// {name: sgd, lr: 0.1}.
type Named struct {
	Name    string         `yaml:"name"`
	Options map[string]any `yaml:",inline"`
}

// options returns the settings for strict reading. Go's own number types count as
// the two that a recipe has.
func (n Named) options(what string) *Options {
	o := NewOptions(n.Name, n.values())
	o.what = what
	return o
}

func (n Named) values() map[string]any {
	values := make(map[string]any, len(n.Options))
	for name, v := range n.Options {
		values[name] = plainValue(v)
	}
	return values
}

// plainValue turns Go's number types and slices into those of a recipe.
func plainValue(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case float32:
		return float64(v)
	case []float64:
		return listOf(v)
	case []int:
		return listOf(v)
	case []string:
		return listOf(v)
	}
	return v
}

func listOf[T any](v []T) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = plainValue(x)
	}
	return out
}

// Floats takes a list of numbers, each between lo and hi.
func (o *Options) Floats(name string, dflt []float64, lo, hi float64) []float64 {
	v, ok := o.take(name)
	if !ok {
		return dflt
	}
	list, ok := plainValue(v).([]any)
	if !ok {
		o.fail("%s: want a list of numbers, found %v", name, v)
		return dflt
	}
	out := make([]float64, len(list))
	for i, x := range list {
		f, isFloat := x.(float64)
		if n, isInt := x.(int64); isInt {
			f, isFloat = float64(n), true
		}
		if !isFloat || !(f >= lo && f <= hi) {
			o.fail("%s: number %d: want one between %g and %g, found %v", name, i, lo, hi, x)
			return dflt
		}
		out[i] = f
	}
	return out
}

// Ints takes a list of whole numbers, each between lo and hi.
func (o *Options) Ints(name string, dflt []int, lo, hi int) []int {
	if _, ok := o.values[name]; !ok {
		o.taken[name] = true
		return dflt
	}
	floats := o.Floats(name, nil, float64(lo), float64(hi))
	out := make([]int, len(floats))
	for i, f := range floats {
		if out[i] = int(f); float64(out[i]) != f {
			o.fail("%s: number %d: want a whole one, found %g", name, i, f)
			return dflt
		}
	}
	return out
}

// unknown is the error of a name that no part of the loop answers to.
func unknown(what, name string, known []string) error {
	return fault.New(fault.Usage, "no %s %q; known: %v", what, name, known)
}
