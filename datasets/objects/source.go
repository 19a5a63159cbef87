package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func init() { datasets.Register(Source{}) }

const (
	// minSide is the least side of an object that is taken, pixels.
	minSide = 8
	// margin is what is shown round an object, as a share of its longer side.
	margin = 0.1
)

// roles are the splits that there can be.
var roles = []string{"train", "val", "test"}

// Source is the dataset "objects".
type Source struct{}

// Spec describes the source.
func (Source) Spec() datasets.Spec {
	return datasets.Spec{Name: "objects", Task: datasets.Classification, Summary: "the objects of built detection datasets, each a picture of its class",
		Inputs: []datasets.Input{
			{Role: "train", Doc: "a built dataset of objects; they go to split train", Required: true},
			{Role: "val", Doc: "another one, for split val"}, {Role: "test", Doc: "another one, for split test"},
		}}
}

// Plan emits a ref an object.
func (Source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	var classes []manifest.Class
	for _, role := range roles {
		if in[role] == "" || !p.Want(role) {
			continue
		}
		d, err := built.Open(ctx, in[role])
		if err != nil {
			return err
		}
		if d.Manifest.Task != string(datasets.Detection) {
			return fault.At(fault.New(fault.Usage, "is a dataset of %s; objects come from lvis or coco", d.Manifest.Task), fault.Place{Path: in[role]})
		}
		if classes == nil {
			classes = d.Manifest.Classes
		} else if !slices.EqualFunc(classes, d.Manifest.Classes, func(a, b manifest.Class) bool { return a.ID == b.ID && a.Name == b.Name }) {
			return fault.At(fault.New(fault.Usage, "has other categories than the input before it"), fault.Place{Path: in[role]})
		}
		p.Input(datasets.InputFile{Role: role, Name: blob.Base(d.Dir), SHA256: d.Manifest.RootHash, Of: "root hash"})
		if err := emit(ctx, d, role, p); err != nil {
			return err
		}
	}
	p.Meta = datasets.Meta{Classes: classes}
	return nil
}

// emit lists the objects of every split of d.
func emit(ctx context.Context, d *built.Dataset, role string, p *datasets.Planner) error {
	meta := d.Meta()
	index := meta.ClassByID()
	for _, split := range d.Manifest.SplitNames() {
		for _, shard := range d.Shards(split) {
			err := d.Walk(ctx, shard, func(r *built.Row) error {
				for _, a := range chosen(r.Example) {
					ref := datasets.Ref{Key: r.Key + "_" + strconv.FormatInt(a.ID, 10), Split: role, Label: index[a.CategoryID],
						Image: datasets.Span{Name: role + "/" + r.Shard, Offset: r.Offset, Length: r.Bytes}}
					if err := p.Emit(ref); err != nil {
						return err
					}
				}
				return nil
			}, func(err error) error {
				if !fault.CodeOf(err).IsData() {
					return err
				}
				at := fault.PlaceOf(err)
				return p.Reject(datasets.Rejection{Key: at.Key, Split: role, Reason: fault.CodeOf(err), Message: err.Error(), Label: -1,
					Source: datasets.Origin{Name: shard.Path, Offset: at.Offset}})
			})
			if err != nil {
				return err
			}
			p.Read(shard.Bytes)
		}
	}
	return nil
}

// chosen lists the objects of an example that are taken.
func chosen(ex *datasets.Example) []datasets.Annotation {
	if ex.Annotations == nil {
		return nil
	}
	var out []datasets.Annotation
	for _, a := range *ex.Annotations {
		if a.IsCrowd == 0 && a.BBox[2] >= minSide && a.BBox[3] >= minSide && (ex.Synthetic == nil || a.ID == ex.Synthetic.Annotation) {
			out = append(out, a)
		}
	}
	return out
}

// Example is not asked: objects are read whole.
func (Source) Example(ref *datasets.Ref, _ [][]byte, _ *datasets.Meta) (*datasets.Example, error) {
	return nil, fault.At(fault.New(fault.Bug, "an object is read whole"), fault.Place{Key: ref.Key})
}

