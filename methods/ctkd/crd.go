package ctkd

import (
	"math"
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// CRDOptions are those of contrastive distillation; the values of the release are
// in DefaultCRD.
type CRDOptions struct {
	Dim         int     // of the embeddings
	Negatives   int     // K, samples of other classes for each
	Momentum    float64 // what a row of a memory keeps of itself
	Temperature float64 // tau
}

// DefaultCRD are the options of the release.
var DefaultCRD = CRDOptions{Dim: 128, Negatives: 16384, Momentum: 0.5, Temperature: 0.07}

// crdEps is added to the density of the negatives.
const crdEps = 1e-7

// CRD is contrastive representation distillation (Tian et al., arXiv:1910.10699,
// equations 17 and 18): embeddings of both networks' pooled features, and a memory
// for each with a row for every sample of the split. A student's embedding should
// be near to the teacher's memory of the same sample and far from that of samples
// of other classes, and the other way round.
type CRD struct {
	CRDOptions
	EmbedS, EmbedT *nn.Linear
	MemoryS        *nn.Var // (samples, Dim), unit rows once they are written
	MemoryT        *nn.Var
	ZS, ZT         *nn.Var // (1), constants of the densities, from the first batch
	Batches        *nn.Var // counter; 0: ZS and ZT are not set
	Negatives      *Negatives

	places *tensor.Dense // (B, K+1), lent by the engine
}

// NewCRD returns a CRD over so many samples, from features of so many channels.
// Memories are drawn from U(+-1/sqrt(Dim/3)) by the seed.
func NewCRD(o CRDOptions, samples, student, teacher int, seed uint64) *CRD {
	c := &CRD{
		CRDOptions: o,
		EmbedS:     nn.NewLinear(student, o.Dim, true), EmbedT: nn.NewLinear(teacher, o.Dim, true),
		MemoryS: nn.NewBuffer(0, samples, o.Dim), MemoryT: nn.NewBuffer(0, samples, o.Dim),
		ZS: nn.NewBuffer(-1, 1), ZT: nn.NewBuffer(-1, 1), Batches: nn.NewCounter(),
		Negatives: NewNegatives(samples),
	}
	limit := 1 / math.Sqrt(float64(o.Dim)/3)
	draw := nn.Uniform(-limit, limit)
	draw(c.MemoryS.Value.Float32s(), nil, nn.Rand(seed, "memory_s", "crd"))
	draw(c.MemoryT.Value.Float32s(), nil, nn.Rand(seed, "memory_t", "crd"))
	return c
}

// Collect implements nn.Module: the embeddings are trained, the rest is kept.
func (c *CRD) Collect(to *nn.Collector) {
	to.Module("embed_s", c.EmbedS)
	to.Module("embed_t", c.EmbedT)
	to.Buffer("memory_s", c.MemoryS)
	to.Buffer("memory_t", c.MemoryT)
	to.Buffer("z_s", c.ZS)
	to.Buffer("z_t", c.ZT)
	to.Buffer("batches", c.Batches)
	to.Module("negatives", c.Negatives)
}

// Embed returns unit embeddings (B, Dim) of features that went through EmbedS or
// EmbedT.
func Embed(t *nn.Tape, x *nn.Var) *nn.Var { return t.L2Normalize(x, 1, 1e-12) }

// Loss compares unit embeddings (B, Dim) with the memories. places are B rows of
// K+1 samples each, the batch's own first. The result is the sum over both
// directions of -(log P/(P + K/N + eps) + sum over negatives of
// log (K/N)/(P + K/N + eps))/B with P = exp(dot/tau)/Z.
func (c *CRD) Loss(t *nn.Tape, student, teacher *nn.Var, places []int64) *nn.Var {
	if student.Value == nil || len(places) == 0 || len(places)%student.Dim(0) != 0 {
		return t.Fail(fault.New(fault.Usage, "crd: %d places for embeddings %v", len(places), student.Shape()))
	}
	if err := c.upload(t.E, student.Dim(0), places); err != nil {
		return t.Fail(err)
	}
	us := c.scores(t, student, c.MemoryT)
	ut := c.scores(t, teacher, c.MemoryS)
	if seen := c.Batches.Value.Int64s(); seen[0] == 0 {
		c.fix(t, c.ZS, us)
		c.fix(t, c.ZT, ut)
	}
	return t.Add(c.contrast(t, us, c.ZS), c.contrast(t, ut, c.ZT))
}

// upload moves the places into the engine's memory, which serves again in the next
// step.
func (c *CRD) upload(e ops.Engine, rows int, places []int64) error {
	shape := []int{rows, len(places) / rows}
	if c.places != nil && !slices.Equal(c.places.Shape(), shape) {
		e.Release(c.places)
		c.places = nil
	}
	if c.places == nil {
		c.places = e.BorrowIndex(shape...)
	}
	return e.Upload(c.places, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(places)))
}

