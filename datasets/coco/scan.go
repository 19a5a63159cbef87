package coco

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/jsonstream"
)

// Scan reads the COCO-shaped annotation file at addr in one pass. It reports the
// file as the input of role "annotations" with the sha256 of its bytes, fills
// p.Meta with categories, licences and info, counts progress with p.Read, and
// hands to p.Reject, under the split given, what can be part of no example:
//
//   - objects without a usable id, under the key image_at_OFFSET or
//     annotation_at_OFFSET (invalid_annotation);
//   - images whose id an earlier image has (conflict);
//   - image ids that annotations name and no image has, once each (not_found).
//
// Images that are known and cannot be used are in the Index with Broken set. A
// file that is no JSON, or has no images, is the error.
func Scan(ctx context.Context, addr, split string, p *datasets.Planner) (*Index, error) {
	o, err := blob.Open(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	in := &input{ctx: ctx, r: io.NewSectionReader(o, 0, o.Size()), sum: sha256.New(), read: p.Read}
	sc := &scan{
		s:     jsonstream.NewScanner(in, jsonstream.Options{Name: addr}),
		x:     &Index{Path: addr, broken: map[int64]error{}},
		p:     p,
		split: split,
		seen:  map[string]bool{},
	}
	if err := sc.s.Object(sc.section); err != nil {
		return nil, err
	}
	if err := sc.s.End(); err != nil {
		return nil, err
	}
	if err := sc.complete(); err != nil {
		return nil, fault.At(err, fault.Place{Path: addr})
	}
	p.Input(datasets.InputFile{
		Role: "annotations", Name: blob.Base(addr), Bytes: in.n,
		SHA256: hex.EncodeToString(in.sum.Sum(nil)), Of: "content",
	})
	return sc.x, sc.x.finish(sc.reject)
}

// input hashes and counts what is read through it and stops with its context.
type input struct {
	ctx  context.Context
	r    io.Reader
	sum  hash.Hash
	read func(int64)
	n    int64
}

func (in *input) Read(b []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := in.r.Read(b)
	in.sum.Write(b[:n])
	in.n += int64(n)
	in.read(int64(n))
	return n, err
}

type scan struct {
	s     *jsonstream.Scanner
	x     *Index
	p     *datasets.Planner
	split string
	seen  map[string]bool
}

// section reads one member of the top-level object; those it does not know are
// left to be skipped.
func (sc *scan) section(name string) error {
	element := map[string]func(jsonstream.Record) error{
		"images": sc.image, "annotations": sc.annotation, "categories": sc.category, "licenses": sc.license,
	}[name]
	if element == nil && name != "info" {
		return nil
	}
	if sc.seen[name] {
		return fault.At(fault.New(fault.Corrupt, "coco: a second section %q", name), fault.Offset(sc.x.Path, sc.s.Offset()))
	}
	sc.seen[name] = true
	if name == "info" {
		return sc.info()
	}
	return sc.s.Array(func(int) error {
		rec, err := sc.s.Record()
		if err != nil {
			return err
		}
		if err := element(rec); err != nil {
			return fault.At(err, fault.Offset(sc.x.Path, rec.Offset))
		}
		return nil
	})
}

// complete checks that the file has the sections of one of its kind.
func (sc *scan) complete() error {
	switch {
	case !sc.seen["images"]:
		return fault.New(fault.Corrupt, "coco: no section \"images\": this is no instances file")
	case !sc.seen["annotations"]:
		sc.p.Note("%s has no annotations: every image is an example without objects", blob.Base(sc.x.Path))
	case !sc.seen["categories"] && len(sc.x.Annotations) > 0:
		return fault.New(fault.Corrupt, "coco: annotations, and no section \"categories\" that names their classes")
	}
	return distinctClasses(sc.p.Meta.Classes)
}

func (sc *scan) image(rec jsonstream.Record) error {
	id, err := integer(rec.Fields, "id")
	if err != nil {
		return sc.unkeyed("image", rec, err)
	}
	im := Image{ID: id, Offset: rec.Offset, Length: int32(len(rec.Raw))}
	if im.FileName, err = optionalText(rec.Fields, "file_name"); err == nil {
		var url string
		if url, err = optionalText(rec.Fields, "coco_url"); err == nil {
			im.URLPath = urlPath(url)
		}
	}
	if err != nil {
		sc.x.breaks(id, sc.place(rec, fault.New(fault.InvalidAnnotation, "image %d: %w", id, err)))
	}
	sc.x.Images = append(sc.x.Images, im)
	return nil
}

func (sc *scan) annotation(rec jsonstream.Record) error {
	image, err := integer(rec.Fields, "image_id")
	if err != nil {
		return sc.unkeyed("annotation", rec, err)
	}
	id, err := integer(rec.Fields, "id")
	if err != nil {
		sc.x.breaks(image, sc.place(rec, fault.New(fault.InvalidAnnotation, "an annotation of image %d: %w", image, err)))
		return nil
	}
	sc.x.Annotations = append(sc.x.Annotations, Annotation{ID: id, ImageID: image, Offset: rec.Offset, Length: int32(len(rec.Raw))})
	return nil
}

func (sc *scan) place(rec jsonstream.Record, err error) error {
	return fault.At(err, sc.x.at(rec.Offset))
}

// unkeyed rejects an object that cannot be told by its id.
func (sc *scan) unkeyed(kind string, rec jsonstream.Record, err error) error {
	err = fault.New(fault.InvalidAnnotation, "%s: %w", kind, err)
	return sc.reject(fmt.Sprintf("%s_at_%d", kind, rec.Offset), sc.place(rec, err))
}

func (sc *scan) reject(key string, err error) error {
	return sc.p.Reject(rejection(key, sc.split, err))
}

func rejection(key, split string, err error) datasets.Rejection {
	return datasets.Rejection{Key: key, Split: split, Stage: "plan", Reason: fault.CodeOf(err), Message: err.Error(), Label: -1}
}
