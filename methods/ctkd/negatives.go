package ctkd

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Negatives draws samples of other classes. It learns the labels from the batches
// that pass. A sample that it has not seen may be drawn whatever its class: its row
// of a memory is still the random start, which is no sample of any class. After an
// epoch all labels are known.
type Negatives struct {
	Labels *nn.Var // (samples) int64; -1: not seen

	others []int32 // scratch: samples that may be drawn
}

// NewNegatives returns a Negatives over so many samples, none of them seen.
func NewNegatives(samples int) *Negatives {
	labels := make([]int64, samples)
	for i := range labels {
		labels[i] = -1
	}
	value := tensor.New(tensor.WithShape(samples), tensor.WithBacking(labels))
	return &Negatives{Labels: &nn.Var{Value: value}, others: make([]int32, 0, samples)}
}

// Collect implements nn.Module.
func (n *Negatives) Collect(c *nn.Collector) { c.Buffer("labels", n.Labels) }

// Places returns, for each sample of a batch, its own id and k ids of other classes:
// without replacement where there are k, as the release draws them. They follow from
// seed, step and the labels seen so far. dst is used again where it is large enough.
// An id outside the split, or a split of one class, is a fault.Usage.
func (n *Negatives) Places(dst, ids, labels []int64, k int, seed uint64, step int64) ([]int64, error) {
	known := n.Labels.Value.Int64s()
	for i, id := range ids {
		if id < 0 || id >= int64(len(known)) {
			return dst, fault.New(fault.Usage, "crd: sample %d of a split of %d", id, len(known))
		}
		known[id] = labels[i]
	}
	rng := nn.Rand(seed, fmt.Sprint("step ", step), "crd negatives")
	dst = dst[:0]
	for i, id := range ids {
		n.others = n.others[:0]
		for j, l := range known {
			if l != labels[i] {
				n.others = append(n.others, int32(j))
			}
		}
		if len(n.others) == 0 {
			return dst, fault.New(fault.Usage, "crd: all %d samples have label %d: there is nothing to contrast", len(known), labels[i])
		}
		dst = appendDrawn(append(dst, id), n.others, k, rng)
	}
	return dst, nil
}

// appendDrawn appends k of the ids, each at most once where there are k: the first k
// steps of a shuffle (Durstenfeld, CACM 1964), which changes the order of ids.
func appendDrawn(dst []int64, ids []int32, k int, rng *rand.Rand) []int64 {
	if len(ids) < k {
		for range k {
			dst = append(dst, int64(ids[rng.IntN(len(ids))]))
		}
		return dst
	}
	for j := range k {
		r := j + rng.IntN(len(ids)-j)
		ids[j], ids[r] = ids[r], ids[j]
		dst = append(dst, int64(ids[j]))
	}
	return dst
}
