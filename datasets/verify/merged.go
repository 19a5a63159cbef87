package verify

import (
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// annotations checks a file that holds a whole split's annotations in COCO's
// form: it parses, ids are unique, annotations name images that are there, and
// the images are those of the manifest.
func (c *checker) annotations(s *shard) error {
	p := datasets.Planner{
		Reject: func(r datasets.Rejection) error { s.problem(Record, r.Key, "%s", r.Message); return nil },
		Input:  func(datasets.InputFile) {},
		Note:   func(string, ...any) {},
		Read:   func(int64) {},
	}
	x, err := coco.Scan(c.ctx, blob.Join(c.dir, s.Path), s.split, &p)
	if fault.CodeOf(err).IsData() {
		s.problem(Structure, "", "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, im := range x.Images {
		s.examples++
		s.keys = append(s.keys, strings.TrimSuffix(im.FileName, path.Ext(im.FileName)))
	}
	for i := range x.Images {
		if err := x.Broken(i); err != nil {
			s.problem(Annotation, coco.Key(x.Images[i].ID), "%v", err)
		}
	}
	if s.examples != s.Examples {
		s.problem(Count, "", "%d images, the manifest says %d", s.examples, s.Examples)
	}
	s.examples = 0 // they are counted in the formats that hold images
	return nil
}
