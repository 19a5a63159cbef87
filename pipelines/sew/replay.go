package sew

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/transforms/sew"
)

// Replayed compares a stored synthetic sample with the same one made again.
type Replayed struct {
	Key           string  `json:"key"`
	Deterministic bool    `json:"deterministic"` // the generator promises the same bytes
	Same          bool    `json:"same"`          // picture and record are equal, to the byte
	SamePicture   bool    `json:"same_picture"`
	StoredSHA256  string  `json:"stored_sha256"`
	MadeSHA256    string  `json:"made_sha256,omitempty"`
	Rejected      string  `json:"rejected,omitempty"` // the new picture did not pass, and why
	MeanChange    float64 `json:"mean_change"`        // of a sample of 8 bits, over the picture; -1 where the sizes differ
	MaxChange     int     `json:"max_change"`
	BoxIoU        float64 `json:"box_iou"` // of the object's box with the stored one

	Stored, Made *datasets.Example `json:"-"`
}

// maxRecipe bounds recipe.yaml.
const maxRecipe = 1 << 20

// Replay makes the sample of a sewn dataset again, from the source that its
// recipe names, and compares. An unknown key, a sample that is not synthetic and a
// source that is no longer the same are fault.Usage.
func Replay(ctx context.Context, dir, key string) (*Replayed, error) {
	d, err := built.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	stored, err := d.Find(ctx, key)
	if err != nil {
		return nil, err
	}
	if stored.Synthetic == nil {
		return nil, fault.At(fault.New(fault.Usage, "is not synthetic: it comes from %s", stored.Source.Name), fault.Place{Path: dir, Key: key})
	}
	job, err := jobOf(ctx, dir, d)
	if err != nil {
		return nil, err
	}
	plan, err := sew.ReadPlan(ctx, &job)
	if err != nil {
		return nil, err
	}
	sample, ok := plan.Sample(key)
	if !ok {
		return nil, fault.At(fault.New(fault.Corrupt, "the plan in extra does not hold the sample"), fault.Place{Path: dir, Key: key})
	}
	maker, err := sew.NewMaker(ctx, &job)
	if err != nil {
		return nil, err
	}
	defer maker.Close()
	r := &Replayed{Key: key, Deterministic: job.Deterministic, StoredSHA256: stored.Source.SHA256, Stored: stored}
	made, err := maker.Again(ctx, sample, stored.Synthetic.Attempt)
	if reject := addsd.RejectionOf(err); reject != nil {
		r.Rejected = reject.Error()
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, r.compare(made)
}

// jobOf reads the recipe that lies beside the dataset.
func jobOf(ctx context.Context, dir string, d *built.Dataset) (sew.Job, error) {
	file := blob.Join(dir, "recipe.yaml")
	text, err := blob.ReadFile(ctx, file, maxRecipe)
	if err != nil {
		return sew.Job{}, err
	}
	r, err := recipe.Parse(file, dir, text, nil)
	if err != nil {
		return sew.Job{}, err
	}
	if r.Sew == nil {
		return sew.Job{}, fault.At(fault.New(fault.Usage, "the dataset was not sewn"), fault.Place{Path: dir})
	}
	if err := r.Place(""); err != nil {
		return sew.Job{}, err
	}
	job, err := resolve(ctx, r.Sew)
	if err != nil {
		return job, err
	}
	job.Shards.Out = dir
	if job.Shards.RecipeHash != d.Manifest.RecipeHash {
		return job, fault.At(fault.New(fault.Usage, "the source %s or the generator has changed since: recipe %.12s, the dataset's is %.12s",
			r.Sew.From, job.Shards.RecipeHash, d.Manifest.RecipeHash), fault.Place{Path: dir})
	}
	return job, nil
}

func (r *Replayed) compare(made *datasets.Example) error {
	r.Made, r.MadeSHA256 = made, made.Source.SHA256
	r.SamePicture = bytes.Equal(r.Stored.Image, made.Image)
	r.BoxIoU = rle.BoxIoU(objectBox(made), objectBox(r.Stored), false)
	a, err := json.Marshal(r.Stored)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	b, err := json.Marshal(made)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	if r.Same = r.SamePicture && bytes.Equal(a, b); r.SamePicture {
		return nil
	}
	return r.measure()
}

func objectBox(ex *datasets.Example) datasets.Box {
	for _, a := range *ex.Annotations {
		if a.ID == ex.Synthetic.Annotation {
			return a.BBox
		}
	}
	return datasets.Box{}
}

// measure compares the pixels of two pictures.
func (r *Replayed) measure() error {
	dec := picture.NewDecoder(picture.Limits{})
	defer dec.Close()
	var a, b raster.RGB
	if err := dec.RGB(&a, r.Stored.Image); err != nil {
		return err
	}
	if err := dec.RGB(&b, r.Made.Image); err != nil {
		return err
	}
	if a.Width != b.Width || a.Height != b.Height {
		r.MeanChange, r.MaxChange = -1, 255
		return nil
	}
	total := 0
	for i, v := range a.Pix {
		d := int(v) - int(b.Pix[i])
		d = max(d, -d)
		total += d
		r.MaxChange = max(r.MaxChange, d)
	}
	r.MeanChange = float64(total) / float64(len(a.Pix))
	return nil
}
