package shards

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/kernels/inpaint"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd/removal"
)

// Removal makes a build add to each example the pictures that are left when some
// of its objects are removed (Add-SD's RemovalDataset).
type Removal struct {
	Inpaint string
	Dilate  int
	Objects string  // single, multi, both
	Holdout float64 // share of the pictures that the validation index gets
}

// remover is one worker's tools.
type remover struct {
	dec     *picture.Decoder
	removal *removal.Remover
	img     raster.RGB
}

func newRemover(job *Job, classes []datasets.Class) (*remover, error) {
	fill, err := inpaint.New(job.Removal.Inpaint, uint64(job.Seed))
	if err != nil {
		return nil, err
	}
	r, err := removal.New(removal.Options{Dilate: job.Removal.Dilate, Mode: removal.Mode(job.Removal.Objects), Seed: job.Seed, Source: job.Dataset}, classes, fill)
	return &remover{dec: picture.NewDecoder(picture.Limits{}), removal: r}, err
}

// add makes the edits of an example from its stored picture. They are PNG: what
// lies outside the widened mask is then the picture's own, to the bit.
func (r *remover) add(ctx context.Context, ex *datasets.Example) error {
	edits, _, err := r.removal.Plan(ex)
	if err != nil || len(edits) == 0 {
		return err
	}
	if err := r.dec.RGB(&r.img, ex.Image); err != nil {
		return err
	}
	i := 0
	for m, err := range r.removal.Pictures(&r.img, ex, edits) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if edits[i].Image, err = picture.EncodePNG(nil, m); err != nil {
			return err
		}
		edits[i].Ext = "png"
		i++
	}
	ex.Edits = edits
	return nil
}

// SeedsPath is the index of the pairs of a split, below the dataset's root;
// holdout is that of the pictures kept for validation.
func SeedsPath(dataset, split string, holdout bool) string {
	name := dataset
	if split != "train" {
		name += "_" + split
	}
	if holdout {
		name += "_holdout"
	}
	return fmt.Sprintf("%s/seeds_%s_vanilla.json", ExtraDir, name)
}

// seeds writes the indices of pairs from the finished shards.
func (f *finisher) seeds(ctx context.Context) error {
	if f.job.Removal == nil {
		return nil
	}
	for _, s := range f.plan.Splits {
		var train, held []removal.Seed
		for _, shard := range f.m.Splits[s.Name].Shards {
			if shard.Format != "webdataset" {
				continue
			}
			err := built.WalkShard(ctx, f.job.Out, shard, func(ex *datasets.Example) {
				seed := removal.Seed{Key: removal.SeedKey(f.job.Dataset, ex), Pairs: pairs(shard.Path, ex)}
				if removal.Holdout(f.job.Seed, ex.Key, f.job.Removal.Holdout) {
					held = append(held, seed)
				} else {
					train = append(train, seed)
				}
			})
			if err != nil {
				return err
			}
		}
		if err := f.writeSeeds(ctx, SeedsPath(f.job.Dataset, s.Name, false), train); err != nil {
			return err
		}
		if f.job.Removal.Holdout > 0 {
			if err := f.writeSeeds(ctx, SeedsPath(f.job.Dataset, s.Name, true), held); err != nil {
				return err
			}
		}
	}
	return nil
}

func pairs(shard string, ex *datasets.Example) []removal.Pair {
	var out []removal.Pair
	for _, e := range ex.Edits {
		out = append(out, removal.Pair{Removed: fmt.Sprintf("%s/%s.%s.png", shard, ex.Key, e.Name),
			Original: fmt.Sprintf("%s/%s.%s", shard, ex.Key, ex.Ext), Instruction: e.Instruction})
	}
	return out
}

func (f *finisher) writeSeeds(ctx context.Context, path string, seeds []removal.Seed) error {
	var text strings.Builder
	if err := removal.WriteSeeds(&text, seeds); err != nil {
		return err
	}
	d, err := blob.Put(ctx, blob.Join(f.job.Out, path), []byte(text.String()))
	if err != nil {
		return err
	}
	f.m.Files = append(f.m.Files, manifest.File{Path: path, Bytes: d.Bytes, SHA256: hexSum(d.SHA256)})
	return nil
}

// CheckRemoval holds the settings to what a worker can do, and to a format that
// keeps the pictures. Mistakes are fault.Usage.
func CheckRemoval(job *Job) error {
	for _, name := range job.Formats {
		if name != "webdataset" && name != "coco" {
			return fault.New(fault.Usage, "formats: pictures with objects removed are kept by webdataset only, not by %s", name)
		}
	}
	r, err := newRemover(job, nil)
	if err == nil {
		r.dec.Close()
	}
	return err
}
