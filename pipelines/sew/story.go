package sew

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/sewn"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/transforms/sew"
)

// Explain reads one example of a dataset and tells its story.
func Explain(ctx context.Context, dir, key string) (*datasets.Example, string, error) {
	d, err := built.Open(ctx, dir)
	if err != nil {
		return nil, "", err
	}
	ex, err := d.Find(ctx, key)
	if err != nil {
		return nil, "", err
	}
	return ex, report.Story(ex, d.Manifest.Classes...), nil
}

// maxAcceptance bounds acceptance.json: a few lines a class.
const maxAcceptance = 64 << 20

// Acceptance reads acceptance.json of a sewn dataset.
func Acceptance(ctx context.Context, dir string) (map[string]*sew.ClassOutcome, error) {
	b, err := blob.ReadFile(ctx, blob.Join(dir, sew.AcceptanceFile), maxAcceptance)
	if err != nil {
		return nil, err
	}
	var out map[string]*sew.ClassOutcome
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fault.At(fault.New(fault.Corrupt, "%w", err), fault.Place{Path: blob.Join(dir, sew.AcceptanceFile)})
	}
	return out, nil
}

// SyntheticKeys lists at most n keys of synthetic samples of a sewn dataset,
// evenly over all of them.
func SyntheticKeys(ctx context.Context, dir string, n int) ([]string, error) {
	d, err := built.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, split := range d.Manifest.SplitNames() {
		for _, shard := range d.Shards(split) {
			err := d.Walk(ctx, shard, func(r *built.Row) error {
				if r.Example.Synthetic != nil {
					keys = append(keys, r.Key)
				}
				return nil
			}, nil)
			if err != nil {
				return nil, err
			}
		}
	}
	if len(keys) == 0 {
		return nil, fault.At(fault.New(fault.Usage, "holds no synthetic example"), fault.Place{Path: dir})
	}
	out := make([]string, 0, n)
	for i := range min(n, len(keys)) {
		out = append(out, keys[i*len(keys)/min(n, len(keys))])
	}
	return out, nil
}

// ClassPreview is one class of a Preview in JSON.
type ClassPreview struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	ImagesBefore int64  `json:"images_before"`
	ImagesAfter  int64  `json:"images_after"` // if every sample is accepted
	GroupBefore  string `json:"group_before"`
	GroupAfter   string `json:"group_after"`
	Planned      int    `json:"planned"`
	Cutouts      int    `json:"cutouts"`
	Note         string `json:"note,omitempty"`
}

// JSON is the object that `plan --json` prints.
func (p *Preview) JSON() any {
	classes := []ClassPreview{}
	for _, c := range p.Plan.Classes {
		if c.Planned > 0 || c.Note != "" {
			classes = append(classes, ClassPreview{c.ID, c.Name, c.Before, c.After, c.GroupBefore, c.GroupAfter, c.Planned, c.Cutouts, c.Note})
		}
	}
	out := map[string]any{"ok": true, "samples": p.Samples, "images": p.Plan.Images, "classes": classes, "basis": p.Basis, "plan_hash": p.Plan.Hash, "seconds": nil}
	if p.Seconds > 0 {
		out["seconds"] = p.Seconds
	}
	return out
}

// WriteText prints the plan for a terminal.
func (p *Preview) WriteText(w io.Writer) error {
	if err := p.Plan.Write(w); err != nil {
		return err
	}
	predicted := "not predicted"
	if p.Seconds > 0 {
		predicted = fmt.Sprintf("predicted %.0f s", p.Seconds)
	}
	_, err := fmt.Fprintf(w, "%d samples over %d pictures; %s (%s)\n", p.Samples, p.Plan.Images, predicted, p.Basis)
	return err
}

// Page is the plan as a page.
func (p *Preview) Page(r *recipe.Sew) ([]byte, error) {
	in := sewn.PlanInput{Dataset: blob.Base(r.From), Split: r.Split, Seconds: p.Seconds, Basis: p.Basis, Classes: sew.PageClasses(p.Plan.Classes)}
	var b bytes.Buffer
	err := sewn.PlanPage(&b, in)
	return b.Bytes(), err
}
