package refcoco

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func init() {
	for _, s := range []source{
		{"refcoco", "RefCOCO: short expressions for objects of COCO train2014, collected in a game"},
		{"refcoco+", "RefCOCO+: as RefCOCO, without words of place"},
		{"refcocog", "RefCOCOg: longer expressions for objects of COCO train2014"},
	} {
		datasets.Register(s)
	}
}

type source struct{ name, summary string }

func (s source) Spec() datasets.Spec {
	return datasets.Spec{
		Name:    s.name,
		Task:    datasets.Referring,
		Summary: s.summary,
		Inputs: []datasets.Input{
			{Role: "images", Doc: "the directory of the COCO images (train2014), or the one above it", Required: true},
			{Role: "annotations", Doc: "instances.json, which comes with the refs", Required: true},
			{Role: "refs", Doc: "refs(unc).p, refs(google).p or refs(umd).p", Required: true},
		},
	}
}

// maxRefs bounds a refs file, bytes. The released ones have 42 MB at most.
const maxRefs = 1 << 30

func (s source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	if err := datasets.CheckInputs(s.Spec(), in); err != nil {
		return err
	}
	refs, err := readRefs(ctx, in["refs"], p)
	if err != nil {
		return err
	}
	pl := &plan{p: p, refs: refs, path: in["refs"]}
	if err := pl.checkSplits(s.name); err != nil {
		return err
	}
	if pl.images, err = coco.List(ctx, in["images"], p); err != nil {
		return err
	}
	if pl.index, err = scan(ctx, in["annotations"], p); err != nil {
		return err
	}
	return pl.emit(ctx)
}

// readRefs reads the refs file and reports it.
func readRefs(ctx context.Context, addr string, p *datasets.Planner) ([]ref, error) {
	data, err := blob.ReadFile(ctx, addr, maxRefs)
	if err != nil {
		return nil, err
	}
	refs, err := parseRefs(data)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: addr})
	}
	sum := sha256.Sum256(data)
	p.Input(datasets.InputFile{
		Role: "refs", Name: blob.Base(addr), Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Of: "content",
	})
	p.Read(int64(len(data)))
	return refs, nil
}

// scan indexes the annotation file. What it holds that no ref can name is no
// example of ours: it is noted, and a ref that does name it is set aside later.
func scan(ctx context.Context, addr string, p *datasets.Planner) (*coco.Index, error) {
	unused, first := 0, ""
	own := *p
	own.Reject = func(r datasets.Rejection) error {
		if unused++; unused == 1 {
			first = r.Message
		}
		return nil
	}
	x, err := coco.Scan(ctx, addr, "", &own)
	p.Meta = own.Meta
	if err == nil && unused > 0 {
		p.Note("%s: %d things that no ref can name, the first: %s", blob.Base(addr), unused, first)
	}
	return x, err
}

// refRow is a ref as it stands in the rows of a Ref.
type refRow struct {
	RefID      int64               `json:"ref_id"`
	AnnID      int64               `json:"ann_id"`
	CategoryID int64               `json:"category_id"`
	Sentences  []datasets.Sentence `json:"sentences"`
}

// Example builds the example of the image's object and, for each ref, the ref
// and its annotation.
func (s source) Example(ref *datasets.Ref, rows [][]byte, _ *datasets.Meta) (*datasets.Example, error) {
	if len(rows)%2 != 1 {
		return nil, fault.New(fault.Bug, "%s: %s: %d rows, want the image's and two for each ref", s.name, ref.Key, len(rows))
	}
	im, err := coco.ParseImage(rows[0])
	if err != nil {
		return nil, err
	}
	refs := make([]datasets.Referred, 0, len(rows)/2)
	for i := 1; i < len(rows); i += 2 {
		r, err := referred(rows[i], rows[i+1], im.ID)
		if err != nil {
			return nil, err
		}
		refs = append(refs, r)
	}
	return &datasets.Example{
		Key: ref.Key, Split: ref.Split,
		OriginalWidth: im.Width, OriginalHeight: im.Height,
		ImageID: &im.ID, Refs: &refs, License: im.License,
	}, nil
}

// referred joins a ref with its annotation.
func referred(refJSON, annotation []byte, imageID int64) (datasets.Referred, error) {
	var r refRow
	if err := json.Unmarshal(refJSON, &r); err != nil {
		return datasets.Referred{}, fault.New(fault.Bug, "a ref's own row: %w", err)
	}
	a, of, err := coco.ParseAnnotation(annotation)
	switch {
	case err != nil:
		return datasets.Referred{}, fault.New(fault.CodeOf(err), "ref %d: %w", r.RefID, err)
	case a.ID != r.AnnID || of != imageID:
		return datasets.Referred{}, fault.New(fault.InvalidAnnotation,
			"ref %d: annotation %d of image %d, want %d of image %d", r.RefID, a.ID, of, r.AnnID, imageID)
	case a.CategoryID != r.CategoryID:
		return datasets.Referred{}, fault.New(fault.InvalidAnnotation,
			"ref %d: category %d, its annotation %d has %d", r.RefID, r.CategoryID, a.ID, a.CategoryID)
	}
	return datasets.Referred{
		RefID: r.RefID, AnnID: a.ID, CategoryID: a.CategoryID,
		BBox: a.BBox, Area: a.Area, Segmentation: a.Segmentation, IsCrowd: a.IsCrowd,
		Sentences: r.Sentences,
	}, nil
}
