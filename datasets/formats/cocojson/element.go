package cocojson

import (
	"path"

	"github.com/tailorbird/tailorbird/datasets"
)

// The elements of the merged lists, each in its final form.

// image appends an element of images.
func (p *printer) image(ex *datasets.Example, lvis bool) {
	p.integer(`{"id":`, *ex.ImageID)
	p.integer(`,"width":`, int64(ex.Width))
	p.integer(`,"height":`, int64(ex.Height))
	p.raw(`,"file_name":`)
	p.text(ex.Key + "." + ex.Ext)
	if ex.License != nil {
		p.integer(`,"license":`, *ex.License)
	}
	if lvis {
		if url := cocoURL(ex.Source.Name); url != "" {
			p.raw(`,"coco_url":`)
			p.text(url)
		}
		p.raw(`,"neg_category_ids":`)
		p.integers(orEmpty(ex.NegCategoryIDs))
		p.raw(`,"not_exhaustive_category_ids":`)
		p.integers(orEmpty(ex.NotExhaustiveCategoryIDs))
	}
	p.raw("}")
}

func orEmpty(ids *[]int64) []int64 {
	if ids == nil {
		return nil
	}
	return *ids
}

// cocoURL is where COCO serves an image, "" where its folder is not known.
func cocoURL(name string) string {
	dir, base := path.Split(name)
	switch folder := path.Base(dir); folder {
	case "train2017", "val2017", "test2017", "unlabeled2017", "train2014", "val2014", "test2014", "test2015":
		return "http://images.cocodataset.org/" + folder + "/" + base
	}
	return ""
}

// annotationID begins every element of annotations; Merge reads the id there.
const annotationID = `{"id":`

// object appends an element of annotations.
func (p *printer) object(o *datasets.Object, image int64) {
	p.integer(annotationID, o.ID)
	p.integer(`,"image_id":`, image)
	p.integer(`,"category_id":`, o.CategoryID)
	p.raw(`,"bbox":`)
	p.floats(o.BBox[:])
	p.raw(`,"area":`)
	p.float(*o.Area)
	if o.Segmentation != nil {
		p.raw(`,"segmentation":`)
		p.mask(o.Segmentation)
	}
	p.integer(`,"iscrowd":`, int64(o.IsCrowd))
	p.raw("}")
}

// ref appends an element of refs, as REFER's refs(*).p has them.
func (p *printer) ref(r *datasets.Referred, ex *datasets.Example) {
	p.integer(`{"ref_id":`, r.RefID)
	p.integer(`,"ann_id":`, r.AnnID)
	p.integer(`,"image_id":`, *ex.ImageID)
	p.integer(`,"category_id":`, r.CategoryID)
	p.raw(`,"split":`)
	p.text(ex.Split)
	p.raw(`,"file_name":`)
	p.text(ex.Key + "." + ex.Ext)
	p.raw(`,"sent_ids":[`)
	for i, s := range r.Sentences {
		if i > 0 {
			p.raw(",")
		}
		p.integer("", s.SentID)
	}
	p.raw(`],"sentences":`)
	if r.Sentences == nil {
		p.raw("null}")
		return
	}
	p.raw("[")
	for i := range r.Sentences {
		if i > 0 {
			p.raw(",")
		}
		p.sentence(&r.Sentences[i])
	}
	p.raw("]}")
}

func (p *printer) sentence(s *datasets.Sentence) {
	p.raw(`{"tokens":`)
	if s.Tokens == nil {
		p.raw("null")
	} else {
		p.raw("[")
		for i, t := range s.Tokens {
			if i > 0 {
				p.raw(",")
			}
			p.text(t)
		}
		p.raw("]")
	}
	p.raw(`,"raw":`)
	p.text(s.Raw)
	p.integer(`,"sent_id":`, s.SentID)
	p.raw(`,"sent":`)
	p.text(s.Sent)
	p.raw("}")
}
