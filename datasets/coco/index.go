package coco

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Image is what the index keeps of one image object.
type Image struct {
	ID       int64
	Offset   int64  // of its object in the annotation file, bytes
	Length   int32  // of its object, bytes
	FileName string // file_name as it stands, untrusted; "" where there is none
	URLPath  string // last two parts of coco_url, untrusted; "" where there is none
}

// Annotation is what the index keeps of one annotation object.
type Annotation struct {
	ID      int64
	ImageID int64
	Offset  int64 // of its object in the annotation file, bytes
	Length  int32 // of its object, bytes
}

// Row returns the span of the image object.
func (im Image) Row() datasets.Row { return row(im.Offset, im.Length) }

// Row returns the span of the annotation object.
func (a Annotation) Row() datasets.Row { return row(a.Offset, a.Length) }

func row(off int64, n int32) datasets.Row {
	return datasets.Row{Span: datasets.Span{Offset: off, Length: int64(n)}}
}

// Key returns the key of an image: its id, 12 digits.
func Key(imageID int64) string { return fmt.Sprintf("%012d", imageID) }

// Index says where the images and annotations of a file are. It is read-only,
// and safe for concurrent use, once Scan has returned it.
type Index struct {
	Path        string       // as it was given to Scan
	Images      []Image      // by id, each id once
	Annotations []Annotation // by id, then by place in the file; an id may come twice

	from   []uint32 // of[from[i]:from[i+1]] are the annotations of Images[i], by id
	of     []uint32
	broken map[int64]error
}

// Image returns the position in Images of the image with that id.
func (x *Index) Image(id int64) (i int, ok bool) {
	return slices.BinarySearchFunc(x.Images, id, func(im Image, id int64) int { return cmp.Compare(im.ID, id) })
}

// Annotation returns the annotation with that id, the first in the file where
// several have it.
func (x *Index) Annotation(id int64) (a Annotation, ok bool) {
	i, ok := slices.BinarySearchFunc(x.Annotations, id, func(a Annotation, id int64) int { return cmp.Compare(a.ID, id) })
	if !ok {
		return Annotation{}, false
	}
	return x.Annotations[i], true
}

// Of returns the annotations of Images[i] as positions in Annotations, by id.
// The caller leaves the slice as it is.
func (x *Index) Of(i int) []uint32 { return x.of[x.from[i]:x.from[i+1]] }

// Rows returns the rows of Images[i] in a new slice: its own object, then its
// annotations by id.
func (x *Index) Rows(i int) []datasets.Row {
	anns := x.Of(i)
	rows := make([]datasets.Row, 1, 1+len(anns))
	rows[0] = x.Images[i].Row()
	for _, k := range anns {
		rows = append(rows, x.Annotations[k].Row())
	}
	return rows
}

// Broken tells why Images[i] can be no example, nil where it can.
func (x *Index) Broken(i int) error { return x.broken[x.Images[i].ID] }

// at is the place of byte off, named without the directories of this machine:
// what is rejected is written beside the dataset.
func (x *Index) at(off int64) fault.Place { return fault.Offset(blob.Base(x.Path), off) }

// breaks sets an image aside; the first reason stays.
func (x *Index) breaks(image int64, err error) {
	if x.broken[image] == nil {
		x.broken[image] = err
	}
}

// finish brings the index into order after the pass and reports what does not fit together.
func (x *Index) finish(reject func(key string, err error) error) error {
	if err := x.orderImages(reject); err != nil {
		return err
	}
	x.orderAnnotations()
	return x.group(reject)
}

// orderImages sorts the images by id and keeps the first of each id.
func (x *Index) orderImages(reject func(key string, err error) error) error {
	slices.SortFunc(x.Images, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Offset, b.Offset))
	})
	kept := x.Images[:0]
	for _, im := range x.Images {
		if n := len(kept); n > 0 && kept[n-1].ID == im.ID {
			err := fault.New(fault.Conflict, "coco: image %d is at byte %d already, which is kept", im.ID, kept[n-1].Offset)
			if err := reject(Key(im.ID), fault.At(err, x.at(im.Offset))); err != nil {
				return err
			}
			continue
		}
		kept = append(kept, im)
	}
	x.Images = kept
	return nil
}

// orderAnnotations sorts the annotations by id; of those with one id the later
// ones break their images.
func (x *Index) orderAnnotations() {
	order := func(a, b Annotation) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Offset, b.Offset))
	}
	if !slices.IsSortedFunc(x.Annotations, order) {
		slices.SortFunc(x.Annotations, order)
	}
	first := 0
	for i, a := range x.Annotations {
		if a.ID != x.Annotations[first].ID {
			first = i
		}
		if i > first {
			err := fault.New(fault.InvalidAnnotation, "annotation %d is at byte %d already, of image %d",
				a.ID, x.Annotations[first].Offset, x.Annotations[first].ImageID)
			x.breaks(a.ImageID, fault.At(err, x.at(a.Offset)))
		}
	}
}

// group sorts the annotations' positions by image, by counting: they are in
// order of id already, and stay so within each image.
func (x *Index) group(reject func(key string, err error) error) error {
	at := make(map[int64]uint32, len(x.Images))
	for i, im := range x.Images {
		at[im.ID] = uint32(i)
	}
	x.from = make([]uint32, len(x.Images)+1)
	orphans := map[int64]orphan{}
	for _, a := range x.Annotations {
		if i, ok := at[a.ImageID]; ok {
			x.from[i+1]++
			continue
		}
		o := orphans[a.ImageID]
		if o.n++; o.n == 1 {
			o.first = a
		}
		orphans[a.ImageID] = o
	}
	for i := range x.Images {
		x.from[i+1] += x.from[i]
	}
	x.of = make([]uint32, x.from[len(x.Images)])
	next := slices.Clone(x.from)
	for k, a := range x.Annotations {
		if i, ok := at[a.ImageID]; ok {
			x.of[next[i]] = uint32(k)
			next[i]++
		}
	}
	return x.rejectOrphans(orphans, reject)
}

// orphan counts the annotations of an image that is not there.
type orphan struct {
	first Annotation
	n     int
}

// rejectOrphans reports each image id that annotations name and no image has.
func (x *Index) rejectOrphans(orphans map[int64]orphan, reject func(key string, err error) error) error {
	errs := map[int64]error{}
	for id, err := range x.broken { // annotations without an id of their own
		if _, ok := x.Image(id); !ok {
			errs[id] = err
		}
	}
	for id, o := range orphans {
		err := fault.New(fault.NotFound, "image %d is not in the file; %d annotations name it, the first is %d", id, o.n, o.first.ID)
		errs[id] = fault.At(err, x.at(o.first.Offset))
	}
	for _, id := range slices.Sorted(maps.Keys(errs)) {
		if err := reject(Key(id), errs[id]); err != nil {
			return err
		}
	}
	return nil
}
