package historical

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// The micro experiment of the specification, section 9E: ten Gaussian classes in 20
// dimensions, 1000 training samples with 20 % of the labels changed, 4000 clean ones to
// test, a perceptron 20-128-128-10. The long form takes about a minute, and prints the
// table for seeds 1 to 3:
//
//	TAILORBIRD_HISTORICAL=1 go test -v -run MicroExperiment ./methods/historical

const (
	microTrain, microTest, microDim, microClasses, microBatch = 1000, 4000, 20, 10, 50
	microNoise                                                = 0.2
)

// perceptron is a Backbone of vectors (N, 20).
type perceptron struct{ a, b, head *nn.Linear }

func newPerceptron() *perceptron {
	return &perceptron{nn.NewLinear(microDim, 128, true), nn.NewLinear(128, 128, true), nn.NewLinear(128, microClasses, true)}
}

func (p *perceptron) Collect(c *nn.Collector) {
	c.Module("a", p.a)
	c.Module("b", p.b)
	c.Module("head", p.head)
}

func (p *perceptron) Features(t *nn.Tape, x *nn.Var) zoo.Features {
	return zoo.Features{Map: t.ReLU(p.b.Forward(t, t.ReLU(p.a.Forward(t, x))))}
}

func (p *perceptron) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return p.Logits(t, p.Features(t, x).Map)
}
func (p *perceptron) Layout() zoo.Layout                        { return zoo.Layout{Map: 128, Classes: microClasses} }
func (p *perceptron) Pool(_ *nn.Tape, f *nn.Var) *nn.Var        { return f }
func (p *perceptron) Logits(t *nn.Tape, pooled *nn.Var) *nn.Var { return p.head.Forward(t, pooled) }
func (p *perceptron) Fold() error                               { return nil }

// gaussians are samples with the labels that they are given, and the true ones.
type gaussians struct {
	x            []float32
	given, truth []int64
}

func drawGaussians(rng *rand.Rand, centers []float64, n int, noise float64) gaussians {
	var g gaussians
	for range n {
		c := rng.IntN(microClasses)
		for j := range microDim {
			g.x = append(g.x, float32(centers[c*microDim+j]+rng.NormFloat64()))
		}
		given := c
		if rng.Float64() < noise {
			given = (c + 1 + rng.IntN(microClasses-1)) % microClasses
		}
		g.truth, g.given = append(g.truth, int64(c)), append(g.given, int64(given))
	}
	return g
}

// micro is one run.
type micro struct {
	train, test gaussians
	rig         *rig
	losses      [][]float64 // of each epoch, by sample, as they were met
	nll, acc    float64
	ece         float64
}

func runMicro(t testing.TB, seed uint64, epochs int, rate nn.Schedule, name string, o options) *micro {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 77))
	centers := make([]float64, microClasses*microDim)
	for i := range centers {
		centers[i] = 0.8 * rng.NormFloat64()
	}
	m := &micro{train: drawGaussians(rng, centers, microTrain, microNoise), test: drawGaussians(rng, centers, microTest, 0)}
	e := cpu.New(cpu.Options{Workers: 1})
	t.Cleanup(func() { e.Close() })
	method, err := training.New(name, o)
	must(t, err)
	net := newPerceptron()
	nn.Initialise(net, seed)
	m.rig = &rig{t: t, e: e, net: net, method: method, tape: nn.NewTape(e)}
	must(t, method.Begin(&training.Run{Engine: e, Net: net, Classes: microClasses, Samples: microTrain, Batch: microBatch, Epochs: epochs, StepsPerEpoch: microTrain / microBatch, Seed: seed}))
	group := nn.Group{Params: nn.Params(m.rig), LR: 0.05, Decay: 5e-4}
	for _, p := range group.Params {
		m.rig.params = append(m.rig.params, p.Var)
	}
	m.rig.opt, err = nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, group)
	must(t, err)
	for epoch := range epochs {
		m.rig.opt.SetLR(rate.At(float64(epoch)))
		m.epoch(int64(epoch), rng.Perm(microTrain))
	}
	m.evaluate(m.rig.method.Predict)
	return m
}

func (m *micro) epoch(epoch int64, order []int) {
	losses := make([]float64, microTrain)
	for at := 0; at < microTrain; at += microBatch {
		b := &training.Batch{Epoch: epoch, Step: epoch*microTrain/microBatch + int64(at/microBatch)}
		x, labels := make([]float32, 0, microBatch*microDim), make([]int64, 0, microBatch)
		for _, id := range order[at : at+microBatch] {
			b.IDs, b.Keys = append(b.IDs, int64(id)), append(b.Keys, fmt.Sprint(id))
			x, labels = append(x, m.train.x[id*microDim:(id+1)*microDim]...), append(labels, m.train.given[id])
		}
		b.Images = tensor.New(tensor.WithShape(microBatch, microDim), tensor.WithBacking(x))
		b.Labels = tensor.New(tensor.WithShape(microBatch), tensor.WithBacking(labels))
		l := m.rig.loss(b)
		for i, v := range CrossEntropies(m.rig.tape.Host(l.Logits), labels, microClasses) {
			losses[b.IDs[i]] = v
		}
		must(m.rig.t, m.rig.tape.Backward(l.Total))
		must(m.rig.t, m.rig.method.Gradients(b, m.rig.params))
		must(m.rig.t, m.rig.opt.Step())
		must(m.rig.t, m.rig.method.Stepped(b))
		m.rig.opt.ZeroGrad(m.rig.tape)
		m.rig.tape.Reset()
	}
	m.losses = append(m.losses, losses)
	must(m.rig.t, m.rig.method.EndEpoch(epoch))
}

