package sew

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"crypto/sha256"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/card"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/datasets/report/sewn"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// SourceName is the source of a sewn dataset in a shards.Job.
const SourceName = "sewn"

// The roles of its inputs, and the folders that begin the names of its images.
const (
	roleFrom = "from" // the dataset that was sewn into
	roleMade = "made" // the state of the run
)

func init() { datasets.RegisterHidden(source{}) }

// selectionFile is what Select decided, selectedPages what the report shows.
const (
	selectionFile = "selection.json"
	pagesFile     = "pages.json"
)

// selection is the synthetic examples that were taken.
type selection struct {
	Recipe   string           `json:"recipe_hash"`
	Classes  []manifest.Class `json:"classes"` // with groups recounted
	Accepted []built.Place    `json:"accepted"`
	Notes    []string         `json:"notes"`
	Made     []card.Synthetic `json:"made"`
}

// source reads the examples of a dataset and those that were sewn to it.
type source struct{}

func (source) Spec() datasets.Spec {
	return datasets.Spec{Name: SourceName, Task: datasets.Detection, Summary: "a built dataset and the synthetic examples of a run of sew",
		Inputs: []datasets.Input{{Role: roleFrom, Doc: "the built dataset", Required: true}, {Role: roleMade, Doc: "the state of the run", Required: true}}}
}

// Plan emits the examples of the source's split, then the synthetic ones.
func (source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	d, err := built.Open(ctx, in[roleFrom])
	if err != nil {
		return err
	}
	var sel selection
	if err := readJSON(ctx, blob.Join(in[roleMade], selectionFile), &sel); err != nil {
		return err
	}
	p.Meta = d.Meta()
	p.Meta.Classes = sel.Classes
	p.Input(datasets.InputFile{Role: roleFrom, Name: blob.Base(d.Dir), Bytes: 0, SHA256: d.Manifest.RootHash, Of: "root hash"})
	for _, n := range sel.Notes {
		p.Note("%s", n)
	}
	split := p.Splits[0]
	for _, shard := range d.Shards(split) {
		places, err := d.Index(ctx, shard)
		if err != nil {
			return err
		}
		for _, at := range places {
			if err := p.Emit(refOf(roleFrom, split, at)); err != nil {
				return err
			}
		}
		p.Read(shard.Bytes)
	}
	for _, at := range sel.Accepted {
		if err := p.Emit(refOf(roleMade, split, at)); err != nil {
			return err
		}
	}
	return nil
}

func refOf(role, split string, at built.Place) datasets.Ref {
	return datasets.Ref{Key: at.Key, Split: split, Image: datasets.Span{Name: role + "/" + at.Shard, Offset: at.Offset, Length: at.Bytes}, Label: -1}
}

// Example is not asked: the examples lie ready.
func (source) Example(ref *datasets.Ref, _ [][]byte, _ *datasets.Meta) (*datasets.Example, error) {
	return nil, fault.At(fault.New(fault.Bug, "an example of %s is read whole", SourceName), fault.Place{Key: ref.Key})
}

// Records opens both places.
func (source) Records(ctx context.Context, in datasets.Inputs) (datasets.Records, error) {
	d, err := built.Open(ctx, in[roleFrom])
	if err != nil {
		return nil, err
	}
	return &records{from: d.NewPool(), made: built.PoolOf(blob.Join(in[roleMade], "made"), webdataset.Format{})}, nil
}

type records struct{ from, made *built.Pool }

func (r *records) Record(ctx context.Context, ref *datasets.Ref) (*datasets.Example, error) {
	role, name, _ := strings.Cut(ref.Image.Name, "/")
	at := built.Place{Shard: name, Key: ref.Key, Offset: ref.Image.Offset, Bytes: ref.Image.Length}
	if role == roleMade {
		ex, err := r.made.Get(ctx, at)
		if err == nil {
			ex.Checked = true // Make has looked at what it encoded
		}
		return ex, err
	}
	return r.from.Get(ctx, at)
}

func (r *records) Close() error { return errors.Join(r.from.Close(), r.made.Close()) }

// Finish lists what was published beside the shards and writes the report's part
// about the sewing.
func (source) Finish(ctx context.Context, in datasets.Inputs, out string) (shards.Extra, error) {
	var extra shards.Extra
	var page sewn.Input
	if err := readJSON(ctx, blob.Join(in[roleMade], pagesFile), &page); err != nil {
		return extra, err
	}
	var sel selection
	if err := readJSON(ctx, blob.Join(in[roleMade], selectionFile), &sel); err != nil {
		return extra, err
	}
	extra.Made = sel.Made
	var err error
	if extra.Blocks, err = sewn.Sections(page); err != nil {
		return extra, err
	}
	paths := []string{AcceptanceFile}
	for info, err := range blob.List(ctx, blob.Join(out, shards.ExtraDir)) {
		if err != nil {
			return extra, err
		}
		paths = append(paths, shards.ExtraDir+"/"+info.Name)
	}
	for info, err := range blob.List(ctx, blob.Join(out, "annotations")) {
		if err != nil {
			return extra, err
		}
		if strings.HasSuffix(info.Name, "-mixing.json") {
			paths = append(paths, "annotations/"+info.Name)
		}
	}
	for _, p := range paths {
		f, err := fileOf(ctx, out, p)
		if err != nil {
			return extra, err
		}
		extra.Files = append(extra.Files, f)
	}
	return extra, nil
}

func fileOf(ctx context.Context, out, path string) (manifest.File, error) {
	o, err := blob.Open(ctx, blob.Join(out, path))
	if err != nil {
		return manifest.File{}, err
	}
	defer o.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(o, 0, o.Size())); err != nil {
		return manifest.File{}, err
	}
	return manifest.File{Path: path, Bytes: o.Size(), SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

func jsonText(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", " ")
	return append(b, '\n'), fault.Wrap(fault.Bug, err)
}
