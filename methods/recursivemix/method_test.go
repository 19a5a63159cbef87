package recursivemix

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

const (
	side    = 16
	classes = 5
	batch   = 6
	steps   = 4 // an epoch; the last one has fewer samples
)

// arms are the methods under test with options that make every part work.
var arms = map[string]map[string]any{
	"recursivemix": {"size": int64(side), "smoothing": 0.1},
	"cutmix":       {"smoothing": 0.1, "probability": 0.7},
	"mixup":        {},
}

// trial is a small run: what the training loop does, without files.
type trial struct {
	e      *cpu.Engine
	net    zoo.Backbone
	method training.Method
	opt    *nn.Optimiser
	tape   *nn.Tape
	state  nn.TrainingState
	losses []float32
}

// Collect implements nn.Module.
func (r *trial) Collect(c *nn.Collector) {
	c.Module("", r.net)
	c.Module("method", r.method)
}

func newTrial(t testing.TB, name string, options map[string]any) *trial {
	t.Helper()
	m, err := training.New(name, options)
	if err != nil {
		t.Fatal(err)
	}
	net, err := zoo.New("resnet8", zoo.Options{Classes: classes})
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{e: newEngine(t), net: net.(zoo.Backbone), method: m}
	nn.Initialise(r.net, 21)
	err = m.Begin(&training.Run{Engine: r.e, Net: r.net, Classes: classes, Batch: batch, StepsPerEpoch: steps, Seed: 21})
	if err != nil {
		t.Fatal(err)
	}
	r.tape = nn.NewTape(r.e)
	r.opt, err = nn.NewOptimiser(r.e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(r), LR: 0.05, Decay: 5e-4})
	if err != nil {
		t.Fatal(err)
	}
	r.state = nn.TrainingState{Model: r, Optimiser: r.opt, Seed: 21}
	return r
}

// batchOf makes the batch of a step: the last one of an epoch is smaller.
func batchOf(epoch, step int64) *training.Batch {
	rng := rand.New(rand.NewPCG(uint64(step), 77))
	n := batch
	if step%steps == steps-1 {
		n = batch - 2
	}
	return &training.Batch{Epoch: epoch, Step: step, Images: numbers(rng, n, 3, side, side), Labels: classesOf(rng, n, classes)}
}

// to trains until so many steps are done.
func (r *trial) to(t testing.TB, last int64) {
	t.Helper()
	for r.state.Step < last {
		if err := r.step(batchOf(r.state.Epoch, r.state.Step)); err != nil {
			t.Fatal(err)
		}
		if r.state.Step++; r.state.Step%steps == 0 {
			if err := r.method.EndEpoch(r.state.Epoch); err != nil {
				t.Fatal(err)
			}
			r.state.Epoch++
		}
	}
}

func (r *trial) step(b *training.Batch) error {
	r.tape.Training, r.tape.Seed = true, r.state.StepSeed()
	if err := r.method.Prepare(b); err != nil {
		return err
	}
	loss, err := r.method.Loss(r.tape, b)
	if err != nil {
		return err
	}
	r.losses = append(r.losses, r.tape.Host(loss.Total)[0])
	if err := r.tape.Backward(loss.Total); err != nil {
		return err
	}
	if err := r.opt.Step(); err != nil {
		return err
	}
	r.opt.ZeroGrad(r.tape)
	r.tape.Reset()
	return r.method.Stepped(b)
}