// evaluate sets accuracy, NLL and ECE in 15 bins on the clean test samples.
func (m *micro) evaluate(predict func(*nn.Tape, *nn.Var) *nn.Var) {
	t := m.rig.tape
	t.Training = false
	var z []float32
	t.NoGrad(func() { z = t.Host(predict(t, t.Upload(m.test.x, microTest, microDim))) })
	t.Reset()
	t.Training = true
	p := Softmax(z, microClasses)
	m.acc, m.nll, m.ece = 0, 0, 0
	var right, confidence [15]float64
	for i, l := range CrossEntropies(z, m.test.truth, microClasses) {
		m.nll += l / microTest
		row := p[i*microClasses:][:microClasses]
		k := argmax(row)
		bin := min(int(row[k]*15), 14)
		confidence[bin] += float64(row[k])
		if int64(k) == m.test.truth[i] {
			m.acc += 1.0 / microTest
			right[bin]++
		}
	}
	for i := range right {
		m.ece += math.Abs(right[i]-confidence[i]) / microTest
	}
}

// members are the NLLs of the snapshots one by one.
func (m *micro) members() []float64 {
	s := m.rig.mechanism().(*snapshot)
	all := m.nll
	var out []float64
	for i := range s.members {
		s.store.Swap(i)
		m.evaluate(m.rig.net.Forward)
		s.store.Swap(i)
		out = append(out, m.nll)
	}
	m.nll = all
	return out
}

// auroc is the chance that a mislabelled sample scores higher than another.
func (m *micro) auroc(scores []float64) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var sum, wrong float64
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && scores[order[to]] == scores[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			if m.train.given[i] != m.train.truth[i] {
				wrong++
				sum += float64(from+to+1) / 2
			}
		}
		from = to
	}
	return (sum - wrong*(wrong+1)/2) / (wrong * (float64(len(scores)) - wrong))
}

func TestMicroExperimentInShort(t *testing.T) {
	const epochs = 20
	cosine := nn.Cosine{LR: 0.05, Period: epochs}
	plain := runMicro(t, 1, epochs, cosine, "none", nil)
	if pskd := runMicro(t, 1, epochs, cosine, "ps_kd", nil); pskd.nll >= plain.nll {
		t.Errorf("NLL with PS-KD %.3f, without %.3f", pskd.nll, plain.nll)
	}
	if te := runMicro(t, 1, epochs, cosine, "temporal_targets", options{"ramp_epochs": int64(7)}); te.nll >= plain.nll {
		t.Errorf("NLL with temporal targets %.3f, without %.3f", te.nll, plain.nll)
	}
	ranked := runMicro(t, 1, epochs, nn.Fixed(0.05), "o2u", nil)
	scores := ranked.rig.mechanism().(*o2u).Scores()
	if a := ranked.auroc(scores); a <= 0.95 {
		t.Errorf("cumulative centred loss finds mislabelled samples with AUROC %.3f", a)
	}
	for i, s := range CenteredScores(ranked.losses) {
		if math.Abs(s-scores[i]) > 1e-9 {
			t.Fatalf("sample %d: score %v, from all losses at once %v", i, scores[i], s)
		}
	}
	snap := runMicro(t, 1, epochs, SnapshotSchedule{0.05, epochs, 3}, "snapshot", options{"members": int64(3)})
	var mean float64
	for _, l := range snap.members() {
		mean += l / 3
	}
	if snap.nll >= mean {
		t.Errorf("NLL of the ensemble %.3f, mean of its members %.3f", snap.nll, mean)
	}
}

func TestMicroExperimentInFull(t *testing.T) {
	if os.Getenv("TAILORBIRD_HISTORICAL") == "" {
		t.Skip("TAILORBIRD_HISTORICAL is not set: the long form takes a minute")
	}
	const epochs = 60
	cosine := nn.Cosine{LR: 0.05, Period: epochs}
	for seed := uint64(1); seed <= 3; seed++ {
		show := func(name string, m *micro) {
			t.Logf("seed %d %-22s accuracy %.4f NLL %.3f ECE %.3f", seed, name, m.acc, m.nll, m.ece)
		}
		show("plain", runMicro(t, seed, epochs, cosine, "none", nil))
		show("ps_kd", runMicro(t, seed, epochs, cosine, "ps_kd", nil))
		show("temporal_targets", runMicro(t, seed, epochs, cosine, "temporal_targets", nil))
		snap := runMicro(t, seed, epochs, SnapshotSchedule{0.05, epochs, 5}, "snapshot", nil)
		show("5 snapshots", snap)
		members := snap.members()
		t.Logf("seed %d %-22s NLL %.3f accuracy %.4f", seed, "their last alone", members[4], snap.acc)
		fixed := runMicro(t, seed, epochs, nn.Fixed(0.05), "forgetting", nil)
		show("constant rate", fixed)
		show("  weight_ema .99", runMicro(t, seed, epochs, nn.Fixed(0.05), "weight_ema", options{"decay": 0.99}))
		show("  swa", runMicro(t, seed, epochs, nn.Fixed(0.05), "swa", nil))
		var forgets []float64
		for _, n := range fixed.rig.mechanism().(*forgetting).Counts() {
			forgets = append(forgets, float64(n))
		}
		cyclic := runMicro(t, seed, epochs, O2USchedule{0.1, 0.01, 10}, "o2u", nil)
		t.Logf("seed %d AUROC: cumulative %.3f last epoch %.3f first epoch %.3f forgets %.3f cyclic O2U %.3f", seed,
			fixed.auroc(CenteredScores(fixed.losses)), fixed.auroc(fixed.losses[epochs-1]), fixed.auroc(fixed.losses[0]),
			fixed.auroc(forgets), cyclic.auroc(cyclic.rig.mechanism().(*o2u).Scores()))
	}
}
