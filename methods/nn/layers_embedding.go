package nn

import "gorgonia.org/tensor"

// Embedding is a table of vectors: weight (rows, dim).
type Embedding struct {
	Weight     *Var
	PaddingIdx int // a row that takes no gradient; negative: none
}

// NewEmbedding returns a table of standard normal values.
func NewEmbedding(rows, dim int) *Embedding {
	return &Embedding{Weight: NewParam(Normal(0, 1), rows, dim), PaddingIdx: -1}
}

// Collect implements Module.
func (l *Embedding) Collect(c *Collector) { c.Param("weight", l.Weight) }

// Lookup returns the rows of ids, of any shape: that shape and (dim).
func (l *Embedding) Lookup(t *Tape, ids *tensor.Dense) *Var {
	return t.Embedding(l.Weight, ids, l.PaddingIdx)
}
