package scenes

import (
	"fmt"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
)

type lvisImage struct {
	ID                       int64   `json:"id"`
	Width                    int     `json:"width"`
	Height                   int     `json:"height"`
	License                  int     `json:"license"`
	CocoURL                  string  `json:"coco_url"`
	FlickrURL                string  `json:"flickr_url"`
	DateCaptured             string  `json:"date_captured"`
	NegCategoryIDs           []int64 `json:"neg_category_ids"`
	NotExhaustiveCategoryIDs []int64 `json:"not_exhaustive_category_ids"`
}

type lvisCategory struct {
	ID            int64    `json:"id"`
	ImageCount    int      `json:"image_count"`
	InstanceCount int      `json:"instance_count"`
	Frequency     string   `json:"frequency"`
	Name          string   `json:"name"`
	Synset        string   `json:"synset"`
	Synonyms      []string `json:"synonyms"`
	Def           string   `json:"def"`
}

type lvisFile struct {
	Info        info           `json:"info"`
	Licenses    []license      `json:"licenses"`
	Images      []lvisImage    `json:"images"`
	Annotations []annotation   `json:"annotations"`
	Categories  []lvisCategory `json:"categories"`
}

func (d *drawing) writeLVIS() Recipe {
	file := lvisFile{Info: infoOf("LVIS v1"), Licenses: publicDomain, Annotations: annotations(d.pics)}
	for i, p := range d.pics {
		file.Images = append(file.Images, d.lvisImage(i, p))
	}
	file.Categories = lvisCategories(file.Annotations)
	d.writeJSON("lvis/lvis_v1_train.json", file)
	planted := d.place(d.pics, func(p *picture) string { return "coco/train2017/" + keyOf(p.id) + ".jpg" })
	return Recipe{
		Dataset: "lvis",
		Inputs:  datasets.Inputs{"images": d.path("coco"), "annotations": d.path("lvis/lvis_v1_train.json")},
		Splits:  []string{"train"},
		Planted: planted,
	}
}

// lvisImage states, beside the size, two to four kinds that are surely absent,
// and for one image in six a kind whose every instance may not be marked.
func (d *drawing) lvisImage(i int, p *picture) lvisImage {
	rng := d.rng(forLVIS, i)
	m := lvisImage{
		ID: p.id, Width: p.w, Height: p.h, License: 1, NegCategoryIDs: []int64{}, NotExhaustiveCategoryIDs: []int64{},
		CocoURL: fmt.Sprintf("http://images.cocodataset.org/train2017/%s.jpg", keyOf(p.id)), DateCaptured: "2026-01-01 00:00:00",
	}
	present := map[kind]bool{square: true} // also outside of the image
	for _, o := range p.objects {
		present[o.kind] = true
	}
	n := 2 + rng.IntN(3)
	for _, k := range rng.Perm(int(kinds)) {
		if len(m.NegCategoryIDs) < n && !present[kind(k)] {
			m.NegCategoryIDs = append(m.NegCategoryIDs, categoryID(kind(k)))
		}
	}
	slices.Sort(m.NegCategoryIDs)
	if rng.IntN(6) == 0 {
		m.NotExhaustiveCategoryIDs = append(m.NotExhaustiveCategoryIDs, categoryID(p.objects[0].kind))
	}
	return m
}

// lvisCategories counts the images and instances of each kind.
func lvisCategories(anns []annotation) []lvisCategory {
	var out []lvisCategory
	for k := range kinds {
		c := lvisCategory{
			ID: categoryID(k), Name: k.String(), Synset: k.String() + ".n.01", Synonyms: k.names(), Def: kindTable[k].definition,
		}
		last := int64(-1) // annotations come an image at a time
		for _, a := range anns {
			if a.CategoryID != c.ID {
				continue
			}
			c.InstanceCount++
			if a.ImageID != last {
				c.ImageCount++
				last = a.ImageID
			}
		}
		c.Frequency = datasets.FrequencyGroup(int64(c.ImageCount))
		out = append(out, c)
	}
	return out
}
