package build

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path"
	"sort"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/transforms/chain"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// ReportImages is how many pictures report.html shows.
const ReportImages = 24

// Resolve checks a build and turns it into a job. Mistakes are fault.Usage with
// the recipe's line; a target that holds something else is fault.Occupied.
func Resolve(ctx context.Context, b *recipe.Build) (shards.Job, error) {
	job, err := JobOf(ctx, b)
	if err != nil {
		return job, err
	}
	return job, CheckTarget(ctx, &job)
}

// JobOf is Resolve without a look at the target.
func JobOf(ctx context.Context, b *recipe.Build) (shards.Job, error) {
	src, ok := datasets.Lookup(b.Dataset)
	if !ok {
		return shards.Job{}, b.Errorf("dataset", "no dataset %q%s", b.Dataset, recipe.Suggest(b.Dataset, datasets.Names()))
	}
	c, err := chain.Parse(b.Transforms)
	if err != nil {
		return shards.Job{}, b.Errorf("transforms", "%w", err)
	}
	b.Transforms = c.String()
	if err := checkFormats(b, src.Spec()); err != nil {
		return shards.Job{}, err
	}
	if err := checkInputs(ctx, b, src.Spec()); err != nil {
		return shards.Job{}, err
	}
	return shards.Job{RunID: NewRunID(), Dataset: b.Dataset, Inputs: b.Inputs, Splits: b.Splits, Transforms: b.Transforms,
		Formats: b.Formats, Shards: int(b.Shards), ShardBytes: b.ShardBytes, Out: b.Out, Seed: b.Seed, RecipeHash: b.Hash(),
		RecipeYAML: string(b.Encode(b.Out)), Codec: c.Codec(), ErrorBudget: b.ErrorBudget, ClassErrorBudget: b.ClassErrorBudget, ReportImages: ReportImages}, nil
}

// NewRunID names a launch.
func NewRunID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}

func checkFormats(b *recipe.Build, spec datasets.Spec) error {
	for _, name := range b.Formats {
		f, ok := formats.Lookup(name)
		if !ok {
			return b.Errorf("formats", "no format %q%s", name, recipe.Suggest(name, formats.Names()))
		}
		if _, merges := f.(formats.Merger); merges && spec.Task == datasets.Classification {
			return b.Errorf("formats", "format %s needs boxes; dataset %s has classes only", name, b.Dataset)
		}
	}
	return nil
}

func checkInputs(ctx context.Context, b *recipe.Build, spec datasets.Spec) error {
	known := make([]string, 0, len(spec.Inputs))
	for _, in := range spec.Inputs {
		known = append(known, in.Role)
		if in.Required && b.Inputs[in.Role] == "" {
			return b.Errorf("inputs", "dataset %s needs inputs.%s: %s", b.Dataset, in.Role, in.Doc)
		}
	}
	roles := make([]string, 0, len(b.Inputs))
	for role := range b.Inputs {
		roles = append(roles, role)
	}
	sort.Strings(roles)
	for _, role := range roles {
		if !contains(known, role) {
			return b.Errorf("inputs."+role, "dataset %s has no input %q%s", b.Dataset, role, recipe.Suggest(role, known))
		}
		if err := exists(ctx, b.Inputs[role]); err != nil {
			return b.Errorf("inputs."+role, "inputs.%s: %w", role, err)
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// exists reports whether addr is a file, or a directory with a file in it.
func exists(ctx context.Context, addr string) error {
	_, err := blob.Stat(ctx, addr)
	if fault.CodeOf(err) != fault.NotFound {
		return err
	}
	for _, err := range blob.List(ctx, addr) {
		return err
	}
	return fault.At(fault.New(fault.NotFound, "the directory is empty"), fault.Place{Path: addr})
}

// CheckTarget refuses a place that holds something that is not this build.
func CheckTarget(ctx context.Context, job *shards.Job) error {
	m, err := Manifest(ctx, job.Out)
	switch {
	case err == nil && m.RecipeHash != job.RecipeHash:
		return fault.At(fault.New(fault.Occupied, "holds another dataset: %s, recipe %.12s; this recipe is %.12s. Nothing was overwritten; choose another --out",
			m.Dataset, m.RecipeHash, job.RecipeHash), fault.Place{Path: job.Out})
	case err == nil:
		return nil
	case fault.CodeOf(err) == fault.Corrupt || fault.CodeOf(err) == fault.Unsupported:
		return fault.At(fault.New(fault.Occupied, "holds a %s that this tool did not write or cannot read (%w). Nothing was overwritten", manifest.Name, err), fault.Place{Path: job.Out})
	case fault.CodeOf(err) != fault.NotFound:
		return err
	}
	foreign := ""
	for info, err := range blob.List(ctx, job.Out) {
		if fault.CodeOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if top := first(info.Name); top == shards.StateDir {
			return nil // an unfinished build: the plan decides whether it is this one
		} else if foreign == "" {
			foreign = info.Name
		}
	}
	if foreign != "" {
		return fault.At(fault.New(fault.Occupied, "is not empty and no build of this tool's: it holds %s. Nothing was overwritten; choose another --out", foreign), fault.Place{Path: job.Out})
	}
	return nil
}

func first(name string) string {
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		name = d
	}
	return name
}
