package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/scenes"
	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/transforms/shards"
	"github.com/tailorbird/tailorbird/transforms/train"
)

// Step is one dataset of the demo, when it is done.
type Step struct {
	Name     string             `json:"name"`
	Out      string             `json:"out"`
	Manifest *manifest.Manifest `json:"-"`
	RootHash string             `json:"root_hash"`
	Examples int                `json:"examples"`
	SetAside int                `json:"quarantined"`
	Verified int                `json:"verified"` // examples that verify read
	Seconds  float64            `json:"seconds"`
	Training []train.Result     `json:"training,omitempty"` // of what was trained on it

	planted    []scenes.Planted
	rejections []datasets.Rejection
	samples    []*datasets.Example
	more       []report.Block // sections of its own
	what       string
}

// plan is one dataset to build.
type plan struct {
	name, what, transforms string
	formats                []string
	shards                 int
	of                     func(drawn) scenes.Recipe
}

var plans = []plan{
	{"lvis", "Objects with masks, in LVIS v1's layout: the original bytes are kept, in four formats from one pass.", "keep",
		[]string{"webdataset", "tfrecord", "parquet", "coco"}, 4, func(l drawn) scenes.Recipe { return l.LVIS }},
	{"refcoco", "Referring expressions, in REFER's layout: a Python pickle and a COCO file; the long side becomes 512, boxes and masks follow.",
		"decode | resize(long=512, filter=bicubic) | encode(jpeg, quality=90)",
		[]string{"webdataset", "coco"}, 2, func(l drawn) scenes.Recipe { return l.RefCOCO }},
	{"imagenet-train", "Classes, in ImageNet's directories: the short side becomes 256.",
		"decode | resize(short=256, filter=bicubic) | encode(jpeg, quality=90)",
		[]string{"webdataset", "tfrecord"}, 2, func(l drawn) scenes.Recipe { return l.Train }},
	{"imagenet-val", "Classes, in ImageNet's flat validation layout with its labels in a side file: 224 x 224 from the middle.",
		"decode | resize(short=256, filter=bicubic) | center_crop(224) | encode(png)",
		[]string{"webdataset"}, 1, func(l drawn) scenes.Recipe { return l.Val }},
	{heldOutName, "Other scenes in LVIS v1's layout, drawn with another seed: what is trained is evaluated on their objects.", "keep",
		[]string{"webdataset"}, 1, func(l drawn) scenes.Recipe { return l.heldOut }},
}

// drawn is the raw data.
type drawn struct {
	scenes.Layout
	heldOut scenes.Recipe // other scenes of the LVIS set, to evaluate on
}

// Options of a run.
type Options struct {
	Out     string // empty or absent directory
	Seed    uint64
	Workers int
	Execute build.Execute
	Runner  string // what Execute runs on, for the reports
	Log     func(format string, args ...any)
}

