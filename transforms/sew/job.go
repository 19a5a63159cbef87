package sew

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// Job is what every step must know. It travels inside the DoFns, so its fields
// are plain values.
type Job struct {
	Shards shards.Job // of the last steps; its RunID names this launch
	Recipe recipe.Sew
	Wanted []int64 // category ids, in order
	// Deterministic is false where the same request may give another picture: two
	// runs of the recipe then give two datasets, and a run that is resumed keeps
	// what it has.
	Deterministic bool
}

// dir is the folder of the state that is this package's.
const dir = "sew"

func (j *Job) state(elem ...string) string {
	return j.Shards.State(append([]string{dir}, elem...)...)
}

func (j *Job) extra(name string) string { return blob.Join(j.Shards.Out, shards.ExtraDir, name) }

func surveyName(shard int) string { return fmt.Sprintf("survey-%06d.json", shard) }
func bankName(shard int) string   { return fmt.Sprintf("bank-%06d.bin", shard) }
func batchName(batch int) string  { return fmt.Sprintf("%06d", batch) }

// The files of extra/.
const (
	statisticsFile = "statistics.json"
	planFile       = "plan.json"
	rejectedFile   = "rejected.tar"
)

// AcceptanceFile says what became of every class, below the dataset's root.
const AcceptanceFile = "acceptance.json"

// copies reports whether the generator pastes cut-outs.
func (j *Job) copies() bool { return j.Recipe.Generator.Kind == "copy_paste" }

// wanted is Wanted as a set.
func (j *Job) wanted() map[int64]bool {
	set := make(map[int64]bool, len(j.Wanted))
	for _, id := range j.Wanted {
		set[id] = true
	}
	return set
}

// source opens the dataset that is sewn into.
func (j *Job) source(ctx context.Context) (*built.Dataset, []manifest.Shard, error) {
	d, err := built.Open(ctx, j.Recipe.From)
	if err != nil {
		return nil, nil, err
	}
	return d, d.Shards(j.Recipe.Split), nil
}

// maxState bounds a JSON file of the state: a row a picture of one shard, or a
// record a sample of one batch.
const maxState = 1 << 30

func readJSON(ctx context.Context, addr string, v any) error {
	b, err := blob.ReadFile(ctx, addr, maxState)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fault.At(fault.New("", "%w", err), fault.Place{Path: addr})
	}
	return nil
}

// putJSON publishes v; the same value twice is a success.
func putJSON(ctx context.Context, addr string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	_, err = blob.Put(ctx, addr, append(b, '\n'))
	return err
}

// Inputs are those of the last steps of job.
func Inputs(job *Job) map[string]string {
	return map[string]string{roleFrom: job.Recipe.From, roleMade: job.state()}
}
