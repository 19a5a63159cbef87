package formattest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
)

// Tasks lists the tasks in the order in which Run takes them.
var Tasks = []datasets.Task{datasets.Classification, datasets.Detection, datasets.Referring}

// Meta describes the dataset that Examples come from.
func Meta(task datasets.Task) *datasets.Meta {
	if task == datasets.Classification {
		return &datasets.Meta{Classes: []datasets.Class{
			{ID: 0, Name: "tench", Synset: "n01440764"},
			{ID: 1, Name: "cock, rooster", Synset: "n01514668"},
			{ID: 2, Name: "Übergang", Synset: "n01514859"},
		}}
	}
	return &datasets.Meta{
		Classes: []datasets.Class{
			{ID: 1, Name: "person", Supercategory: "person", Synset: "person.n.01", Frequency: "f", Definition: "a human being", Synonyms: []string{"person", "somebody"}},
			{ID: 18, Name: "dog", Supercategory: "animal", Synset: "dog.n.01", Frequency: "c", Definition: "a domestic animal", Synonyms: []string{"dog"}},
			{ID: 90, Name: "toothbrush", Supercategory: "indoor", Synset: "toothbrush.n.01", Frequency: "r", Definition: "a small brush", Synonyms: []string{"toothbrush"}},
		},
		Licenses: []datasets.License{{ID: 1, Name: "CC BY 2.0", URL: "http://creativecommons.org/licenses/by/2.0/"}},
		Info:     `{"description":"conformance","year":2026}`,
	}
}

// Header is the header of shard 0 of 2 of a dataset of that task.
func Header(task datasets.Task) formats.Header {
	name := map[datasets.Task]string{datasets.Classification: "imagenet", datasets.Detection: "lvis", datasets.Referring: "refcoco"}[task]
	return formats.Header{Dataset: name, Task: task, Meta: Meta(task), Split: "train", Shard: 0, Shards: 2}
}

// Examples makes n examples, ascending by key, with small images that decode:
// one in eight is a PNG.
func Examples(task datasets.Task, n int) []*datasets.Example {
	exs := make([]*datasets.Example, n)
	for i := range exs {
		exs[i] = example(task, i)
	}
	return exs
}

func example(task datasets.Task, i int) *datasets.Example {
	w, h := 12+i%5, 9+i%3
	ex := &datasets.Example{Split: "train", Width: w, Height: h, OriginalWidth: 3 * w, OriginalHeight: 3 * h}
	ex.Image, ex.Ext = Picture(w, h, i), "jpg"
	if i%8 == 7 {
		ex.Ext = "png"
	}
	sum := sha256.Sum256(ex.Image)
	ex.Source = datasets.Origin{Offset: int64(i) << 33, Bytes: int64(len(ex.Image)), SHA256: hex.EncodeToString(sum[:])}
	switch task {
	case datasets.Classification:
		c := Meta(task).Classes[i%3]
		label := i % 3
		ex.Key = fmt.Sprintf("%s_%06d", "n01440764", i)
		ex.Label, ex.Wnid, ex.Name = &label, c.Synset, c.Name
		ex.Source.Name = c.Synset + "/" + ex.Key + ".JPEG"
	case datasets.Detection:
		id := int64(i + 1)
		anns := make([]datasets.Annotation, i%4) // every fourth has none
		for j := range anns {
			anns[j] = annotation(i, j, w, h)
		}
		lic := int64(1)
		ex.Key, ex.ImageID, ex.Annotations, ex.License = fmt.Sprintf("%012d", id), &id, &anns, &lic
		ex.NegCategoryIDs, ex.NotExhaustiveCategoryIDs = &[]int64{90}, &[]int64{}
		ex.Source.Name = fmt.Sprintf("train2017/%012d.jpg", id)
	case datasets.Referring:
		id := int64(i + 1)
		refs := make([]datasets.Referred, 1+i%3)
		for j := range refs {
			refs[j] = referred(i, j, w, h)
		}
		ex.Key, ex.ImageID, ex.Refs = fmt.Sprintf("%012d", id), &id, &refs
		ex.Source.Name = fmt.Sprintf("COCO_train2014_%012d.jpg", id)
	}
	return ex
}

func annotation(i, j, w, h int) datasets.Annotation {
	bw, bh := float64(2+j)+0.5, float64(3+i%2)+1.0/3
	a := datasets.Annotation{
		ID: int64(100*i + j + 1), CategoryID: []int64{1, 18, 90}[(i+j)%3],
		BBox: datasets.Box{0.25, 1, bw, bh}, Area: bw * bh,
		Segmentation: &datasets.Segmentation{Polygons: [][]float64{{0.25, 1, 0.25 + bw, 1, 0.25 + bw, 1 + bh}, {0.25, 1, 0.25, 1 + bh, 0.25 + bw, 1 + bh}}},
	}
	switch j {
	case 1:
		n := uint32(w * h)
		a.Segmentation, a.IsCrowd = &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{h, w}, Runs: []uint32{3, 5, n - 8}}}, 1
	case 2:
		// The whole image: no zeros, then ones, in COCO's string form.
		a.Segmentation = &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{h, w}, Counts: "0" + count(w*h)}}
	}
	return a
}

// count writes a run length as COCO's maskApi does: five bits a character, the
// lowest first, and a sixth where more follow.
func count(n int) string {
	var b []byte
	for {
		c := byte(n & 31)
		n >>= 5
		if n == 0 && c < 16 { // bit 16 of the last would mean a negative number
			return string(append(b, c+48))
		}
		b = append(b, (c|32)+48)
	}
}

var expressions = []string{
	"man & dog <left>", "женщина в красном", "左の犬", "naïve café's \"sign\"", "the \U0001F436 on the right", "",
}

func referred(i, j, w, h int) datasets.Referred {
	a := annotation(i, j, w, h)
	r := datasets.Referred{
		RefID: int64(1000*i + j), AnnID: a.ID, CategoryID: a.CategoryID, BBox: a.BBox, Area: a.Area,
		Segmentation: a.Segmentation, IsCrowd: a.IsCrowd, Sentences: []datasets.Sentence{},
	}
	for k := range (i + j) % 4 {
		text := expressions[(i+j+k)%len(expressions)]
		tokens := []string{}
		for _, t := range bytes.Fields([]byte(text)) {
			tokens = append(tokens, string(t))
		}
		r.Sentences = append(r.Sentences, datasets.Sentence{SentID: int64(10000*i + 10*j + k), Raw: text + " ", Sent: text, Tokens: tokens})
	}
	return r
}

// Picture encodes a small gradient: as PNG where i%8 is 7, else as JPEG.
func Picture(w, h, i int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{R: byte(17 * x), G: byte(23 * y), B: byte(31 * i), A: 255})
		}
	}
	var b bytes.Buffer
	var err error
	if i%8 == 7 {
		err = png.Encode(&b, img)
	} else {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 90})
	}
	if err != nil {
		panic(err) // encoders of std into memory
	}
	return b.Bytes()
}
