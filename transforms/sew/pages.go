package sew

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/datasets/report/sewn"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// sheet is how many pictures a sheet of the report shows.
const sheet = 24

// thumbs makes the examples of rejected.tar.
type thumbs struct {
	job        *Job
	duplicates map[string]*addsd.Rejection
}

// of lists a batch's rejected pictures that have a thumbnail, by key.
func (t *thumbs) of(ctx context.Context, name string) ([]*datasets.Example, error) {
	var r batchRecord
	if err := readJSON(ctx, t.job.batchPath(name), &r); err != nil {
		return nil, err
	}
	var list []*datasets.Example
	for i := range r.Samples {
		s := &r.Samples[i]
		for k := range s.Tries {
			if x := &s.Tries[k]; x.Thumb != nil {
				list = append(list, t.example(s, x))
			}
		}
		if d := t.duplicates[s.Key]; d != nil && s.Accepted != nil {
			x, err := t.duplicate(ctx, s, d)
			if err != nil {
				return nil, err
			}
			list = append(list, t.example(s, x))
		}
	}
	slices.SortFunc(list, func(a, b *datasets.Example) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

func (t *thumbs) example(s *sampleRecord, x *try) *datasets.Example {
	id := int64(0)
	none := []datasets.Annotation{}
	return &datasets.Example{Key: fmt.Sprintf("%s_t%d", s.Key, x.Attempt), Split: t.job.Recipe.Split, Width: x.Width, Height: x.Height,
		OriginalWidth: x.Width, OriginalHeight: x.Height, Source: datasets.Origin{Name: t.job.Recipe.Generator.Kind, Bytes: int64(len(x.Thumb)), SHA256: sum(x.Thumb)},
		ImageID: &id, Annotations: &none, Image: x.Thumb, Ext: "jpg",
		Synthetic: &datasets.Synthetic{BaseKey: x.Base, CategoryID: s.Category, Attempt: x.Attempt, Verdicts: x.Verdicts,
			Rejected: string(x.Reason), Message: x.Message}}
}

// duplicate is the try of a picture that was made, passed, and looks like
// another.
func (t *thumbs) duplicate(ctx context.Context, s *sampleRecord, why *addsd.Rejection) (*try, error) {
	pool := built.PoolOf(t.job.madeDir(), webdataset.Format{})
	defer pool.Close()
	ex, err := pool.Get(ctx, s.Accepted.Place)
	if err != nil {
		return nil, err
	}
	b := newBench(thumbQuality)
	defer b.close()
	var m raster.RGB
	if err := b.dec.RGB(&m, ex.Image); err != nil {
		return nil, err
	}
	thumb, err := b.thumb(&m, thumbSide)
	if err != nil {
		return nil, err
	}
	return &try{Base: s.Accepted.Base, Attempt: ex.Synthetic.Attempt, Reason: why.Reason, Message: why.Message, Thumb: thumb.jpeg, Width: thumb.w, Height: thumb.h}, nil
}

// pages publishes what the report shows of the run.
func (s *selector) pages(ctx context.Context, after map[int64]frequency) error {
	in := sewn.Input{Notes: s.shortNotes()}
	names := map[int64]string{}
	for _, c := range s.plan.Classes {
		names[c.ID] = c.Name
		f := after[c.ID]
		x := pageClass(&c)
		x.After = sewn.Count{Images: f.Images, Instances: f.Instances, Group: datasets.FrequencyGroup(f.Images)}
		x.Planned = 0
		if o := s.classes[c.ID]; o != nil {
			x.Planned, x.Generated, x.Accepted = o.Planned, o.Generated, o.Accepted
			x.Rejected = map[string]int64{}
			for reason, n := range o.Rejected {
				x.Rejected[string(reason)] = n
			}
			x.Note = quotaNote(x.Note, o)
		}
		in.Classes = append(in.Classes, x)
	}
	for _, r := range s.taken {
		if r.Accepted.IoU != nil {
			in.IoU = append(in.IoU, *r.Accepted.IoU)
		}
	}
	in.Generator, in.Localiser, in.Settings = s.settings()
	var err error
	if in.Accepted, err = s.acceptedSheet(ctx, names); err != nil {
		return err
	}
	if in.Rejected, err = s.rejectedSheet(ctx, names); err != nil {
		return err
	}
	return putJSON(ctx, s.job.state(pagesFile), &in)
}

func pageClass(c *addsd.ClassPlan) sewn.Class {
	return sewn.Class{ID: c.ID, Name: c.Name, Cutouts: int64(c.Cutouts), Note: c.Note, Planned: int64(c.Planned),
		Before: sewn.Count{Images: c.Before, Instances: c.Instances, Group: c.GroupBefore},
		After:  sewn.Count{Images: c.After, Instances: c.Instances + int64(c.Planned), Group: c.GroupAfter}}
}

// PageClasses are the classes of a plan for the page about it.
func PageClasses(classes []addsd.ClassPlan) []sewn.Class {
	out := make([]sewn.Class, len(classes))
	for i := range classes {
		out[i] = pageClass(&classes[i])
	}
	return out
}

// quotaNote adds to a class's note why it has fewer pictures than were planned.
func quotaNote(note string, o *ClassOutcome) string {
	if o.Accepted >= o.Planned {
		return note
	}
	var why []string
	for _, r := range addsd.Reasons {
		if n := o.Rejected[r]; n > 0 {
			why = append(why, fmt.Sprintf("%d %s", n, r))
		}
	}
	text := fmt.Sprintf("%d short of %d: %s", o.Planned-o.Accepted, o.Planned, strings.Join(why, ", "))
	if note != "" {
		return note + "; " + text
	}
	return text
}

func (s *selector) shortNotes() []string { return s.notes()[1:] }

func (s *selector) settings() (generator, localiser, rest []sewn.KeyValue) {
	r := &s.job.Recipe
	g := &r.Generator
	generator = []sewn.KeyValue{{Key: "kind", Value: g.Kind}}
	if s.job.copies() {
		generator = append(generator, sewn.KeyValue{Key: "blend", Value: g.Blend}, sewn.KeyValue{Key: "max_cover", Value: fmt.Sprint(g.MaxCover)})
	} else {
		generator = append(generator, sewn.KeyValue{Key: "geometry", Value: g.Geometry}, sewn.KeyValue{Key: "steps", Value: fmt.Sprint(g.Steps)},
			sewn.KeyValue{Key: "guidance", Value: fmt.Sprint(g.Guidance)}, sewn.KeyValue{Key: "image_guidance", Value: fmt.Sprint(g.ImageGuidance)})
	}
	localiser = []sewn.KeyValue{{Key: "kind", Value: r.Localise.Kind}}
	f := &r.Filter
	for _, kv := range []struct {
		key   string
		value any
	}{
		{"split", r.Split}, {"sampling", r.Plan.Sampling}, {"classes", strings.Join(r.Plan.Classes, ", ")}, {"attempts", r.Plan.Attempts}, {"seed", r.Seed}, {"quality", r.Quality},
		{"min_area", f.MinArea}, {"max_area", f.MaxArea}, {"max_changed", f.MaxChanged}, {"max_drift", f.MaxDrift}, {"max_overlap", f.MaxOverlap}, {"min_distance", f.MinDistance},
	} {
		rest = append(rest, sewn.KeyValue{Key: kv.key, Value: fmt.Sprint(kv.value)})
	}
	return generator, localiser, rest
}

// spread picks at most n of the items, one of every group in turn.
func spread[T any, K comparable](items []T, n int, group func(T) K) []T {
	var order []K
	groups := map[K][]T{}
	for _, x := range items {
		k := group(x)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], x)
	}
	var out []T
	for round := 0; len(out) < min(n, len(items)); round++ {
		for _, k := range order {
			if g := groups[k]; round < len(g) && len(out) < n {
				out = append(out, g[round])
			}
		}
	}
	return out
}

