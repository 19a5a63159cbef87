package removal

import (
	"context"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// Resolve checks the section and turns it into the job of a build. Mistakes are
// fault.Usage with the recipe's line; a target that holds something else is
// fault.Occupied.
func Resolve(ctx context.Context, r *recipe.Remove) (shards.Job, error) {
	job, err := build.JobOf(ctx, &r.Build)
	if err != nil {
		return job, err
	}
	src, _ := datasets.Lookup(r.Dataset) // JobOf has found it
	switch task := src.Spec().Task; {
	case task == datasets.Classification:
		return job, r.Errorf("dataset", "dataset %s has classes only; removal needs objects with masks", r.Dataset)
	case task == datasets.Referring && r.Objects != "single":
		return job, r.Errorf("objects", "objects: %s: expressions name single objects", r.Objects)
	}
	job.Removal = &shards.Removal{Inpaint: r.Inpaint, Dilate: int(r.Dilate), Objects: r.Objects, Holdout: r.Holdout}
	if err := shards.CheckRemoval(&job); err != nil {
		key := "inpaint"
		if strings.HasPrefix(err.Error(), "formats") {
			key = "formats"
		}
		return job, r.Errorf(key, "%w", err)
	}
	job.RecipeHash, job.RecipeYAML = r.Hash(), string(r.Encode(r.Out))
	job.Codec = jpeg.Codec() // the pictures are decoded, also where their bytes are kept
	return job, build.CheckTarget(ctx, &job)
}