// Run makes the demo and returns its steps; the page is report.html below
// Out.
func Run(ctx context.Context, o Options) ([]Step, error) {
	start := time.Now()
	raw := filepath.Join(o.Out, "raw")
	for info, err := range blob.List(ctx, o.Out) {
		if fault.CodeOf(err) == fault.NotFound {
			break
		}
		if err != nil {
			return nil, err
		}
		return nil, fault.At(fault.New(fault.Occupied, "is not empty: it holds %s; nothing was overwritten", info.Name), fault.Place{Path: o.Out})
	}
	layout, err := draw(raw, o.Seed)
	if err != nil {
		return nil, err
	}
	o.Log("drew the raw datasets in %.1f s: %s", time.Since(start).Seconds(), raw)
	var steps []Step
	for _, p := range plans {
		s, err := p.run(ctx, o, layout)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		o.Log("%-15s %3d examples, %d set aside as planted, verified; root hash %.12s", s.Name, s.Examples, s.SetAside, s.RootHash)
		steps = append(steps, s)
	}
	s, err := sewRare(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	o.Log("%-15s %3d examples, %s, verified, one made again; root hash %.12s", s.Name, s.Examples, s.Manifest.Notes[0], s.RootHash)
	steps = append(steps, s)
	if s, err = trainOn(ctx, o, layout); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	o.Log("%-15s %3d pictures of objects, verified, trained on by %d runs; root hash %.12s", s.Name, s.Examples, len(s.Training), s.RootHash)
	steps = append(steps, s)
	return steps, writePage(ctx, o.Out, steps, time.Since(start))
}

// draw draws the raw data, and beside it other scenes to evaluate on.
func draw(raw string, seed uint64) (drawn, error) {
	layout, err := scenes.Write(raw, seed, scenes.Size{})
	if err != nil {
		return drawn{}, err
	}
	dir := filepath.Join(raw, heldOutDir)
	other, err := scenes.Write(dir, seed^heldOutSeed, scenes.Size{Scenes: heldOutScenes, Referred: 16, PerClass: 1})
	if err != nil {
		return drawn{}, err
	}
	for _, unused := range []string{"refer", "imagenet"} {
		if err := os.RemoveAll(filepath.Join(dir, unused)); err != nil {
			return drawn{}, err
		}
	}
	return drawn{layout, other.LVIS}, nil
}

// run builds and verifies one dataset.
func (p plan) run(ctx context.Context, o Options, layout drawn) (Step, error) {
	start := time.Now()
	raw := p.of(layout)
	s := Step{Name: p.name, Out: filepath.Join(o.Out, p.name), planted: raw.Planted, what: p.what}
	b, err := p.recipe(o, raw, s.Out)
	if err != nil {
		return s, err
	}
	job, err := build.Resolve(ctx, b)
	if err != nil {
		return s, err
	}
	job.Workers, job.Runner = o.Workers, o.Runner
	if s.Manifest, err = build.Run(ctx, job, o.Execute); err != nil {
		return s, err
	}
	s.RootHash, s.Examples, s.SetAside = s.Manifest.RootHash, s.Manifest.Examples(), s.Manifest.Quarantine.Examples
	if err := s.verify(ctx); err != nil {
		return s, err
	}
	if err := s.account(ctx); err != nil {
		return s, err
	}
	s.samples, err = shards.Samples(ctx, s.Out, s.Manifest, picturesPerSet)
	s.Seconds = time.Since(start).Seconds()
	return s, err
}

// recipe writes the build as a recipe file beside the raw data, as a user would,
// and reads it.
func (p plan) recipe(o Options, raw scenes.Recipe, out string) (*recipe.Build, error) {
	var t strings.Builder
	fmt.Fprintf(&t, "version: 1\nseed: %d\nbuild:\n  dataset: %s\n  inputs:\n", o.Seed, raw.Dataset)
	for _, role := range []string{"images", "annotations", "refs", "labels", "synsets", "train", "val"} {
		if path := raw.Inputs[role]; path != "" {
			rel, err := filepath.Rel(o.Out, path)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&t, "    %s: %q\n", role, filepath.ToSlash(rel))
		}
	}
	fmt.Fprintf(&t, "  splits: [%s]\n  transforms: %s\n  formats: [%s]\n  shards: %d\n  error_budget: 25%%\nout: %s\n",
		strings.Join(raw.Splits, ", "), p.transforms, strings.Join(p.formats, ", "), p.shards, p.name)
	file := filepath.Join(o.Out, p.name+".yaml")
	if _, err := blob.Put(context.Background(), file, []byte(t.String())); err != nil {
		return nil, err
	}
	r, err := recipe.Load(file, nil)
	if err != nil {
		return nil, err
	}
	return &r.Builds[0], r.Place("")
}

func (s *Step) verify(ctx context.Context) error {
	var first *verify.Problem
	res, err := verify.Run(ctx, s.Out, verify.Options{}, func(p verify.Problem) {
		if first == nil {
			first = &p
		}
	})
	if err == nil && first != nil {
		err = fault.New(fault.Bug, "verify found %d problems, first %s: %s %s: %s", res.Problems, first.Kind, first.Path, first.Key, first.Message)
	}
	s.Verified = res.Examples
	return err
}

// maxQuarantine bounds the list of the demo's rejections.
const maxQuarantine = 1 << 20

// account holds the quarantine against what was planted: each accident is there
// under its reason and nothing else is.
func (s *Step) account(ctx context.Context) error {
	want := map[string]fault.Code{}
	for _, p := range s.planted {
		if p.Reason != "" {
			want[p.Key] = p.Reason
		}
	}
	text, err := blob.ReadFile(ctx, filepath.Join(s.Out, shards.QuarantinePath), maxQuarantine)
	if err != nil && fault.CodeOf(err) != fault.NotFound { // without a rejection there may be none
		return err
	}
	for line := range strings.Lines(string(text)) {
		var r datasets.Rejection
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return fault.Wrap(fault.Bug, err)
		}
		if want[r.Key] != r.Reason {
			return fault.New(fault.Bug, "%s was set aside as %s, planted was %q: %s", r.Key, r.Reason, want[r.Key], r.Message)
		}
		delete(want, r.Key)
		s.rejections = append(s.rejections, r)
	}
	for _, p := range s.planted {
		if _, left := want[p.Key]; left {
			return fault.New(fault.Bug, "%s was planted as %s (%s) and not set aside", p.Key, p.Reason, p.What)
		}
	}
	return nil
}
