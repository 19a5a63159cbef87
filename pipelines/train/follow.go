package train

import (
	"context"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/transforms/train"
)

// Follow returns what shows the progress of a training that other processes do:
// the runs that have left their weights.
func Follow(job train.Job) func(context.Context) {
	return func(ctx context.Context) {
		done := 0
		for _, name := range job.Names {
			if _, err := blob.Stat(ctx, blob.Join(job.Out, name, "final.safetensors")); err == nil {
				done++
			}
		}
		progress.Local.Unit("runs")
		progress.Local.Phase("training")
		progress.Local.Planned.Store(int64(len(job.Names)))
		progress.Local.Done.Store(int64(done))
	}
}
