package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/methods/training"
)

// RunOne trains one configuration in its folder below the job's output, from its
// newest checkpoint where there is one. A run that fails by its own numbers is a
// Result that says so; the error is of the data or of the machinery.
func RunOne(ctx context.Context, job *Job, run *recipe.Run) (*Result, error) {
	method, values := methodOf(run)
	probe, err := training.New(method, values)
	if err != nil {
		return nil, err
	}
	train, eval, err := openSplits(ctx, job, run, probe.Views())
	if err != nil {
		return nil, err
	}
	defer train.Close()
	c := configOf(job, run)
	c.Train = train
	if eval != nil {
		defer eval.Close()
		c.Eval = eval
	}
	done, err := bringTeacher(ctx, &c)
	if err != nil {
		return nil, err
	}
	defer done()
	if blob.Scheme(job.Out) == "" {
		return runIn(ctx, job.Out, run, c)
	}
	a, err := bring(ctx, job, run.Name)
	if err != nil {
		return nil, err
	}
	c.Dir, c.Kept = a.at(), a.keep
	out, err := runIn(ctx, a.root, run, c)
	if err == nil {
		err = a.leave(ctx)
	}
	return out, errors.Join(err, a.close())
}

// bringTeacher has a teacher's weights on this machine until done is called.
func bringTeacher(ctx context.Context, c *training.Config) (done func(), err error) {
	addr, _ := c.Method.Options[recipe.TeacherWeights].(string)
	if addr == "" {
		return func() {}, nil
	}
	file, done, err := local(ctx, addr)
	c.Files = map[string]string{recipe.TeacherWeights: file}
	return done, err
}

// runIn trains in the run's folder below the directory root.
func runIn(ctx context.Context, root string, run *recipe.Run, c training.Config) (*Result, error) {
	t, err := training.NewTrainer(c)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	progress.Local.Phase("training")
	r, err := t.Run(ctx)
	var d *training.Diverged
	if err != nil && !errors.As(err, &d) {
		return nil, err
	}
	out, err := resultOf(root, run, r)
	if err == nil {
		out.Parameters = t.Parameters()
	}
	return out, err
}

// methodOf is the method of a run: one, or the library of historical mechanisms
// with several.
func methodOf(run *recipe.Run) (string, map[string]any) {
	if run.Methods != nil {
		var names []string
		values := map[string]any{}
		for _, m := range run.Methods {
			name, rest := split(m)
			names = append(names, name)
			for k, v := range rest {
				values[name+"."+k] = v
			}
		}
		values["mechanisms"] = strings.Join(names, " ")
		return "historical", values
	}
	name, rest := split(run.Method)
	return name, rest
}

// split parts a mapping with a name into both.
func split(m map[string]any) (string, map[string]any) {
	name, _ := m["name"].(string)
	rest := map[string]any{}
	for k, v := range m {
		if k != "name" {
			rest[k] = v
		}
	}
	return name, rest
}

func named(m map[string]any) training.Named {
	name, rest := split(m)
	return training.Named{Name: name, Options: rest}
}

func configOf(job *Job, run *recipe.Run) training.Config {
	method, values := methodOf(run)
	var last time.Time
	return training.Config{
		Model: named(run.Model), Method: training.Named{Name: method, Options: values}, Optimiser: named(run.Optimizer), Schedule: named(run.Schedule),
		Epochs: int(run.Epochs), Batch: int(run.Batch), EvalBatch: EvalBatch, EvalEvery: int(run.EvalEvery), Clip: training.Clip{Norm: run.ClipNorm}, Seed: uint64(run.Seed),
		Source:     map[string]any{"augment": run.Augment, "train": run.Train, "eval": run.Eval, "subset": run.Subset, "identity": run.Identity},
		Checkpoint: training.Keeping{EverySteps: int(run.CheckpointSteps), Keep: int(run.CheckpointKeep)},
		Dir:        filepath.Join(job.Out, run.Name), Workers: job.cores(), TrainName: run.Train, EvalName: run.Eval,
		Progress: func(p training.Progress) {
			progress.Local.Done.Add(1)
			if now := time.Now(); now.Sub(last) > 200*time.Millisecond {
				last = now
				progress.Local.Phase(run.Name + ": " + p.String())
			}
		},
	}
}

func resultOf(root string, run *recipe.Run, r *training.Result) (*Result, error) {
	out := &Result{Name: run.Name, Hash: run.Identity, Config: run.Config(), Sweep: run.Sweep, OK: r.Status == training.Done, Steps: r.Steps, FinalSHA256: r.FinalSHA256}
	delete(out.Config, "from") // a place of this machine
	if r.Failure != nil {
		out.Error = r.Failure.Error()
	}
	if e := r.Eval; e != nil {
		out.Metrics = map[string]float64{"loss": e.Loss, "top1": e.Top1, "top5": e.Top5, "ece": e.ECE}
	}
	if b := r.Best; b != nil {
		out.Best = map[string]float64{"loss": b.Loss, "top1": b.Top1, "epoch": float64(b.Epoch), "step": float64(b.Step)}
	}
	var err error
	out.Artefacts, err = artefacts(root, run.Name)
	return out, err
}

// lasting are the files of a run's folder that are the same however often it was
// cut off; what says how it went is not among them.
func lasting(name string) bool {
	return name == "final.safetensors" || name == "metrics.jsonl"
}

// artefacts lists what a run has left.
func artefacts(out, name string) ([]Artefact, error) {
	var list []Artefact
	root := filepath.Join(out, name)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || !lasting(filepath.ToSlash(rel)) {
			return err
		}
		a, err := digest(path)
		a.Path = name + "/" + filepath.ToSlash(rel)
		list = append(list, a)
		return err
	})
	return list, err
}

func digest(path string) (Artefact, error) {
	f, err := os.Open(path)
	if err != nil {
		return Artefact{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return Artefact{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// costOf reads what a run took.
func costOf(ctx context.Context, job *Job, name string) (Cost, *training.Result, error) {
	addr := blob.Join(job.Out, name, training.ResultFile)
	text, err := blob.ReadFile(ctx, addr, maxSmall)
	if err != nil {
		return Cost{}, nil, err
	}
	r, err := training.ParseResult(text)
	if err != nil {
		return Cost{}, nil, fault.At(err, fault.Place{Path: addr})
	}
	return Cost{Name: name, Seconds: r.Seconds, ImagesPerSecond: r.ImagesPerSecond}, r, nil
}

// CheckRun holds method, model, optimiser and schedule of a run to what there is,
// without any data. Mistakes are fault.Usage.
func CheckRun(run *recipe.Run, classes int) error {
	method, values := methodOf(run)
	if _, err := training.New(method, values); err != nil {
		return err
	}
	return training.CheckParts(named(run.Model), named(run.Optimizer), named(run.Schedule), classes, int(run.Epochs))
}
