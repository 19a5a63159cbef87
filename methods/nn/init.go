package nn

import (
	"hash/fnv"
	"math/rand/v2"
)

// Initialiser fills a new parameter of the given shape.
type Initialiser func(values []float32, shape []int, rng *rand.Rand)

// Initialise fills every parameter of m. The draws of a parameter depend on the
// seed and its name alone, not on what else the model holds.
func Initialise(m Module, seed uint64) {
	for _, e := range Params(m) {
		if e.Var.init != nil {
			e.Var.init(e.Var.Value.Float32s(), e.Var.Shape(), Rand(seed, e.Name, "init"))
		}
	}
}

// Rand returns the source of random numbers for one purpose of one thing in a run.
func Rand(seed uint64, key, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
