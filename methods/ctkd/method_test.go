package ctkd

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

const (
	side    = 8
	samples = 40
)

// stripes are small images of three classes with noise.
func stripes(t testing.TB) *training.InMemory {
	t.Helper()
	rng := rand.New(rand.NewPCG(8, 1))
	s := training.ImageSet{Height: side, Width: side, ClassNames: []string{"rows", "columns", "checks"}, Seed: 3, Shuffle: true, Flip: true}
	s.Mean, s.Deviation = [3]float32{0.5, 0.5, 0.5}, [3]float32{0.25, 0.25, 0.25}
	for i := range samples {
		label := i % 3
		for y := range side {
			for x := range side {
				v := 60 + 100*[]int{y & 1, x & 1, (x ^ y) & 1}[label]
				for range 3 {
					s.Pixels = append(s.Pixels, byte(v+rng.IntN(90)))
				}
			}
		}
		s.Labels = append(s.Labels, int64(label))
		s.Keys = append(s.Keys, fmt.Sprintf("drawn-%02d", i))
	}
	d, err := training.NewInMemory(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recipe is a run of 3 epochs of 5 steps.
func recipe(t testing.TB, dir, model, method string, options map[string]any) training.Config {
	t.Helper()
	return training.Config{
		Dir: dir, Epochs: 3, Batch: 8, Seed: 7, Workers: 1,
		Model:     training.Named{Name: model},
		Method:    training.Named{Name: method, Options: options},
		Optimiser: training.Named{Name: "sgd", Options: map[string]any{"lr": 0.02, "momentum": 0.9, "weight_decay": 5e-4}},
		Train:     stripes(t),
	}
}

// run trains to the end, or until step stop.
func run(t testing.TB, c training.Config, stop int64) (*training.Result, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.Progress = func(p training.Progress) {
		if p.Step == stop {
			cancel()
		}
	}
	tr, err := training.NewTrainer(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	return tr.Run(ctx)
}

// teacherFile is a file of weights of an untrained teacher: how good it is does not
// matter here.
func teacherFile(t testing.TB) string {
	t.Helper()
	net, err := zoo.New("resnet8", zoo.Options{Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	nn.Initialise(net, 4)
	for _, e := range nn.Params(net) { // sure of itself, as after training
		if e.Name == "fc.weight" {
			for i := range e.Var.Value.Float32s() {
				e.Var.Value.Float32s()[i] *= 8
			}
		}
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "teacher.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := nn.SaveState(f, net, nil); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// arms are the losses with each kind of temperature; -short has fewer.
func arms(weights string) map[string]training.Named {
	out := map[string]training.Named{}
	for _, loss := range Losses {
		for _, method := range []string{"kd", "ctkd"} {
			if testing.Short() && method == "kd" && loss != "kd" {
				continue // what ctkd adds is the temperature alone
			}
			o := map[string]any{"teacher": "resnet8", "teacher_weights": weights, "loss": loss}
			if loss == "crd" {
				o["crd_negatives"], o["crd_dim"] = 10, 16
			}
			out[method+" "+loss] = training.Named{Name: method, Options: o}
		}
	}
	out["ctkd instance"] = training.Named{Name: "ctkd", Options: map[string]any{"teacher": "resnet8", "teacher_weights": weights, "module": "instance"}}
	return out
}

// student is the run of an arm.
func student(t testing.TB, dir string, arm training.Named) training.Config {
	c := recipe(t, dir, "resnet8", arm.Name, arm.Options)
	c.Model.Options = map[string]any{"width": 4}
	return c
}

func TestARunLoadedAtAnyStepEndsBitForBitAlike(t *testing.T) {
	all := arms(teacherFile(t))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range sorted(all) {
		at := 1 + rng.IntN(11)
		t.Run(fmt.Sprintf("%s at step %d", name, at), func(t *testing.T) {
			whole := newBench(t, 1, all[name], 5e-4)
			var middle []byte
			for i := range 12 {
				if i == at {
					middle = whole.saved()
				}
				whole.next(nil)
			}
			after := newBench(t, 1, all[name], 5e-4)
			after.resume(middle)
			for after.step < 12 {
				after.next(nil)
			}
			if !bytes.Equal(after.saved(), whole.saved()) {
				t.Error("the states differ: weights, momentum, temperature, adapters or memories")
			}
			if bytes.Equal(middle, whole.saved()) {
				t.Error("nothing was trained after the save")
			}
		})
	}
}

func TestARunThatStoppedUnderTheTrainerEndsBitForBitAlike(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many checkpoints")
	}
	all := arms(teacherFile(t))
	for name, stop := range map[string]int64{"ctkd crd": 7, "ctkd instance": 4} {
		t.Run(name, func(t *testing.T) {
			whole, broken := t.TempDir(), t.TempDir()
			want, err := run(t, student(t, whole, all[name]), 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run(t, student(t, broken, all[name]), stop); err == nil {
				t.Fatal("the run did not stop")
			}
			got, err := run(t, student(t, broken, all[name]), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got.FinalSHA256 != want.FinalSHA256 {
				t.Error("the final weights differ")
			}
			if checkpointBytes(t, whole) != checkpointBytes(t, broken) {
				t.Error("the last checkpoints differ")
			}
		})
	}
}

func sorted(m map[string]training.Named) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// checkpointBytes is the last checkpoint of a run.
func checkpointBytes(t *testing.T, dir string) string {
	t.Helper()
	files, err := training.Checkpoints(dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("no checkpoints: %v", err)
	}
	newest := slices.MaxFunc(files, func(a, b training.CheckpointFile) int { return int(a.Step - b.Step) })
	var text []byte
	err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == newest.File {
			text, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil || len(text) == 0 {
		t.Fatalf("checkpoint %s: %v", newest.File, err)
	}
	return string(text)
}

func TestWithLambdaZeroTheStudentIsThatOfAFixedTemperature(t *testing.T) {
	weights := teacherFile(t)
	arm := training.Named{Name: "ctkd", Options: map[string]any{"teacher": "resnet8", "teacher_weights": weights, "lambda_to": 0.0}}
	learned := newBench(t, 1, arm, 0)
	var temperature float64
	learned.next(func(l *training.Loss) { temperature = number(t, learned.tape, l.Parts["temperature"]) })
	near(t, "the temperature", temperature, 15.6211715726, 1e-5)

	fixed := newBench(t, 1, training.Named{Name: "kd", Options: map[string]any{"teacher": "resnet8", "teacher_weights": weights, "temperature": temperature}}, 0)
	fixed.next(nil)
	for range 9 {
		learned.next(nil)
		fixed.next(nil)
	}
	a, b := learned.values(), fixed.values()
	if theta := a["method.temperature.global_T"]; !slices.Equal(theta, []float32{1}) {
		t.Errorf("theta moved to %v", theta)
	}
	for name, v := range b {
		if !slices.Equal(a[name], v) {
			t.Errorf("%s differs", name)
		}
	}

	// With weight decay theta shrinks by it and by momentum alone: v = 0.9 v + wd
	// theta, theta -= lr v.
	decayed := newBench(t, 1, arm, 5e-4)
	theta, v := 1.0, 0.0
	for range 5 {
		decayed.next(nil)
		v = 0.9*v + 5e-4*theta
		theta -= 0.02 * v
	}
	near(t, "theta", float64(decayed.values()["method.temperature.global_T"][0]), theta, 1e-6)
}

func TestWithoutKDThetaDoesNotMove(t *testing.T) {
	weights := teacherFile(t)
	b := newBench(t, 1, training.Named{Name: "ctkd", Options: map[string]any{"teacher": "resnet8", "teacher_weights": weights, "alpha": 0.0}}, 0)
	for range 6 {
		b.next(nil)
	}
	if theta := b.values()["method.temperature.global_T"]; !slices.Equal(theta, []float32{1}) {
		t.Errorf("theta is %v", theta)
	}
}

func TestThetaMovesInEveryArmThatHoldsATemperature(t *testing.T) {
	all := arms(teacherFile(t))
	for _, name := range sorted(all) {
		if all[name].Name != "ctkd" {
			continue
		}
		b := newBench(t, 1, all[name], 0)
		was := b.values()
		for range 3 {
			b.next(nil)
		}
		moved := false
		for n, v := range b.values() {
			moved = moved || strings.HasPrefix(n, "method.temperature.") && !slices.Equal(v, was[n])
		}
		if !moved {
			t.Errorf("%s: the temperature module did not learn", name)
		}
	}
}

func TestTheLossesAreWeighedAsTheTableSays(t *testing.T) {
	all := arms(teacherFile(t))
	for _, name := range sorted(all) {
		kind := strings.Fields(name)[1]
		if kind == "instance" {
			kind = "kd"
		}
		b := newBench(t, 1, all[name], 0)
		b.next(func(l *training.Loss) {
			w := weights[kind]
			want := 0.0
			for i, part := range []string{"ce", "kd", kind} {
				if i == 2 && kind == "kd" {
					continue
				}
				v, ok := l.Parts[part]
				if ok != (w[i] != 0) {
					t.Errorf("%s: part %s is there: %v, of weight %v", name, part, ok, w[i])
				}
				if ok {
					want += w[i] * number(t, b.tape, v)
				}
			}
			got := number(t, b.tape, l.Total)
			near(t, name, got, want, 1e-5*max(1, want))
		})
	}
}

func TestTheTeacherStaysAsItWas(t *testing.T) {
	all := arms(teacherFile(t))
	for _, name := range sorted(all) {
		b := newBench(t, 1, all[name], 5e-4)
		was := sum(b.d.teacher)
		for range 2 {
			b.next(nil)
		}
		if sum(b.d.teacher) != was {
			t.Errorf("%s: the teacher changed", name)
		}
		for _, p := range nn.Params(b.d.teacher) {
			if p.Var.Grad != nil {
				t.Errorf("%s: %s of the teacher has a gradient", name, p.Name)
			}
		}
		for _, e := range nn.Entries(both{b.net, b.d}) {
			if strings.Contains(e.Name, "teacher") && e.Name != "method.teacher_sha256" {
				t.Errorf("%s: %s is in checkpoints", name, e.Name)
			}
		}
	}
}

// TestTheTeacherIsEvaluated: its logits are those of running statistics, whatever
// else is in the batch, while the student trains.
func TestTheTeacherIsEvaluated(t *testing.T) {
	path := teacherFile(t)
	b := newBench(t, 1, arms(path)["kd kd"], 0)
	b.next(nil)
	layer, err := zoo.New("resnet8", zoo.Options{Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	src, err := nn.OpenCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := nn.LoadState(layer, src, nn.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	got := b.tape.Host(ask(b.tape, b.d.teacher, b.batch.Images, false).logits)
	if !b.tape.Training {
		t.Error("the tape does not train any more")
	}
	b.tape.Training = false
	want := b.tape.Host(layer.Forward(b.tape, b.tape.Const(b.batch.Images)))
	for i := range want {
		near(t, "a logit", float64(got[i]), float64(want[i]), 1e-4)
	}
}

func TestASteadyStepTakesNoNewMemory(t *testing.T) {
	all := arms(teacherFile(t))
	for _, name := range sorted(all) {
		b := newBench(t, 1, all[name], 5e-4)
		b.next(nil)
		b.next(nil)
		held, used := b.e.Held(), b.e.InUse()
		for range 3 {
			b.next(nil)
		}
		if b.e.Held() != held || b.e.InUse() != used {
			t.Errorf("%s: %d bytes held and %d in use after two steps, %d and %d after five", name, held, used, b.e.Held(), b.e.InUse())
		}
	}
}

func TestWeightsDoNotDependOnTheNumberOfThreads(t *testing.T) {
	all := arms(teacherFile(t))
	for _, name := range sorted(all) {
		one, three := newBench(t, 1, all[name], 5e-4), newBench(t, 3, all[name], 5e-4)
		for range 2 {
			one.next(nil)
			three.next(nil)
		}
		b := three.values()
		for n, v := range one.values() {
			if !slices.Equal(v, b[n]) {
				t.Errorf("%s: %s differs with three threads", name, n)
			}
		}
	}
}

func TestTeachersThatDoNotFitAreUsage(t *testing.T) {
	weights := teacherFile(t)
	dir := t.TempDir()
	broken := filepath.Join(t.TempDir(), "broken.safetensors")
	if err := os.WriteFile(broken, []byte("not tensors"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ model, weights, says string }{
		"a missing file":         {"resnet8", filepath.Join(dir, "nowhere.safetensors"), "nowhere"},
		"another network's file": {"resnet14", weights, "missing layer1.1"},
		"a wider network":        {"resnet8x4", weights, "shape"},
		"a broken file":          {"resnet8", broken, "broken"},
		"no classifier":          {"vit_base_patch16_224", weights, "vit_base"},
	} {
		m := &Distiller{Method: "kd", Options: Options{Kind: "kd", Fixed: 4, Gamma: 1, Teacher: Teacher{Model: tt.model, Weights: tt.weights}}}
		err := m.Begin(&training.Run{Engine: newTape(t).E, Classes: 3, Samples: samples})
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestATeacherLoadsFromACheckpointToo: a run's checkpoints hold the network after
// "model.", and more.
func TestATeacherLoadsFromACheckpointToo(t *testing.T) {
	first := arms(teacherFile(t))["ctkd vid"]
	second := t.TempDir()
	c := recipe(t, second, "resnet8", first.Name, first.Options)
	c.Model.Options = map[string]any{"width": 16}
	if _, err := run(t, c, 0); err != nil {
		t.Fatal(err)
	}
	r := &training.Run{Engine: newTape(t).E, Classes: 3}
	_, want, err := Teacher{Model: "resnet8", Weights: filepath.Join(second, "final.safetensors")}.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	if err := os.WriteFile(checkpoint, []byte(checkpointBytes(t, second)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, got, err := Teacher{Model: "resnet8", Weights: checkpoint}.Load(r)
	if err != nil || got != want {
		t.Errorf("%v; the same weights: %v", err, got == want)
	}
}

func TestARunDoesNotGoOnWithAnotherTeacher(t *testing.T) {
	weights := teacherFile(t)
	path := filepath.Join(t.TempDir(), "teacher.safetensors")
	copyOf := func(change bool) {
		text, err := os.ReadFile(weights)
		if err != nil {
			t.Fatal(err)
		}
		if change {
			text[len(text)-3] ^= 1
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copyOf(false)
	dir, arm := t.TempDir(), arms(path)["kd kd"]
	if _, err := run(t, student(t, dir, arm), 3); err == nil {
		t.Fatal("the run did not stop")
	}
	copyOf(true)
	if _, err := run(t, student(t, dir, arm), 0); fault.CodeOf(err) != fault.Usage {
		t.Errorf("with another teacher: %v", err)
	}
}
