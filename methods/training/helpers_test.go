package training

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

const side = 8

var classNames = []string{"rows", "columns", "checks"}

// drawn are n images of stripes and checks with noise, and their classes.
func drawn(n int, seed uint64) ImageSet {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := ImageSet{Height: side, Width: side, ClassNames: classNames, Mean: [3]float32{0.5, 0.5, 0.5}, Deviation: [3]float32{0.25, 0.25, 0.25}, Seed: seed}
	for i := range n {
		label := rng.IntN(3)
		for y := range side {
			for x := range side {
				v := 60 + 100*[]int{y & 1, x & 1, (x ^ y) & 1}[label]
				for range 3 {
					s.Pixels = append(s.Pixels, byte(v+rng.IntN(90)))
				}
			}
		}
		s.Labels = append(s.Labels, int64(label))
		s.Keys = append(s.Keys, fmt.Sprintf("drawn-%d-%04d", seed, i))
	}
	return s
}

func source(t testing.TB, s ImageSet) *InMemory {
	t.Helper()
	d, err := NewInMemory(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// small is a run of 3 epochs of 6 steps with momentum, dropout and a method that
// keeps state.
func small(t testing.TB, dir string) Config {
	t.Helper()
	s := drawn(50, 1)
	s.Shuffle, s.Pad, s.Flip = true, 1, true
	return Config{
		Dir: dir, Epochs: 3, Batch: 8, EvalBatch: 10, Seed: 7, Workers: 1, LogEvery: 2,
		Model:      Named{Name: "resnet8", Options: map[string]any{"width": 4}},
		Use:        &remembering{},
		Optimiser:  Named{Name: "sgd", Options: map[string]any{"lr": 0.05, "momentum": 0.9, "nesterov": true, "weight_decay": 5e-4}},
		Schedule:   Named{Name: "cosine", Options: map[string]any{"warmup_epochs": 1}},
		Checkpoint: Keeping{EverySteps: 4},
		Train:      source(t, s), Eval: source(t, drawn(33, 2)),
	}
}

func train(t testing.TB, c Config) (*Result, error) {
	t.Helper()
	tr, err := NewTrainer(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	return tr.Run(context.Background())
}

func trained(t testing.TB, c Config) *Result {
	t.Helper()
	r, err := train(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t testing.TB, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func lines(s string) int { return strings.Count(s, "\n") }

// remembering is a method with everything that a checkpoint must keep: a trained
// parameter, a float buffer that follows the logits, doubles, random draws, and an
// epoch count.
type remembering struct {
	Plain
	scale, mean *nn.Var
	numbers     *State64 // sum of losses, epochs
	logits      *nn.Var
	loss        float64
}

func (m *remembering) Name() string { return "remembering" }

func (m *remembering) Collect(c *nn.Collector) {
	c.Param("scale", m.scale)
	c.Buffer("mean", m.mean)
	c.Buffer("numbers", m.numbers.Var())
}

func (m *remembering) Begin(r *Run) error {
	m.scale, m.mean = nn.NewParam(nil, 1), nn.NewBuffer(0, 1, r.Classes)
	m.scale.Value.Float32s()[0] = 1
	m.numbers = NewState64(2)
	return m.Plain.Begin(r)
}

func (m *remembering) Loss(t *nn.Tape, b *Batch) (*Loss, error) {
	f := t.Dropout(m.Run.Net.Pool(t, m.Run.Net.Features(t, t.Const(b.Images)).Map), 0.2)
	m.logits = t.Keep(t.Mul(m.Run.Net.Logits(t, f), m.scale))
	ce := t.CrossEntropy(m.logits, b.Labels, nn.CrossEntropy{})
	near := t.MSE(m.logits, t.Expand(t.Const(m.mean.Value), b.Images.Shape()[0], m.Run.Classes), nn.ReduceMean)
	total := t.Add(ce, t.Affine(near, 0.01, 0))
	if err := t.Err(); err != nil {
		return nil, err
	}
	m.loss = float64(t.Host(total)[0]) / 3
	return &Loss{Total: total, Logits: m.logits, Parts: map[string]*nn.Var{"ce": ce, "near": near}}, nil
}

func (m *remembering) Stepped(*Batch) error {
	mean := m.mean.Value.Float32s()
	for i, v := range m.logits.Value.Float32s() {
		mean[i%len(mean)] = float32(0.9*mean[i%len(mean)]) + float32(0.1*v)
	}
	m.numbers.AddFloat(0, m.loss)
	return nil
}

func (m *remembering) EndEpoch(int64) error {
	m.numbers.Ints()[1]++
	m.mean.Value.Float32s()[0] = float32(m.numbers.Float(0))
	return nil
}
