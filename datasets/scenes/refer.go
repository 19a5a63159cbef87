package scenes

import (
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
)

type referImage struct {
	ID           int64  `json:"id"`
	FileName     string `json:"file_name"`
	Width        int    `json:"width"`
	Height       int    `json:"height"`
	License      int    `json:"license"`
	CocoURL      string `json:"coco_url"`
	FlickrURL    string `json:"flickr_url"`
	DateCaptured string `json:"date_captured"`
}

type referCategory struct {
	ID            int64  `json:"id"`
	Name          string `json:"name"`
	Supercategory string `json:"supercategory"`
}

type referFile struct {
	Info        info            `json:"info"`
	Licenses    []license       `json:"licenses"`
	Images      []referImage    `json:"images"`
	Annotations []annotation    `json:"annotations"`
	Categories  []referCategory `json:"categories"`
}

// ref is one object with its expressions, as REFER's pickles hold it.
type ref struct {
	refID, annID, imageID, categoryID int64
	fileName, split                   string
	sentences                         []sentence
}

type sentence struct {
	id        int64
	raw, sent string
}

const refsPerImage = 3

func (d *drawing) writeRefer() Recipe {
	pics := d.pics[:d.size.Referred]
	file := referFile{Info: infoOf("COCO 2014"), Licenses: publicDomain, Annotations: annotations(pics)}
	for i := range file.Annotations {
		file.Annotations[i].IsCrowd = &notACrowd
	}
	for _, p := range pics {
		file.Images = append(file.Images, referImage{
			ID: p.id, FileName: referName(p), Width: p.w, Height: p.h, License: 1,
			CocoURL: "http://images.cocodataset.org/train2014/" + referName(p), DateCaptured: "2026-01-01 00:00:00",
		})
	}
	for k := range kinds {
		file.Categories = append(file.Categories, referCategory{categoryID(k), k.String(), "shape"})
	}
	d.writeJSON("refer/refcoco/instances.json", file)
	d.write("refer/refcoco/refs(unc).p", pickleRefs(d.refs(pics)))
	planted := d.place(pics, func(p *picture) string { return "coco/train2014/" + referName(p) })
	return Recipe{
		Dataset: "refcoco",
		Inputs: datasets.Inputs{
			"images":      d.path("coco/train2014"),
			"annotations": d.path("refer/refcoco/instances.json"),
			"refs":        d.path("refer/refcoco/refs(unc).p"),
		},
		Splits:  []string{"train", "val", "testA", "testB"},
		Planted: planted,
	}
}

func referName(p *picture) string { return "COCO_train2014_" + keyOf(p.id) + ".jpg" }

// refs chooses up to three objects an image and what is said of each.
func (d *drawing) refs(pics []*picture) []ref {
	var out []ref
	sentID := int64(0)
	add := func(r ref, texts []string) {
		r.refID = int64(len(out))
		for i, t := range texts {
			raw := t
			if i == 1 { // people write as they like
				raw = strings.ToUpper(t[:1]) + t[1:] + "."
			}
			r.sentences = append(r.sentences, sentence{sentID, raw, t})
			sentID++
		}
		out = append(out, r)
	}
	for i, p := range pics {
		rng := d.rng(forSentences, i)
		r := ref{imageID: p.id, split: splitOf(i)}
		n := 0
		for _, j := range rng.Perm(len(p.objects)) {
			o := p.objects[j]
			texts := p.sentences(o, rng)
			if n == refsPerImage || len(texts) == 0 || float64(o.visible.pixels) < 0.6*o.area() {
				continue
			}
			n++
			r.annID, r.categoryID = p.annID+int64(j), categoryID(o.kind)
			r.fileName = fmt.Sprintf("COCO_train2014_%s_%d.jpg", keyOf(p.id), j)
			add(r, texts)
		}
		if a, ok := accidentOf(i, len(pics)); ok && a == outside {
			r.annID, r.categoryID, r.fileName = beyondID, categoryID(square), fmt.Sprintf("COCO_train2014_%s_%d.jpg", keyOf(p.id), len(p.objects))
			add(r, []string{"the square out of sight"})
		}
	}
	return out
}

func (o *object) area() float64 { return areaOf(o.outline) - areaOf(o.hole) }

// splitOf deals images out, six to train of ten, two to val, one to either test.
func splitOf(i int) string {
	switch i % 10 {
	case 3, 7:
		return "val"
	case 5:
		return "testA"
	case 9:
		return "testB"
	}
	return "train"
}
