package historical

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// Type says what is kept: the leaves of the survey's tree.
type Type string

// Types.
const (
	Prediction        Type = "prediction"
	FeatureInstance   Type = "feature/instance"
	FeatureStatistics Type = "feature/statistics"
	ParameterTeacher  Type = "parameter/teacher"
	ParameterEnsemble Type = "parameter/ensemble"
	ParameterUnitary  Type = "parameter/unitary"
	GradientParameter Type = "gradient/parameter"
	GradientFeature   Type = "gradient/feature-level"
	LossValue         Type = "loss value"
)

// Part says where it acts.
type Part string

// Parts.
const (
	OnData      Part = "data"
	OnModel     Part = "model"
	OnLoss      Part = "loss"
	OnOptimizer Part = "optimizer"
	OnInference Part = "inference"
)

// Form says how it is kept.
type Form string

// Forms.
const (
	DE Form = "DE" // discrete elements: a list, a ring, a table
	MA Form = "MA" // a moving average or another fold
)

// Key is a cell of the survey's matrix.
type Key struct {
	Type  Type
	Part  Part
	Store Form
}

// Mechanism is one way to learn from history. It also implements those of the hook
// interfaces below that it acts through; it has at least one of them or a Commit that
// does something. A Mechanism serves one run.
type Mechanism interface {
	nn.Module // what is kept with checkpoints, and what is trained
	Key() Key
	// Begin makes the stores. It is called once.
	Begin(r *training.Run) error
	// Commit stores what the step has seen: the last call of a step.
	Commit(s *Step) error
	// Stores are the stores by name, in a fixed order.
	Stores() []NamedStore
	// Bytes is the memory of the elements in the stores, by the mechanism's formula.
	Bytes() int64
	// Reset forgets the history.
	Reset()
}

// Data may replace the images of s.Batch before the forward pass.
type Data interface{ BeforeForward(s *Step) error }

// Neck may change the pooled features (B, C), in evaluation too.
type Neck interface {
	AfterPool(t *nn.Tape, pooled *nn.Var) *nn.Var
}

// Targets gives the probabilities (B, K) that the cross-entropy is measured against;
// nil: the labels. One mechanism a run.
type Targets interface {
	Targets(s *Step) (*nn.Var, error)
}

// Criterion replaces the cross-entropy: a scalar. One mechanism a run.
type Criterion interface {
	Criterion(s *Step) (*nn.Var, error)
}

// Weigher sees each sample's cross-entropy and returns a weight for each; nil: all 1.
type Weigher interface {
	AfterLoss(s *Step, losses []float64) ([]float32, error)
}

// Loss adds a term, a scalar; nil: none in this step.
type Loss interface {
	AfterForward(s *Step) (*nn.Var, error)
}

// Balancer weighs the terms: the base loss and those of Loss mechanisms, as many
// weights as terms. again makes the terms once more, on the tape, features and logits of
// another Step. One mechanism a run.
type Balancer interface {
	Balance(s *Step, terms []*nn.Var, again func(*Step) ([]*nn.Var, error)) ([]float32, error)
}

// Gradient may replace the gradients of params.
type Gradient interface {
	AfterBackward(s *Step, params []*nn.Var) error
}

// Weights may read and change the weights after the optimiser's step.
type Weights interface{ AfterStep(s *Step) error }

// EpochEnd is called after an epoch's last step.
type EpochEnd interface{ EndEpoch(epoch int64) error }

// Inference predicts with the help of next, which predicts without the mechanism.
type Inference interface {
	Infer(t *nn.Tape, next func() *nn.Var) *nn.Var
}

// TwoViews says that a mechanism wants Batch.Second.
type TwoViews interface{ TwoViews() bool }

// Step is one step as mechanisms see it. Host copies are valid until the step's end;
// tape values until the backward pass.
type Step struct {
	Run   *training.Run
	Tape  *nn.Tape
	Batch *training.Batch

	Map    *nn.Var // feature map, where a mechanism asked for features
	Pooled *nn.Var // (B, C), likewise
	Logits *nn.Var // (B, K)

	Labels []int64   // of the batch, on the host
	Scores []float32 // Logits, on the host

	vectors []float32
	losses  []float64
}

// Vectors are the pooled features on the host, scaled to norm 1: asked before the
// backward pass.
func (s *Step) Vectors() []float32 {
	if s.vectors == nil && s.Pooled != nil {
		s.vectors = s.Tape.Host(s.Tape.L2Normalize(s.Pooled, 1, 1e-12))
	}
	return s.vectors
}

// Features are the pooled features scaled to norm 1, as tape values.
func (s *Step) Features() *nn.Var { return s.Tape.L2Normalize(s.Pooled, 1, 1e-12) }

// Count is the number of samples.
func (s *Step) Count() int { return len(s.Labels) }

// Now is the number of the step.
func (s *Step) Now() int64 { return s.Batch.Step }

// base is what mechanisms embed.
type base struct {
	key    Key
	run    *training.Run
	stores []NamedStore
}

func (b *base) Key() Key             { return b.key }
func (b *base) Commit(*Step) error   { return nil }
func (b *base) Stores() []NamedStore { return b.stores }

// Begin implements Mechanism: no stores.
func (b *base) Begin(r *training.Run) error {
	b.run = r
	return nil
}

func (b *base) Collect(c *nn.Collector) {
	for _, s := range b.stores {
		c.Module(s.Name, s.Store)
	}
}

func (b *base) Bytes() int64 {
	var n int64
	for _, s := range b.stores {
		n += s.Store.Bytes()
	}
	return n
}

func (b *base) Reset() {
	for _, s := range b.stores {
		s.Store.Reset()
	}
}

// keep adds a store in Begin.
func (b *base) keep(name string, s Store) { b.stores = append(b.stores, NamedStore{name, s}) }

// checkIDs refuses a batch whose samples do not fit a table of n rows.
func checkIDs(what string, ids []int64, n int) error {
	for _, id := range ids {
		if id < 0 || id >= int64(n) {
			return fault.New(fault.Usage, "%s: sample %d, the split has %d", what, id, n)
		}
	}
	return nil
}
