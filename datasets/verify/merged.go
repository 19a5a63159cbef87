package verify

import (
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// annotations checks a file that holds a whole split's annotations in COCO's
// form: it parses, ids are unique, annotations name images that are there and
// lie inside them, and the images are as many as the manifest says.
func (c *checker) annotations(s *shard, o blob.Object) error {
	p := datasets.Planner{
		Reject: func(r datasets.Rejection) error { s.problem(Record, r.Key, "%s", r.Message); return nil },
		Input:  func(datasets.InputFile) {},
		Note:   func(string, ...any) {},
		Read:   func(int64) {}, // counted where it is hashed
	}
	x, err := coco.Scan(c.ctx, blob.Join(c.dir, s.Path), s.split, &p)
	if err != nil {
		return s.broken("", err)
	}
	s.complete = true
	// Images and their annotations stand in the same order, far apart.
	images, anns := shardio.NewWindow(o, o.Size(), readBytes), shardio.NewWindow(o, o.Size(), readBytes)
	for i, im := range x.Images {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		key := strings.TrimSuffix(im.FileName, path.Ext(im.FileName))
		s.keys.add(key)
		err := x.Broken(i)
		if err == nil {
			err = c.described(s, x, i, images, anns)
		}
		if fault.CodeOf(err).IsData() {
			s.problem(Annotation, key, "%v", err)
		} else if err != nil {
			return fault.At(err, fault.Place{Path: s.Path})
		}
	}
	s.examples = len(x.Images)
	s.count("images")
	s.examples = 0 // they are counted in the formats that hold images
	if s.objects = len(x.Annotations); datasets.Task(c.m.Task) == datasets.Referring {
		s.objects = -1 // an object with two expressions is there once
	}
	return nil
}

// described holds the annotations of the i-th image against it.
func (c *checker) described(s *shard, x *coco.Index, i int, images, anns *shardio.Window) error {
	im := x.Images[i]
	raw, err := images.Read(im.Offset, int64(im.Length))
	if err != nil {
		return err
	}
	rows := [][]byte{raw}
	for _, k := range x.Of(i) {
		a := x.Annotations[k]
		if raw, err = anns.Read(a.Offset, int64(a.Length)); err != nil {
			return err
		}
		rows = append(rows, raw)
	}
	ex, _, err := coco.Detection(&datasets.Ref{Key: coco.Key(im.ID), Split: s.split}, rows)
	if err != nil {
		return err
	}
	return datasets.Validate(ex, ex.OriginalWidth, ex.OriginalHeight, c.classes)
}
