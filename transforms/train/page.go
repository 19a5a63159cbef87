package train

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/report/trained"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training"
)

// shownMistakes is how many pictures of mistakes a run shows.
const shownMistakes = 12

// pageOf gathers what the report shows.
func pageOf(ctx context.Context, job *Job, all *Results) (trained.Input, error) {
	in := trained.Input{Title: blob.Base(job.Out), Hash: job.Hash, Keys: job.Keys}
	for i := range all.Runs {
		run, err := pageRun(ctx, job, &all.Runs[i], len(all.Runs) == 1 || i == best(all.Runs))
		if err != nil {
			return in, err
		}
		in.Runs = append(in.Runs, run)
	}
	return in, nil
}

// best is the run whose mistakes a sweep's page shows: the one of the best last
// evaluation.
func best(runs []Result) int {
	at := 0
	for i := range runs {
		if runs[i].OK && (!runs[at].OK || runs[i].Metrics["top1"] > runs[at].Metrics["top1"]) {
			at = i
		}
	}
	return at
}

func pageRun(ctx context.Context, job *Job, r *Result, pictures bool) (trained.Run, error) {
	out := trained.Run{Name: r.Name, OK: r.OK, Error: r.Error, FinalSHA256: r.FinalSHA256, Parameters: r.Parameters, Steps: r.Steps}
	for _, k := range job.Keys {
		out.Sweep = append(out.Sweep, trained.KeyValue{Key: k, Value: fmt.Sprint(r.Sweep[k])})
	}
	for _, k := range slices.Sorted(maps.Keys(r.Config)) {
		text, err := json.Marshal(r.Config[k])
		if err != nil {
			return out, fault.Wrap(fault.Bug, err)
		}
		out.Settings = append(out.Settings, trained.KeyValue{Key: k, Value: string(text)})
	}
	cost, full, err := costOf(ctx, job, r.Name)
	if err != nil {
		return out, err
	}
	out.Seconds, out.ImagesPerSecond = cost.Seconds, cost.ImagesPerSecond
	if out.Curve, err = curve(ctx, blob.Join(job.Out, r.Name, "metrics.jsonl")); err != nil {
		return out, err
	}
	if b := full.Best; b != nil {
		out.Best = &trained.Scores{Loss: b.Loss, Top1: b.Top1, Epoch: b.Epoch}
	}
	if e := full.Eval; e != nil {
		out.Final = &trained.Scores{Loss: e.Loss, Top1: e.Top1, Top5: e.Top5, ECE: e.ECE, Epoch: full.Epochs}
		out.Classes, out.Confusion = e.Classes, e.Confusion
		if pictures {
			out.Mistakes, err = mistakes(ctx, job.From[r.Name], job.Evals[r.Name], e)
		}
	}
	return out, err
}

// maxMetrics bounds metrics.jsonl: a line an evaluation.
const maxMetrics = 256 << 20

func curve(ctx context.Context, addr string) ([]trained.Point, error) {
	b, err := blob.ReadFile(ctx, addr, maxMetrics)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []trained.Point
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var p struct {
			Split string   `json:"split"`
			Step  int64    `json:"step"`
			Epoch float64  `json:"epoch"`
			Loss  float64  `json:"loss"`
			Top1  *float64 `json:"top1"`
		}
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fault.New(fault.Corrupt, "%s: line %d: %w", addr, n, err)
		}
		top1 := math.NaN() // a gap in the curve
		if p.Top1 != nil {
			top1 = *p.Top1
		}
		out = append(out, trained.Point{Split: p.Split, Step: p.Step, Epoch: p.Epoch, Loss: p.Loss, Top1: top1})
	}
	return out, lines.Err()
}

// mistakes reads the pictures of the most confident mistakes.
func mistakes(ctx context.Context, from, split string, e *training.Evaluation) ([]trained.Mistake, error) {
	d, err := built.Open(ctx, from)
	if err != nil {
		return nil, err
	}
	wanted := map[string]int{}
	var out []trained.Mistake
	for _, m := range e.Mistakes[:min(len(e.Mistakes), shownMistakes)] {
		wanted[m.Key] = len(out)
		out = append(out, trained.Mistake{Key: m.Key, Truth: e.Classes[m.Truth], Predicted: e.Classes[m.Predicted], Confidence: m.Confidence})
	}
	for _, shard := range d.Shards(split) {
		err := d.Walk(ctx, shard, func(r *built.Row) error {
			i, ok := wanted[r.Key]
			if !ok {
				return nil
			}
			data, err := r.Image()
			if err != nil {
				return err
			}
			m := &out[i]
			m.Image, m.Ext, m.Width, m.Height = bytes.Clone(data), r.Example.Ext, r.Example.Width, r.Example.Height
			return nil
		}, func(err error) error {
			if fault.CodeOf(err).IsData() {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
