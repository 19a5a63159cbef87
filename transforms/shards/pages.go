package shards

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/card"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

// QuarantinePath is the list of what was set aside, below the dataset's root.
const QuarantinePath = "quarantine/quarantine.jsonl"

// listedRejections is how many lines of the quarantine the report shows.
const listedRejections = 50

// quarantine joins the lists of the plan and of the shards into one and returns
// its first lines. The reasons of the plan's own rejections are counted here.
func (f *finisher) quarantine(ctx context.Context) ([]datasets.Rejection, error) {
	if f.m.Quarantine.Examples == 0 {
		return nil, nil
	}
	w, err := blob.Create(ctx, blob.Join(f.job.Out, QuarantinePath))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	var first []datasets.Rejection
	parts := []string{f.job.state("quarantine", "plan.jsonl")}
	for _, r := range f.rows {
		if r.Done.Rejected > 0 {
			parts = append(parts, f.job.quarantinePath(r.Done.Split, r.Done.Shard))
		}
	}
	for i, part := range parts {
		err := eachLine(ctx, part, func(line []byte) error {
			var r datasets.Rejection
			if err := json.Unmarshal(line, &r); err != nil {
				return fault.Wrap(fault.Bug, err)
			}
			if i == 0 {
				f.m.Quarantine.Reasons[r.Reason]++
			}
			if len(first) < listedRejections {
				first = append(first, r)
			}
			_, err := w.Write(append(line, '\n'))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	_, err = w.Publish(ctx)
	return first, err
}

func eachLine(ctx context.Context, addr string, visit func([]byte) error) error {
	o, err := blob.Open(ctx, addr)
	if err != nil {
		return err
	}
	defer o.Close()
	r := bufio.NewReader(io.NewSectionReader(o, 0, o.Size()))
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			if err := visit(bytes.TrimRight(line, "\n")); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pages writes what people read: report, card, Croissant, recipe, run.
func (f *finisher) pages(ctx context.Context, rejections []datasets.Rejection) error {
	f.measure()
	samples, err := Samples(ctx, f.job.Out, &f.m, f.job.ReportImages)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.Write(&page, report.Input{Manifest: &f.m, Run: &f.run, Quarantine: rejections, Samples: samples, More: f.extra.Blocks}); err != nil {
		return err
	}
	run, err := jsonText(&f.run)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		path string
		text []byte
	}{
		{"report.html", page.Bytes()},
		{"README.md", card.README(&f.m, f.extra.Made...)},
		{"croissant.json", card.Croissant(&f.m, f.extra.Made...)},
		{"recipe.yaml", []byte(f.job.RecipeYAML)},
		{"run.json", run},
	} {
		if err := persist(func() error { return blob.Replace(ctx, blob.Join(f.job.Out, file.path), file.text) }); err != nil {
			return err
		}
	}
	return nil
}

// measure fills in how the run went so far.
func (f *finisher) measure() {
	r := &f.run
	started := time.Unix(0, f.job.StartedUnix)
	r.Started = started.UTC().Format(time.RFC3339)
	r.Seconds = time.Since(started).Seconds()
	r.CPUSeconds, r.PeakRSSBytes = progress.Usage()
	r.Runner, r.Workers = f.job.Runner, f.job.cores()
	if r.Seconds > 0 {
		r.ImagesPerSecond = float64(f.m.Examples()) / r.Seconds
	}
}

// thumbnails is how sample pictures come into the report.
const thumbnails = "decode | resize(short=320, enlarge=false) | encode(jpeg, quality=82)"

// Samples picks the same few pictures of each split of a finished dataset
// whenever they are picked: evenly from its first shard that holds any. Keys are
// spread over shards by hash, so they are a fair sample. They come shrunk, with
// their annotations; total bounds their number.
func Samples(ctx context.Context, out string, m *manifest.Manifest, total int) ([]*datasets.Example, error) {
	c, err := chain.Parse(thumbnails)
	if err != nil {
		return nil, err
	}
	w := c.NewWorker()
	defer w.Close()
	var list []*datasets.Example
	names := m.SplitNames()
	for _, name := range names {
		of, err := sampleSplit(ctx, out, m.Splits[name], (total+len(names)-1)/len(names))
		if err != nil {
			return nil, err
		}
		for _, ex := range of {
			if err := shrink(w, ex); err != nil {
				return nil, fault.At(err, fault.Place{Key: ex.Key})
			}
			list = append(list, ex)
		}
	}
	return list, nil
}

func shrink(w *chain.Worker, ex *datasets.Example) error {
	ow, oh := ex.OriginalWidth, ex.OriginalHeight
	ex.OriginalWidth, ex.OriginalHeight = 0, 0
	if _, err := w.Open(ex, ex.Image); err != nil {
		return err
	}
	if err := w.Decode(); err != nil {
		return err
	}
	if err := w.Transform(); err != nil {
		return err
	}
	_, err := w.Encode(nil)
	ex.OriginalWidth, ex.OriginalHeight = ow, oh
	return err
}

func sampleSplit(ctx context.Context, out string, s manifest.Split, want int) ([]*datasets.Example, error) {
	for _, x := range s.Shards {
		format, ok := formats.Lookup(x.Format)
		if !ok || isMerger(format) || x.Examples == 0 {
			continue
		}
		o, err := blob.Open(ctx, blob.Join(out, x.Path))
		if err != nil {
			return nil, err
		}
		defer o.Close()
		list, err := sampleShard(format, o, want)
		return list, fault.At(err, fault.Place{Path: x.Path})
	}
	return nil, nil
}

func sampleShard(format formats.Format, o blob.Object, want int) ([]*datasets.Example, error) {
	r, err := format.NewReader(o, o.Size())
	if err != nil {
		return nil, err
	}
	index, err := r.Index()
	if err != nil {
		return nil, err
	}
	n := min(want, len(index))
	var list []*datasets.Example
	for i := range n {
		ex, err := r.Get(index[i*len(index)/n])
		if err != nil {
			return nil, err
		}
		list = append(list, ex)
	}
	return list, nil
}