// scores are dot/tau (B, K+1). All N products are computed: that is a matrix
// product, and needs a thirtieth of the memory of K+1 gathered rows a sample.
func (c *CRD) scores(t *nn.Tape, x, memory *nn.Var) *nn.Var {
	dots := t.MatMulT(x, t.Const(memory.Value), false, true)
	return t.Scale(t.Gather(dots, 1, c.places), float32(1/c.Temperature))
}

// fix sets a constant Z to the mean of exp(u) times the number of samples.
func (c *CRD) fix(t *nn.Tape, z, u *nn.Var) {
	t.NoGrad(func() {
		m := t.Mean(t.Exp(u), false)
		if t.Err() != nil {
			return
		}
		if err := t.E.Scale(z.Value, t.Reshape(m, 1).Value, float32(c.MemoryS.Dim(0))); err != nil {
			t.Fail(err)
		}
	})
}

// contrast is one direction. With m = K/N each sample gives log m - log P for itself
// and log(1 + (P + eps)/m) for itself and each negative: the sum of K logarithms
// near log m, which the formula has, would round away what they differ by.
func (c *CRD) contrast(t *nn.Tape, u, z *nn.Var) *nn.Var {
	b, k := u.Dim(0), u.Dim(1)-1
	m := float64(k) / float64(c.MemoryS.Dim(0))
	zc := t.Const(z.Value)
	p := t.Div(t.Exp(u), zc)
	all := t.Sum(t.Log1p(t.Affine(p, float32(1/m), float32(crdEps/m))), false)
	own := t.Sum(t.Sub(t.Slice(u, 1, 0, 1), t.Log(zc)), false)
	return t.AddScalar(t.Scale(t.Sub(all, own), 1/float32(b)), float32(math.Log(m)))
}

// Update writes the unit embeddings (B, Dim) of samples ids into the memories: rows
// become Momentum row + (1-Momentum) embedding, normalised; the last one counts
// where an id comes twice. It is called after the backward pass, which reads the
// rows of before.
func (c *CRD) Update(t *nn.Tape, student, teacher *nn.Var, ids []int64) error {
	rows := make([]int, len(ids))
	for i, id := range ids {
		rows[i] = int(id)
	}
	t.NoGrad(func() {
		c.write(t, c.MemoryS, student, rows)
		c.write(t, c.MemoryT, teacher, rows)
	})
	if t.Err() == nil {
		c.Batches.Value.Int64s()[0]++
	}
	return t.Err()
}

func (c *CRD) write(t *nn.Tape, memory, x *nn.Var, rows []int) {
	old := t.IndexSelect(t.Const(memory.Value), 0, rows)
	mixed := t.Add(t.Scale(old, float32(c.Momentum)), t.Scale(x, float32(1-c.Momentum)))
	y := t.L2Normalize(mixed, 1, 1e-12)
	dim := memory.Dim(1)
	for i, row := range rows {
		if t.Err() != nil {
			return
		}
		box := ops.Copy{Shape: []int{dim}, To: ops.Layout{Offset: row * dim, Strides: []int{1}}, From: ops.Layout{Offset: i * dim, Strides: []int{1}}}
		if err := t.E.Copy(memory.Value, y.Value, box); err != nil {
			t.Fail(err)
		}
	}
}
