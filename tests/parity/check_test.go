package parity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// Check compares got, a []float32, []float64, []byte or []int64, with the named
// output under its declared tolerance. The shape is compared where it is given.
func (c *Case) Check(t *testing.T, name string, got any, shape ...int) {
	t.Helper()
	c.check(t, name, got, shape)
}

func (c *Case) check(t *testing.T, name string, got any, shape []int) {
	t.Helper()
	o := c.Output(name)
	if o == nil {
		t.Fatalf("the case has no output %s", name)
	}
	c.checked[name] = true
	if len(shape) > 0 && !slices.Equal(shape, o.Shape) {
		t.Errorf("output %s: shape %d, want %d", name, shape, o.Shape)
		return
	}
	if report := o.compare(numbers(t, got), c.want(t, o)); report != "" {
		t.Errorf("output %s: %s", name, report)
	}
}

// want returns the reference's values. A float64 holds every value that the
// cases use: integers stay far below 2^53.
func (c *Case) want(t *testing.T, o *Tensor) []float64 {
	t.Helper()
	switch o.Dtype {
	case "U8":
		v, _ := c.U8(t, o.Name)
		return numbers(t, v)
	case "I64":
		v, _ := c.I64(t, o.Name)
		return numbers(t, v)
	}
	v, _ := c.F32(t, o.Name)
	return numbers(t, v)
}

func numbers(t *testing.T, v any) []float64 {
	t.Helper()
	switch v := v.(type) {
	case []byte:
		return widen(v)
	case []int64:
		return widen(v)
	case []float32:
		return widen(v)
	case []float64:
		return v
	}
	t.Fatalf("cannot compare a %T", v)
	return nil
}

func widen[T byte | int64 | float32](v []T) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// compare returns what is wrong, or "": each value has to be exact, or
// |got - want| <= atol + rtol*|want|.
func (o *Tensor) compare(got, want []float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	bad, worst, at := 0, -1.0, 0
	for i, w := range want {
		diff := difference(got[i], w)
		limit := o.Atol + o.Rtol*math.Abs(w)
		if o.Exact {
			limit = 0
		}
		if !(diff <= limit) || math.IsInf(diff, 1) {
			bad++
			if diff > worst {
				worst, at = diff, i
			}
		}
	}
	if bad > 0 {
		return fmt.Sprintf("%d of %d values differ; worst at %s: %v, want %v", bad, len(want), o.index(at), got[at], want[at])
	}
	return ""
}

// difference is |a - b|, 0 for equal infinities and for two NaNs, infinite
// where just one is NaN.
func difference(a, b float64) float64 {
	switch {
	case a == b || math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a) || math.IsNaN(b):
		return math.Inf(1)
	}
	return math.Abs(a - b)
}

// index spells a flat index as the output's coordinates.
func (o *Tensor) index(flat int) string {
	at := make([]string, len(o.Shape))
	for d := len(o.Shape) - 1; d >= 0; d-- {
		n := max(o.Shape[d], 1)
		at[d] = fmt.Sprint(flat % n)
		flat /= n
	}
	return "[" + strings.Join(at, " ") + "]"
}

func TestCompareFindsWhatIsBeyondTolerance(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		name      string
		out       Tensor
		got, want []float64
		ok        bool
	}{
		{"equal values pass", Tensor{Exact: true}, []float64{1, inf, nan}, []float64{1, inf, nan}, true},
		{"one level off fails when exact", Tensor{Exact: true}, []float64{1}, []float64{2}, false},
		{"no declared tolerance means exact", Tensor{}, []float64{1}, []float64{1.001}, false},
		{"rtol counts from the reference", Tensor{Rtol: 0.1}, []float64{110}, []float64{100}, true},
		{"atol adds to rtol", Tensor{Rtol: 0.1, Atol: 1}, []float64{111.5}, []float64{100}, false},
		{"a NaN for a number fails", Tensor{Atol: 1}, []float64{nan}, []float64{0}, false},
		{"a number for an infinity fails", Tensor{Rtol: 1}, []float64{0}, []float64{inf}, false},
		{"another length fails", Tensor{}, []float64{1, 2}, []float64{1}, false},
	}
	for _, tt := range tests {
		if report := tt.out.compare(tt.got, tt.want); (report == "") != tt.ok {
			t.Errorf("%s: %q", tt.name, report)
		}
	}
}
