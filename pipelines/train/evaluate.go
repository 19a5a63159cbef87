package train

import (
	"context"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/transforms/train"
)

// EvalOptions say what to evaluate; zero fields are the recipe's.
type EvalOptions struct {
	Run     string // name of a run of the sweep; empty: the first
	Weights string // file; empty: final.safetensors of the run's folder
	Split   string
	Workers int
}

// Evaluated is an Evaluation with what it is of.
type Evaluated struct {
	*training.Evaluation
	Run, Split, Weights string
}

// Evaluate measures weights on a split. Mistakes are fault.Usage.
func Evaluate(ctx context.Context, t *recipe.Train, o EvalOptions) (*Evaluated, error) {
	if o.Split != "" {
		for i := range t.Runs {
			t.Runs[i].Eval = o.Split
		}
	}
	job, runs, err := Resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	at := 0
	if o.Run != "" {
		for at = 0; at < len(runs) && runs[at].Name != o.Run; at++ {
		}
		if at == len(runs) {
			return nil, t.Errorf("sweep", "no run %q%s", o.Run, recipe.Suggest(o.Run, job.Names))
		}
	}
	run := &runs[at]
	out := &Evaluated{Run: run.Name, Split: run.Eval, Weights: o.Weights}
	if out.Weights == "" {
		out.Weights = blob.Join(job.Out, run.Name, "final.safetensors")
	}
	job.Workers = o.Workers
	out.Evaluation, err = train.EvaluateOne(ctx, &job, run, out.Weights)
	return out, err
}
