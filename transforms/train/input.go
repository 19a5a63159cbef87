package train

import (
	"context"

	"github.com/tailorbird/tailorbird/datasets/report/trained"
)

// PageInput gathers what the report of a finished sweep shows, for a page of one's
// own. It reads the folders of the runs.
func PageInput(ctx context.Context, job *Job, all *Results) (trained.Input, error) {
	return pageOf(ctx, job, all)
}