// shuffled orders samples by a hash of their keys: in the order of the keys a
// sheet would show one base over and over.
func shuffled(list []*sampleRecord) []*sampleRecord {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b *sampleRecord) int { return strings.Compare(sum([]byte(a.Key)), sum([]byte(b.Key))) })
	return out
}

func (s *selector) acceptedSheet(ctx context.Context, names map[int64]string) ([]sewn.Picture, error) {
	pool := built.PoolOf(s.job.madeDir(), webdataset.Format{})
	defer pool.Close()
	b := newBench(thumbQuality)
	defer b.close()
	var out []sewn.Picture
	for _, r := range spread(shuffled(s.taken), sheet, func(r *sampleRecord) int64 { return r.Category }) {
		ex, err := pool.Get(ctx, r.Accepted.Place)
		if err != nil {
			return nil, err
		}
		var m raster.RGB
		if err := b.dec.RGB(&m, ex.Image); err != nil {
			return nil, err
		}
		thumb, err := b.thumb(&m, sheetSide)
		if err != nil {
			return nil, err
		}
		score := ex.Synthetic.Score
		p := sewn.Picture{Key: ex.Key, Class: names[r.Category], Score: &score, IoU: r.Accepted.IoU, Image: thumb.jpeg, Width: ex.Width, Height: ex.Height,
			Found: &sewn.Place{Box: ex.Synthetic.Found}}
		if t := ex.Synthetic.Truth; t != nil {
			p.Truth = &sewn.Place{Box: &t.BBox, Mask: t.Segmentation}
		}
		for _, a := range *ex.Annotations {
			if a.ID != ex.Synthetic.Annotation {
				p.Existing = append(p.Existing, a)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *selector) rejectedSheet(ctx context.Context, names map[int64]string) ([]sewn.Picture, error) {
	d, err := readRejected(ctx, s.job)
	if err != nil {
		return nil, err
	}
	var out []sewn.Picture
	for _, ex := range spread(d, sheet, func(ex *datasets.Example) string { return ex.Synthetic.Rejected }) {
		out = append(out, sewn.Picture{Key: ex.Key, Class: names[ex.Synthetic.CategoryID], Reason: ex.Synthetic.Rejected, Message: ex.Synthetic.Message,
			Image: ex.Image, Width: ex.Width, Height: ex.Height})
	}
	return out, nil
}

// readRejected reads the thumbnails back; at most rejectedRead of them.
func readRejected(ctx context.Context, job *Job) ([]*datasets.Example, error) {
	o, err := blob.Open(ctx, job.extra(rejectedFile))
	if err != nil {
		return nil, err
	}
	defer o.Close()
	var out []*datasets.Example
	for ex, err := range webdataset.NewReader(o, o.Size()).All() {
		if err != nil {
			return nil, err
		}
		ex.Image = bytes.Clone(ex.Image)
		if out = append(out, ex); len(out) == rejectedRead {
			break
		}
	}
	return out, nil
}

// rejectedRead bounds the thumbnails from which the report's sheet is chosen.
const rejectedRead = 2000
