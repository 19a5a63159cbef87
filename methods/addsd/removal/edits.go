package removal

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
)

// lvisCap bounds the subsets of an LVIS class: the released loop chooses fewer
// than 20 of its instances.
const lvisCap = 20

// one is the edit that removes a single object.
func (r *Remover) one(ex *datasets.Example, o *object) datasets.Edit {
	e := datasets.Edit{
		Name: fmt.Sprint("ann", o.id), CategoryID: o.category, Count: 1, AnnotationIDs: []int64{o.id},
		Label: r.labels[o.category],
	}
	if o.ref != nil {
		// Two refs may name one object, so the ref is what is unique.
		e.Name = fmt.Sprint("ref", o.ref.RefID)
		e.Label = expression(o.ref.Sentences, r.rand(ex, "expression/"+e.Name))
		e.Instruction = referringInstruction(e.Label)
		return e
	}
	e.Instruction = "add a " + e.Label
	if r.options.Mode == Both {
		e.Instruction = countInstruction(e.Label, 1, r.rand(ex, "instruction/"+e.Name))
	}
	return e
}

// several are the edits that remove more than one object of a class, by class and
// number: for each number from two on a random choice, at last all.
func (r *Remover) several(ex *datasets.Example, kept []object) []datasets.Edit {
	byClass := map[int64][]int64{}
	var classes []int64
	for _, o := range kept {
		if byClass[o.category] == nil {
			classes = append(classes, o.category)
		}
		byClass[o.category] = append(byClass[o.category], o.id)
	}
	slices.Sort(classes)
	var edits []datasets.Edit
	for _, c := range classes {
		ids := byClass[c]
		rng := r.rand(ex, fmt.Sprint("subset/", c))
		for _, k := range sizes(len(ids), r.options.Source) {
			e := datasets.Edit{
				Name: fmt.Sprintf("cat%d_k%d", c, k), CategoryID: c, Label: r.labels[c], Count: k,
				AnnotationIDs: subset(ids, k, rng),
			}
			e.Instruction = countInstruction(e.Label, k, r.rand(ex, "instruction/"+e.Name))
			edits = append(edits, e)
		}
	}
	return edits
}

// sizes lists how many of n instances the edits of a class remove: 2 to n-1, for
// LVIS no more than 19, and n.
func sizes(n int, source string) []int {
	last := n
	if source == "lvis" {
		last = min(n, lvisCap)
	}
	var ks []int
	for k := 2; k < last; k++ {
		ks = append(ks, k)
	}
	if n >= 2 {
		ks = append(ks, n)
	}
	return ks
}

// subset draws k of ids, each choice as likely as any other, and keeps their order.
func subset(ids []int64, k int, rng *rand.Rand) []int64 {
	if k == len(ids) {
		return slices.Clone(ids)
	}
	at := make([]int, len(ids))
	for i := range at {
		at[i] = i
	}
	for i := range k { // the first k steps of a shuffle
		j := i + rng.IntN(len(at)-i)
		at[i], at[j] = at[j], at[i]
	}
	slices.SortFunc(at[:k], cmp.Compare[int])
	chosen := make([]int64, k)
	for i, j := range at[:k] {
		chosen[i] = ids[j]
	}
	return chosen
}

// rand is the source of random numbers for one purpose of one example.
func (r *Remover) rand(ex *datasets.Example, purpose string) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(r.options.Seed), hash(r.options.Source, ex.Key, purpose)))
}

// hash is FNV-1a of the words, each ended by a zero byte.
func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return h.Sum64()
}
