package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Place moves the values of m into e's memory. New modules lie on the host, where
// they are initialised, loaded, folded and resized; a network is placed after that
// and before the first step. On an engine over host memory nothing needs placing.
// Counters stay on the host, which counts. A module is placed once, until Fetch.
func Place(e ops.Memory, m Module) error {
	return eachValue(m, func(v *Var) error {
		x := e.Borrow(v.Shape()...)
		if err := e.Upload(x, v.Value); err != nil {
			e.Release(x)
			return err
		}
		v.Value = x
		return nil
	})
}

// Fetch moves the values of a placed module back to the host, to be saved, and
// gives e's memory back.
func Fetch(e ops.Memory, m Module) error {
	return eachValue(m, func(v *Var) error {
		host := hostTensor(make([]float32, ops.Size(v.Shape())), v.Shape())
		if err := e.Download(host, v.Value); err != nil {
			return err
		}
		e.Release(v.Value)
		v.Value = host
		return nil
	})
}

// eachValue calls f once for every float entry of m.
func eachValue(m Module, f func(v *Var) error) error {
	seen := map[*Var]bool{}
	for _, entry := range Entries(m) {
		v := entry.Var
		if seen[v] || v.Value.Dtype() != tensor.Float32 {
			continue
		}
		seen[v] = true
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}
