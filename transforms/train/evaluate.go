package train

import (
	"context"

	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/methods/training"
)

// EvaluateOne measures a file of weights on the evaluation split of a run.
func EvaluateOne(ctx context.Context, job *Job, run *recipe.Run, weights string) (*training.Evaluation, error) {
	train, eval, err := openSplits(ctx, job, run, 1)
	if err != nil {
		return nil, err
	}
	defer train.Close()
	c := configOf(job, run)
	c.Train, c.Progress = train, nil
	if eval != nil {
		defer eval.Close()
		c.Eval = eval
	}
	gone, err := bringTeacher(ctx, &c)
	if err != nil {
		return nil, err
	}
	defer gone()
	file, done, err := local(ctx, weights)
	if err != nil {
		return nil, err
	}
	defer done()
	return training.EvaluateFile(ctx, c, file)
}
