package imagenet

import (
	"context"
	"encoding/hex"
	"hash"
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// plan is one walk over the images.
type plan struct {
	ctx context.Context
	p   *datasets.Planner
	in  datasets.Inputs
	set *synsets

	split  string // "" before the first image tells the layout
	nested bool   // the images lie in wnid.tar
	labels *labels
	keys   map[string]string // of flat images: key -> file; at most one a label
	seen   seen              // of images in directories

	images  []int64 // by label
	ignored int64   // files that are no images
	listing hash.Hash
	bytes   int64 // of the whole input
}

// item is one image file.
type item struct {
	span datasets.Span
	name string // as messages name it
	dir  string // its directory, or the stem of the tar around it; "" where flat
	stem string

	nested bool // in an archive within the archive
}

// add gives an image its label, its key and its split, or sets it aside.
func (pl *plan) add(it item) error {
	if pl.split == "" {
		if err := pl.decide(it); err != nil {
			return err
		}
	}
	if it.nested != pl.nested {
		return pl.reject(it, -1, fault.New(fault.Unsupported, "images: %s: archives and single images are mixed", it.name))
	}
	if pl.labels != nil {
		return pl.addFlat(it)
	}
	return pl.addFolder(it)
}

// decide tells the layout from the first image.
func (pl *plan) decide(it item) error {
	if strings.Contains(it.dir, "/") {
		return fault.New(fault.Usage, "imagenet: %s is too deep: inputs.images is the directory that holds the wnid directories", it.name)
	}
	split := pl.splitOf(it)
	if !pl.p.Want(split) {
		return fault.New(fault.Usage, "imagenet: the images of %s make up the split %q; the recipe asks for %q", pl.in["images"], split, pl.p.Splits)
	}
	pl.split, pl.nested = split, it.nested
	if it.dir != "" {
		if pl.in["labels"] != "" || pl.in["devkit"] != "" {
			pl.p.Note("imagenet: the directories name the classes; inputs.labels and inputs.devkit are not read")
		}
		return nil
	}
	var err error
	pl.keys = map[string]string{}
	pl.labels, err = readLabels(pl.ctx, pl.in, pl.set, pl.p)
	return err
}

// splitNames are what a recipe may call images whose layout does not tell their
// split: validation images are often kept in wnid directories.
var splitNames = map[string]bool{"train": true, "val": true, "validation": true, "test": true}

// splitOf names the split: as the recipe does, where it names one, else after the
// layout.
func (pl *plan) splitOf(it item) string {
	switch {
	case pl.split != "":
		return pl.split
	case len(pl.p.Splits) == 1 && splitNames[pl.p.Splits[0]]:
		return pl.p.Splits[0]
	case it.dir != "":
		return "train"
	}
	return "val"
}

func (pl *plan) addFolder(it item) error {
	label, ok := pl.set.label[it.dir]
	if !ok {
		return pl.reject(it, -1, fault.New(fault.InvalidAnnotation, "images: %q is not in the synset list", clip(it.dir)))
	}
	if named, _, ok := strings.Cut(it.stem, "_"); ok && named != it.dir && isWnid(named) {
		return pl.reject(it, label, fault.New(fault.InvalidAnnotation, "images: %s lies in %s and is named for %s", it.name, it.dir, named))
	}
	key := keyOf(it.stem)
	if first, l, taken := pl.seen.take(key, it, label); taken {
		if first == "" {
			first = "a file of " + pl.set.classes[l].Synset
		}
		return pl.reject(it, label, fault.New(fault.Conflict, "images: %s has the key of %s", it.name, first))
	}
	return pl.emit(it, key, label)
}

func (pl *plan) addFlat(it item) error {
	r := pl.labels.find(it.stem)
	if r == nil {
		return pl.reject(it, -1, fault.New(fault.InvalidAnnotation, "labels: no line for %s", clip(it.stem)))
	}
	if r.image != "" {
		return pl.reject(it, r.label, fault.New(fault.Conflict, "images: %s has the label of %s", it.name, r.image))
	}
	r.image = it.name
	if r.err != nil {
		return pl.reject(it, -1, fault.At(r.err, fault.Place{Path: blob.Base(pl.in["labels"])}))
	}
	key := keyOf(it.stem)
	if first, taken := pl.keys[key]; taken {
		return pl.reject(it, r.label, fault.New(fault.Conflict, "images: %s has the key of %s", it.name, first))
	}
	pl.keys[key] = it.name
	return pl.emit(it, key, r.label)
}

func (pl *plan) emit(it item, key string, label int) error {
	pl.images[label]++
	return pl.p.Emit(datasets.Ref{Key: key, Split: pl.split, Image: it.span, Label: label})
}

func (pl *plan) reject(it item, label int, err error) error {
	return pl.p.Reject(datasets.Rejection{
		Key: keyOf(it.stem), Split: pl.splitOf(it), Stage: "plan",
		Reason: fault.CodeOf(err), Message: err.Error(), Label: label,
		Source: datasets.Origin{Name: it.span.Name, Offset: it.span.Offset, Bytes: max(it.span.Length, 0)},
	})
}

// finish reports what the walk as a whole has shown.
func (pl *plan) finish() error {
	if pl.split == "" {
		return fault.New(fault.Usage, "imagenet: %s holds no image (.JPEG, .jpg, .png) in a wnid directory, a wnid.tar or at its top", pl.in["images"])
	}
	if pl.labels != nil {
		if err := pl.missingImages(); err != nil {
			return err
		}
	}
	if pl.ignored > 0 {
		pl.p.Note("imagenet: %d files of %s are no images and were left out", pl.ignored, blob.Base(pl.in["images"]))
	}
	pl.emptyClasses()
	pl.p.Input(datasets.InputFile{
		Role: "images", Name: blob.Base(pl.in["images"]), Bytes: pl.bytes,
		SHA256: hex.EncodeToString(pl.listing.Sum(nil)), Of: "listing",
	})
	return nil
}

// missingImages sets aside the lines of labels that no image took.
func (pl *plan) missingImages() error {
	for i := range pl.labels.rows {
		r := &pl.labels.rows[i]
		if r.image != "" {
			continue
		}
		it := item{stem: pl.labels.idOf(i), span: datasets.Span{Length: -1}}
		err := fault.New(fault.NotFound, "images: no file for %s, which labels name", clip(it.stem))
		if err := pl.reject(it, r.label, err); err != nil {
			return err
		}
	}
	return nil
}

// emptyClasses says which synsets have no image, naming the first few.
func (pl *plan) emptyClasses() {
	var n int
	var names []string
	for label, images := range pl.images {
		if images > 0 {
			continue
		}
		if n++; n <= 3 {
			names = append(names, pl.set.classes[label].Synset)
		}
	}
	if n > len(names) {
		names = append(names, "...")
	}
	if n > 0 {
		pl.p.Note("imagenet: %d of %d synsets have no image in %s: %s", n, len(pl.images), pl.split, strings.Join(names, ", "))
	}
}

// list adds a line to the listing that stands for the images in the manifest.
func (pl *plan) list(name string, offset, size int64) {
	pl.listing.Write(appendListing(nil, name, offset, size))
}

// wanted reports whether a file is an image to be used. Files whose names begin
// with a dot are leavings of file systems ("._n01440764_18.JPEG").
func wanted(name string) bool {
	return isImage(name) && !strings.HasPrefix(path.Base(name), ".")
}
