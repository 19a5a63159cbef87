package refcoco

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// plan joins the refs with the annotation file and the images.
type plan struct {
	p      *datasets.Planner
	path   string // of the refs
	refs   []ref
	index  *coco.Index
	images *coco.Listing
}

// emit makes an example of each run of refs with one split and one image.
func (pl *plan) emit(ctx context.Context) error {
	pl.rejectDoubles()
	slices.SortStableFunc(pl.refs, func(a, b ref) int {
		return cmp.Or(cmp.Compare(a.split, b.split), cmp.Compare(a.imageID, b.imageID), cmp.Compare(a.id, b.id))
	})
	for rest := pl.refs; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].split == rest[0].split && rest[n].imageID == rest[0].imageID {
			n++
		}
		group := rest[:n]
		rest = rest[n:]
		if err := ctx.Err(); err != nil {
			return err
		}
		if !pl.p.Want(group[0].split) {
			continue
		}
		out, err := pl.example(group)
		if err == nil {
			err = pl.p.Emit(out)
		} else {
			err = pl.reject(group[0], err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rejectDoubles marks the refs that share a ref_id. Neither can be told to be
// the right one, and where they are of two splits one would leak into the other.
func (pl *plan) rejectDoubles() {
	first := make(map[int64]*ref, len(pl.refs))
	for i := range pl.refs {
		r := &pl.refs[i]
		a, double := first[r.id]
		if !double || r.id < 0 {
			first[r.id] = r
			continue
		}
		err := fault.New(fault.Conflict, "ref %d is there twice: of image %d in %s, and of image %d in %s",
			r.id, a.imageID, a.split, r.imageID, r.split)
		r.err = err
		if a.err == nil {
			a.err = err
		}
	}
}

func (pl *plan) reject(r ref, err error) error {
	return pl.p.Reject(datasets.Rejection{
		Key: coco.Key(r.imageID), Split: r.split, Stage: "plan",
		Reason: fault.CodeOf(err), Message: fault.At(err, fault.Place{Path: blob.Base(pl.path)}).Error(), Label: -1,
	})
}

// example plans the example of refs, all of one image and one split.
func (pl *plan) example(refs []ref) (datasets.Ref, error) {
	imageID := refs[0].imageID
	for _, r := range refs {
		if r.err != nil {
			return datasets.Ref{}, r.err
		}
	}
	i, ok := pl.index.Image(imageID)
	if !ok {
		return datasets.Ref{}, fault.New(fault.NotFound, "ref %d: image %d is not in %s", refs[0].id, imageID, blob.Base(pl.index.Path))
	}
	if err := pl.index.Broken(i); err != nil {
		return datasets.Ref{}, err
	}
	im := pl.index.Images[i]
	names, err := locate(im)
	if err != nil {
		return datasets.Ref{}, fault.At(err, fault.Offset(blob.Base(pl.index.Path), im.Offset))
	}
	rows := make([]datasets.Row, 1, 1+2*len(refs))
	rows[0] = im.Row()
	for _, r := range refs {
		pair, err := pl.rows(r)
		if err != nil {
			return datasets.Ref{}, err
		}
		rows = append(rows, pair[0], pair[1])
	}
	return datasets.Ref{Key: coco.Key(imageID), Split: refs[0].split, Image: pl.images.Find(names), Rows: rows, Label: -1}, nil
}

// rows are those of one ref: itself and its annotation.
func (pl *plan) rows(r ref) (pair [2]datasets.Row, err error) {
	a, ok := pl.index.Annotation(r.annID)
	if !ok {
		return pair, fault.New(fault.InvalidAnnotation, "ref %d: annotation %d is not in %s", r.id, r.annID, blob.Base(pl.index.Path))
	}
	if a.ImageID != r.imageID {
		return pair, fault.New(fault.InvalidAnnotation, "ref %d of image %d: annotation %d is of image %d", r.id, r.imageID, r.annID, a.ImageID)
	}
	sentences, err := r.parseSentences()
	if err != nil {
		return pair, err
	}
	data, err := json.Marshal(refRow{r.id, r.annID, r.categoryID, sentences})
	if err != nil {
		return pair, fault.New(fault.Bug, "ref %d: %w", r.id, err)
	}
	return [2]datasets.Row{{Data: data}, a.Row()}, nil
}

// byFileName knows the places of a train2014 image that has a file_name.
var byFileName = coco.ByFileName("instances_train2014.json")

// locate names the places where an image may be: where its object says, else
// under its name of COCO 2014 or 2017, which hold the same pictures.
func locate(im coco.Image) (names []string, err error) {
	if im.FileName != "" {
		if names, err = byFileName(im); err != nil {
			return nil, err
		}
	}
	key := coco.Key(im.ID)
	old := fmt.Sprintf("COCO_train2014_%s.jpg", key)
	return append(names, old, "train2014/"+old, key+".jpg", "train2017/"+key+".jpg"), nil
}