func (r *trial) saved(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := nn.SaveState(&b, &r.state, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// weights are the values of the network, without the method's.
func (r *trial) weights(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := nn.SaveState(&b, r.net, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAKilledRunGoesOnBitForBit(t *testing.T) {
	const last = 3 * steps
	rng := rand.New(rand.NewPCG(99, 1))
	for name, options := range arms {
		t.Run(name, func(t *testing.T) {
			whole := newTrial(t, name, options)
			whole.to(t, last)
			want := whole.saved(t)
			for range repeats(4, 1) {
				at := 1 + rng.Int64N(last-1)
				killed := newTrial(t, name, options)
				killed.to(t, at)
				src, err := nn.ParseCheckpoint(killed.saved(t))
				if err != nil {
					t.Fatal(err)
				}
				again := newTrial(t, name, options)
				if err := again.state.Load(src); err != nil {
					t.Fatal(err)
				}
				again.to(t, last)
				if !bytes.Equal(again.saved(t), want) {
					t.Errorf("killed after step %d: the end is another one", at)
				}
				if !slices.Equal(again.losses, whole.losses[at:]) {
					t.Errorf("killed after step %d: losses %v, want %v", at, again.losses, whole.losses[at:])
				}
			}
		})
	}
}

// Without the history a resumed run would be another run: the test above proves
// something.
func TestTheHistoryMattersInTheMiddleOfAnEpoch(t *testing.T) {
	whole, broken := newTrial(t, "recursivemix", arms["recursivemix"]), newTrial(t, "recursivemix", arms["recursivemix"])
	whole.to(t, 3)
	broken.to(t, 2)
	broken.method.(*RecursiveMix).history.Reset()
	broken.to(t, 3)
	if bytes.Equal(whole.weights(t), broken.weights(t)) {
		t.Error("a run without its history comes to the same weights")
	}
}

// Neutral settings train as no method does, bit for bit, over epochs.
func TestNeutralOptionsArePlainTraining(t *testing.T) {
	const last = steps + 2
	plain := newTrial(t, "none", nil)
	plain.to(t, last)
	want := plain.weights(t)
	for _, c := range []struct {
		name    string
		options map[string]any
	}{
		{"recursivemix", map[string]any{"size": int64(side), "alpha": 0.0}},
		{"recursivemix", map[string]any{"size": int64(side), "alpha": 0.0, "omega": 0.0}},
		{"recursivemix", map[string]any{"size": int64(side), "alpha": 0.0, "share_fc": true}},
		{"cutmix", map[string]any{"alpha": 0.0}},
		{"cutmix", map[string]any{"probability": 0.0}},
		{"mixup", map[string]any{"alpha": 0.0}},
		{"mixup", map[string]any{"probability": 0.0}},
	} {
		r := newTrial(t, c.name, c.options)
		r.to(t, last)
		if !slices.Equal(r.losses, plain.losses) || !bytes.Equal(r.weights(t), want) {
			t.Errorf("%s with %v is not plain training", c.name, c.options)
		}
	}
}

// A history of one step, the first of an epoch, is empty: that step is plain.
func TestTheFirstStepIsThatOfPlainTraining(t *testing.T) {
	plain, mixed := newTrial(t, "none", nil), newTrial(t, "recursivemix", map[string]any{"size": int64(side)})
	plain.to(t, 1)
	mixed.to(t, 1)
	if plain.losses[0] != mixed.losses[0] || !bytes.Equal(plain.weights(t), mixed.weights(t)) {
		t.Error("the first step differs from plain training")
	}
	plain.to(t, 2)
	mixed.to(t, 2)
	if bytes.Equal(plain.weights(t), mixed.weights(t)) {
		t.Error("the second step does not mix")
	}
}

// Steps that paste nothing still decay the ROI head, as on a network whose
// gradients are zeros.
func TestTheROIHeadDecaysInAPlainStep(t *testing.T) {
	r := newTrial(t, "recursivemix", map[string]any{"size": int64(side), "alpha": 0.0})
	w := r.method.(*RecursiveMix).history.Head.Weight.Value.Float32s()
	was := slices.Clone(w)
	r.to(t, 1)
	for i := range w {
		if want := was[i] - 0.05*5e-4*was[i]; !near(float64(w[i]), float64(want), 1e-9) {
			t.Fatalf("weight %d goes from %v to %v, want %v", i, was[i], w[i], want)
		}
	}
}

func TestAStepGivesItsMemoryBack(t *testing.T) {
	for name, options := range arms {
		r := newTrial(t, name, options)
		r.to(t, 2*steps)
		inUse, held := r.e.InUse(), r.e.Held()
		r.to(t, 5*steps)
		if now := r.e.InUse(); now != inUse {
			t.Errorf("%s: %d bytes are lent out at the end, %d after 2 epochs", name, now, inUse)
		}
		if now := r.e.Held(); now != held {
			t.Errorf("%s: the engine took %d more bytes after 2 epochs", name, now-held)
		}
	}
}

// TestPlacedMemoryGivesTheSameBits runs with every value in memory that the engine lent,
// as on a device, and none on the host.
func TestPlacedMemoryGivesTheSameBits(t *testing.T) {
	host, placed := newTrial(t, "recursivemix", arms["recursivemix"]), newTrial(t, "recursivemix", arms["recursivemix"])
	if err := nn.Place(placed.e, placed); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*trial{host, placed} {
		r.to(t, 2*steps-1)
	}
	if err := nn.Fetch(placed.e, placed); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(placed.saved(t), host.saved(t)) {
		t.Error("placed values come out otherwise")
	}
}

func TestAnyNumberOfThreadsGivesTheSameBits(t *testing.T) {
	var want []byte
	for _, workers := range []int{1, 3} {
		r := newTrial(t, "recursivemix", arms["recursivemix"])
		e := cpu.New(cpu.Options{Workers: workers})
		t.Cleanup(e.Close)
		r.e, r.tape = e, nn.NewTape(e)
		m := r.method.(*RecursiveMix)
		m.Run.Engine, m.history.e = e, e
		r.to(t, steps)
		if got := r.weights(t); want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("%d workers give other weights than one", workers)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name    string
		options map[string]any
	}{
		{"recursivemix", map[string]any{"alpha": 1.5}},
		{"recursivemix", map[string]any{"interpolation": "cubic"}},
		{"recursivemix", map[string]any{"omgea": 0.1}},
		{"cutmix", map[string]any{"probability": -0.1}},
		{"mixup", map[string]any{"alpha": "much"}},
	} {
		if _, err := training.New(c.name, c.options); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s with %v: %v, want a usage error", c.name, c.options, err)
		}
	}
	r := newTrial(t, "recursivemix", map[string]any{"size": int64(side + 1)})
	if err := r.step(batchOf(0, 0)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("images of another size: %v, want a usage error", err)
	}
	for _, name := range []string{"recursivemix", "cutmix", "mixup"} {
		if s, ok := training.Lookup(name); !ok || s.Paper == "" || s.Summary == "" {
			t.Errorf("%s is not described: %+v", name, s)
		}
		m, err := training.New(name, nil)
		if err != nil || m.Name() != name || m.Views() != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The authors' learning rates: five epochs of warm-up by lr e/6, then a cosine that
// counts from the first epoch.
func TestLearningRatesOfTheAuthorsRuns(t *testing.T) {
	imagenet := nn.WarmupByEpoch(5, 0.2, nn.Cosine{LR: 0.2, Period: 300})
	cifar := nn.WarmupByEpoch(5, 0.25, nn.MultiStep{LR: 0.25, Gamma: 0.1, Milestones: []float64{150, 225}})
	for _, c := range []struct {
		s     nn.Schedule
		epoch float64 // from 1
		want  string
	}{
		{cifar, 1, "0.041667"}, {cifar, 5, "0.208333"}, {cifar, 6, "0.250000"},
		{cifar, 150, "0.250000"}, {cifar, 151, "0.025000"}, {cifar, 226, "0.002500"},
		{imagenet, 1, "0.033333"}, {imagenet, 6, "0.199863"},
	} {
		if got := fmt.Sprintf("%.6f", c.s.At(c.epoch-1)); got != c.want {
			t.Errorf("epoch %v: learning rate %s, want %s", c.epoch, got, c.want)
		}
	}
}
