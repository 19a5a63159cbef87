package teskd

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// alone are the options that leave the backbone's cross-entropy.
func alone(ce float64) map[string]any {
	return map[string]any{"w_ce": ce, "w_kd": 0.0, "w_fea": 0.0, "b_s1": 0.0, "b_s2": 0.0, "b_s3": 0.0}
}

// of are the gradients of the network, or of the students.
func of(g map[string][]float32, students bool) map[string][]float32 {
	part := map[string][]float32{}
	for name, v := range g {
		if strings.HasPrefix(name, "method.") == students {
			part[name] = v
		}
	}
	return part
}

func same(a, b map[string][]float32) bool {
	for name, v := range a {
		if !slices.Equal(v, b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}

// TestWithoutStudentsGradientsAreThoseOfScaledCrossEntropy: bit for bit, as a factor
// that is a power of two rounds nothing; the release's 0.2 is compared with the plain loss
// times 0.2.
func TestWithoutStudentsGradientsAreThoseOfScaledCrossEntropy(t *testing.T) {
	plain := small(t, "none", nil).gradients(t)
	for _, w := range []float64{1, 0.25, 0.2} {
		got := small(t, "teskd", alone(w)).gradients(t)
		want := map[string][]float32{}
		for name, v := range plain {
			want[name] = slices.Clone(v)
			for i := range v {
				want[name][i] *= float32(w)
			}
		}
		if w == 0.2 {
			r := small(t, "none", nil)
			r.method = scaled{r.method, 0.2}
			want = r.gradients(t)
		}
		if !same(of(got, false), want) {
			t.Errorf("w_ce %v: gradients differ", w)
		}
		for name, v := range of(got, true) {
			if !allZero(v) {
				t.Errorf("w_ce %v: %s has a gradient", w, name)
			}
		}
	}
}

// scaled is a method whose loss is multiplied.
type scaled struct {
	training.Method
	by float32
}

func (s scaled) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	l, err := s.Method.Loss(t, b)
	l.Total = t.Scale(l.Total, s.by)
	return l, err
}

// TestWithoutStudentsTrainingIsPlain bit for bit, and the students only decay.
func TestWithoutStudentsTrainingIsPlain(t *testing.T) {
	plain, r := small(t, "none", nil), small(t, "teskd", alone(1))
	w := r.method.(*TESKD).students.fuse[1].conv.Weight.Value.Float32s()
	was := slices.Clone(w)
	plain.to(t, 1)
	r.to(t, 1)
	for i := range w {
		// Nesterov's first step is (1 + momentum) times the gradient.
		if want := float64(was[i]) * (1 - 0.05*1.9*5e-4); !near(float64(w[i]), want, 1e-8) {
			t.Fatalf("weight %d goes from %v to %v, want %v", i, was[i], w[i], want)
		}
	}
	plain.to(t, 5)
	r.to(t, 5)
	if !slices.Equal(plain.losses, r.losses) || !bytes.Equal(saved(t, plain.net), saved(t, r.net)) {
		t.Error("training differs from plain training")
	}
}

// TestDetachedStudentsLeaveTheBackboneAlone: with their cross-entropies alone, and
// no way back through the stages, the backbone trains as without them; with it, the
// gradients of stage 1 differ.
func TestDetachedStudentsLeaveTheBackboneAlone(t *testing.T) {
	plain := small(t, "none", nil)
	plain.method = scaled{plain.method, 0.2}
	detached := small(t, "teskd", map[string]any{"w_kd": 0.0, "detach_stages": true})
	plain.to(t, 4)
	detached.to(t, 4)
	if !bytes.Equal(saved(t, plain.net), saved(t, detached.net)) {
		t.Error("detached students change the backbone")
	}
	if fc := detached.gradients(t)["method.fc1.weight"]; allZero(fc) {
		t.Error("detached students do not learn")
	}
	back := small(t, "teskd", map[string]any{"w_kd": 0.0}).gradients(t)
	none := small(t, "teskd", map[string]any{"w_kd": 0.0, "detach_stages": true}).gradients(t)
	const name = "layer1.0.conv1.weight"
	if slices.Equal(back[name], none[name]) {
		t.Error("the students' loss does not reach stage 1")
	}
}

// TestTheDivergenceTeachesTheBackbone, which it does not where it is detached.
func TestTheDivergenceTeachesTheBackbone(t *testing.T) {
	for _, detach := range []bool{false, true} {
		g := small(t, "teskd", map[string]any{"w_ce": 0.0, "w_fea": 0.0, "detach_teacher": detach}).gradients(t)
		if got := allZero(g["fc.weight"]); got != detach {
			t.Errorf("detached %v: the classifier's gradient is zero: %v", detach, got)
		}
		if allZero(g["method.fc2.weight"]) {
			t.Errorf("detached %v: a student does not learn", detach)
		}
	}
}

// TestInferenceLeavesTheStudentsOut: Predict is the backbone's forward pass and the same
// logits, bit for bit, as those of the network with students.
func TestInferenceLeavesTheStudentsOut(t *testing.T) {
	r := small(t, "teskd", nil)
	r.to(t, 3)
	m := r.method.(*TESKD)
	r.tape.Training = false
	x := r.tape.Const(batchOf(9, batch, side, classes).Images)
	var predicted, passed, forward []float32
	r.tape.NoGrad(func() {
		predicted = r.tape.Host(m.Predict(r.tape, x))
		passed = r.tape.Host(m.Pass(r.tape, r.net, m.students, x).Backbone.Logits)
		forward = r.tape.Host(r.net.Forward(r.tape, x))
	})
	if err := r.tape.Err(); err != nil {
		t.Fatal(err)
	}
	if allZero(predicted) || !slices.Equal(predicted, passed) || !slices.Equal(predicted, forward) {
		t.Errorf("predicted %v, in the whole network %v, the backbone alone %v", predicted, passed, forward)
	}
	for _, e := range nn.Entries(r.net) {
		if strings.Contains(e.Name, "lateral") || strings.Contains(e.Name, "fuse") {
			t.Errorf("the network has %s", e.Name)
		}
	}
}

// A run that is killed after a random step goes on bit for bit.
func TestAKilledRunGoesOnBitForBit(t *testing.T) {
	const last = 6
	rng := rand.New(rand.NewPCG(99, 1))
	for _, options := range []map[string]any{nil, {"b_s1": 0.0, "w_kd": 0.0, "w_fea": 0.0}} {
		whole := small(t, "teskd", options)
		whole.to(t, last)
		at := 1 + rng.Int64N(last-1)
		killed := small(t, "teskd", options)
		killed.to(t, at)
		src, err := nn.ParseCheckpoint(saved(t, &killed.state))
		if err != nil {
			t.Fatal(err)
		}
		again := small(t, "teskd", options)
		if err := again.state.Load(src); err != nil {
			t.Fatal(err)
		}
		again.to(t, last)
		if !bytes.Equal(saved(t, &again.state), saved(t, &whole.state)) || !slices.Equal(again.losses, whole.losses[at:]) {
			t.Errorf("%v, killed after step %d: the end is another one", options, at)
		}
	}
}

func TestAnyNumberOfThreadsGivesTheSameBits(t *testing.T) {
	one, three := small(t, "teskd", nil), small(t, "teskd", nil)
	for i, r := range []*trial{one, three} {
		e := cpu.New(cpu.Options{Workers: 1 + 2*i})
		t.Cleanup(e.Close)
		r.e, r.tape = e, nn.NewTape(e)
		r.method.(*TESKD).Run.Engine = e
		r.to(t, 3)
	}
	if !bytes.Equal(saved(t, one), saved(t, three)) {
		t.Error("three workers give other weights than one")
	}
}

func TestAStepTakesNoNewMemory(t *testing.T) {
	for _, options := range []map[string]any{nil, alone(1)} {
		r := small(t, "teskd", options)
		r.to(t, 3)
		held, inUse := r.e.Held(), r.e.InUse()
		r.to(t, 8)
		if r.e.Held() != held || r.e.InUse() != inUse {
			t.Errorf("%v: %d bytes held and %d lent out, were %d and %d", options, r.e.Held(), r.e.InUse(), held, inUse)
		}
	}
}

// TestOverfitting is micro experiment (a) of specs/teskd.md section 10, smaller: on a few
// images every cross-entropy and divergence falls to almost nothing.
func TestOverfitting(t *testing.T) {
	steps := 120
	if testing.Short() {
		steps = 60
	}
	r := small(t, "teskd", map[string]any{"w_ce": 1.0})
	b := batchOf(0, 8, side, classes)
	parts := func() map[string]float64 {
		l, err := r.method.Loss(r.tape, b)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for name, v := range l.Parts {
			out[name] = float64(r.tape.Host(v)[0])
		}
		r.tape.Reset()
		return out
	}
	before := parts()
	if len(before) != 10 {
		t.Errorf("parts %v, want 10", before)
	}
	for range steps {
		if err := r.step(b); err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range parts() {
		if strings.HasPrefix(name, "fea") {
			continue // 1e-7 of it moves nothing
		}
		if !(v < 0.15) || math.IsNaN(v) {
			t.Errorf("%s falls from %v to %v", name, before[name], v)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	zero := alone(0)
	for _, options := range []map[string]any{
		{"w_kd": -1.0}, {"temperature": 0.0}, {"b1": 1.0}, {"width": 0.5}, {"detach_stages": "yes"}, zero,
	} {
		if _, err := training.New("teskd", options); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v: %v, want a usage error", options, err)
		}
	}
	r := newTrial(t, narrow(t, 2, classes), "teskd", map[string]any{"size": int64(32)})
	if err := r.step(batchOf(0, 2, side, classes)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("images of another size: %v, want a usage error", err)
	}
	m, err := training.New("teskd", nil)
	if err != nil || m.Name() != "teskd" || m.Views() != 1 {
		t.Fatalf("%v, %v", m, err)
	}
	if got := m.(*TESKD).Options; got != DefaultOptions() {
		t.Errorf("defaults %+v", got)
	}
	if s, ok := training.Lookup("teskd"); !ok || s.Paper == "" || s.Summary == "" {
		t.Errorf("not described: %+v", s)
	}
	if known, err := training.KnownOptions("teskd"); err != nil || len(known) != 12 {
		t.Errorf("known options %v, %v", known, err)
	}
}
