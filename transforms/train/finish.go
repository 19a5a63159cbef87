package train

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tailorbird/tailorbird/datasets/report/trained"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
)

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*finishFn)(nil)).Elem())
}

// Finish holds the results against the sweep and publishes report and
// results.json, the latter last.
func Finish(s beam.Scope, job Job, results beam.PCollection) beam.PCollection {
	s = s.Scope("train.Finish")
	return beam.ParDo(s, &finishFn{Job: job}, beam.GroupByKey(s, beam.AddFixedKey(s, results)))
}

type finishFn struct{ Job Job }

func (fn *finishFn) ProcessElement(ctx context.Context, _ int, rows func(*[]byte) bool, emit func(string)) error {
	var list []Result
	var b []byte
	for rows(&b) {
		var r Result
		if err := json.Unmarshal(b, &r); err != nil {
			return fault.Wrap(fault.Bug, err)
		}
		list = append(list, r)
	}
	if err := RunFinish(ctx, &fn.Job, list); err != nil {
		return err
	}
	emit(fn.Job.Hash)
	return nil
}

// RunFinish publishes what the runs have come to.
func RunFinish(ctx context.Context, job *Job, rows []Result) error {
	progress.Local.Phase("finishing")
	byName := map[string]*Result{}
	for i := range rows {
		if byName[rows[i].Name] != nil {
			return fault.New(fault.Bug, "run %s has two results", rows[i].Name)
		}
		byName[rows[i].Name] = &rows[i]
	}
	out := Results{Hash: job.Hash, Keys: job.Keys}
	for _, name := range job.Names {
		r := byName[name]
		if r == nil {
			return fault.New(fault.Bug, "run %s has no result", name)
		}
		out.Runs = append(out.Runs, *r)
	}
	page, err := pageOf(ctx, job, &out)
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := trained.Write(&html, page); err != nil {
		return err
	}
	text, err := jsonText(&out)
	if err != nil {
		return err
	}
	seconds, rss := progress.Usage()
	took, err := jsonText(map[string]any{"started": time.Unix(0, job.StartedUnix).UTC().Format(time.RFC3339), "seconds": time.Since(time.Unix(0, job.StartedUnix)).Seconds(),
		"cpu_seconds": seconds, "peak_rss_bytes": rss, "runner": job.Runner, "together": job.together(), "cores_a_run": job.cores()})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		text []byte
	}{{ReportFile, html.Bytes()}, {RunFile, took}, {"recipe.yaml", []byte(job.RecipeYAML)}} {
		if err := blob.Replace(ctx, blob.Join(job.Out, f.path), f.text); err != nil {
			return err
		}
	}
	failpoint.Hit("train.pages")
	_, err = blob.Put(ctx, blob.Join(job.Out, ResultsFile), text)
	failpoint.Hit("train.results")
	return err
}