// Records opens the inputs for one worker process.
func (Source) Records(ctx context.Context, in datasets.Inputs) (datasets.Records, error) {
	r := &records{pools: map[string]*built.Pool{}, classes: map[int64]manifest.Class{}}
	r.tools.New = func() any { return &tools{dec: picture.NewDecoder(picture.Limits{})} }
	for _, role := range roles {
		if in[role] == "" {
			continue
		}
		d, err := built.Open(ctx, in[role])
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.pools[role] = d.NewPool()
		for _, c := range d.Manifest.Classes {
			r.classes[c.ID] = c
		}
	}
	return r, nil
}

type records struct {
	pools   map[string]*built.Pool
	classes map[int64]manifest.Class
	tools   sync.Pool // of *tools
}

// tools are those of one goroutine. whole stays decoded: a shard has the objects of
// a picture side by side.
type tools struct {
	dec        *picture.Decoder
	whole, cut raster.RGB
	of         datasets.Span // whole is of; its zero value where it is of none
}

// Record cuts one object out.
func (r *records) Record(ctx context.Context, ref *datasets.Ref) (*datasets.Example, error) {
	role, name, _ := strings.Cut(ref.Image.Name, "/")
	i := strings.LastIndexByte(ref.Key, '_')
	if i < 0 || r.pools[role] == nil {
		return nil, fault.At(fault.New(fault.Bug, "ref of %q", ref.Image.Name), fault.Place{Key: ref.Key})
	}
	image, err := r.pools[role].Get(ctx, built.Place{Shard: name, Key: ref.Key[:i], Offset: ref.Image.Offset, Bytes: ref.Image.Length})
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(ref.Key[i+1:], 10, 64)
	if err != nil {
		return nil, fault.At(fault.New(fault.Bug, "key: %w", err), fault.Place{Key: ref.Key})
	}
	for _, a := range chosen(image) {
		if a.ID == id {
			return r.cut(ref, image, &a)
		}
	}
	return nil, fault.At(fault.New(fault.Corrupt, "the record has no annotation %d: it has changed since the plan", id), fault.Place{Key: ref.Key})
}

func (r *records) cut(ref *datasets.Ref, image *datasets.Example, a *datasets.Annotation) (*datasets.Example, error) {
	t := r.tools.Get().(*tools)
	defer r.tools.Put(t)
	if t.of != ref.Image {
		t.of = datasets.Span{}
		if err := t.dec.RGB(&t.whole, image.Image); err != nil {
			return nil, err
		}
		t.of = ref.Image
	}
	x, y, w, h := window(a.BBox, t.whole.Width, t.whole.Height)
	if w < 1 || h < 1 {
		return nil, fault.New(fault.InvalidAnnotation, "box %v lies outside the picture", a.BBox)
	}
	t.cut.Reset(w, h)
	raster.Crop(&t.cut, &t.whole, x, y, raster.Color{})
	data, err := picture.EncodePNG(nil, &t.cut)
	if err != nil {
		return nil, err
	}
	class := r.classes[a.CategoryID]
	label := ref.Label
	sum := sha256.Sum256(data)
	return &datasets.Example{Key: ref.Key, Split: ref.Split, Source: datasets.Origin{Name: fmt.Sprintf("%s, object %d", image.Key, a.ID), Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])},
		Label: &label, Name: class.Name, Wnid: class.Synset, Synthetic: image.Synthetic, Image: data, Ext: "png"}, nil
}

// window is a box with its margin, in whole pixels of the picture.
func window(b datasets.Box, width, height int) (x, y, w, h int) {
	m := margin * max(b[2], b[3])
	x0, y0 := max(0, int(math.Floor(b[0]-m))), max(0, int(math.Floor(b[1]-m)))
	x1, y1 := min(width, int(math.Ceil(b[0]+b[2]+m))), min(height, int(math.Ceil(b[1]+b[3]+m)))
	return x0, y0, x1 - x0, y1 - y0
}

// Close closes the inputs.
func (r *records) Close() error {
	var err error
	for _, p := range r.pools {
		err = errors.Join(err, p.Close())
	}
	return err
}
