package copypaste

import (
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"io"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/phash"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// Collector cuts the usable objects of scenes out and writes them to a part file
// of a bank. It is for one goroutine; several workers write a part each. What it
// holds does not grow with the pictures but for the index, some 200 bytes an
// object.
type Collector struct {
	part   *partWriter
	wanted map[int64]bool
	limits Limits
	counts map[exclusion]uint64 // by category and reason
	gauge  gauge
	z      *flate.Writer
	hasher phash.Hasher
	crop   raster.RGB
}

// NewCollector writes to w, which the caller closes, the objects of the wanted
// categories, by id; nil wants all.
func NewCollector(w io.Writer, wanted map[int64]bool, l Limits) *Collector {
	z, err := flate.NewWriter(io.Discard, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &Collector{part: newPartWriter(w), wanted: wanted, limits: l.withDefaults(), counts: map[exclusion]uint64{}, z: z}
}

// candidate is an object that may be cut out.
type candidate struct {
	Record
	object int // its position in the scene
}

// Add cuts the usable objects of wanted categories out of s.Image and counts the
// others. The same scenes in the same order give the same bytes. An annotation
// that cannot be true is counted, not an error; a scene without a picture or
// key is fault.Usage, any other error is the writer's.
func (c *Collector) Add(s *addsd.Scene) error {
	if s.Image == nil || s.Key == "" || len(s.Key) > maxKey {
		return fault.New(fault.Usage, "cut-outs: scene %.80q has no picture, or no key of 1 to %d bytes", s.Key, maxKey)
	}
	if !slices.ContainsFunc(s.Objects, func(a datasets.Annotation) bool { return c.wants(a.CategoryID) }) {
		return c.part.err
	}
	c.gauge.scene.see(s.Objects, s.Image.Width, s.Image.Height)
	var found []candidate
	for i := range s.Objects {
		a := &s.Objects[i]
		if !c.wants(a.CategoryID) {
			continue
		}
		r, reason := c.measure(s, i)
		if reason != "" {
			c.exclude(a.CategoryID, reason)
			continue
		}
		found = append(found, candidate{r, i})
	}
	for _, o := range c.distinct(found) {
		c.cut(s, &o)
	}
	return c.part.err
}

// Close writes the index. The part is whole when it returns nil.
func (c *Collector) Close() error {
	list := make([]exclusion, 0, len(c.counts))
	for e, n := range c.counts {
		e.objects = n
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b exclusion) int {
		return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.reason, b.reason))
	})
	return c.part.close(list)
}

func (c *Collector) wants(category int64) bool { return c.wanted == nil || c.wanted[category] }

func (c *Collector) exclude(category int64, reason string) {
	c.counts[exclusion{category: category, reason: uint32(slices.Index(Exclusions, reason))}]++
}

// measure describes object i of s, or says why it is not usable: what costs
// least is looked at first.
func (c *Collector) measure(s *addsd.Scene, i int) (Record, string) {
	a := &s.Objects[i]
	switch {
	case a.IsCrowd != 0:
		return Record{}, crowd
	case a.Segmentation == nil:
		return Record{}, noMask
	case c.gauge.scene.errs[i] != nil:
		return Record{}, badMask
	case c.gauge.scene.patches[i].area == 0:
		return Record{}, small
	}
	var r Record
	c.gauge.geometry(&r, a, i, s.Image.Width, s.Image.Height)
	r.Key = s.Key
	if reason := c.limits.judge(&r); reason != "" {
		return r, reason
	}
	c.gauge.shape(&r, i)
	if reason := c.limits.judge(&r); reason != "" {
		return r, reason
	}
	r.Deviation = deviation(s.Image, &c.gauge.scene.patches[i])
	r.round()
	return r, c.limits.judge(&r)
}

// distinct drops the worse of two annotations of a category that show one
// object. The order stays.
func (c *Collector) distinct(found []candidate) []candidate {
	byQuality := make([]int, len(found))
	for i := range byQuality {
		byQuality[i] = i
	}
	slices.SortFunc(byQuality, func(a, b int) int { return better(&found[a].Record, &found[b].Record) })
	drop := make([]bool, len(found))
	for n, i := range byQuality {
		for _, j := range byQuality[:n] {
			if !drop[j] && c.same(&found[i], &found[j]) {
				drop[i] = true
				c.exclude(found[i].CategoryID, twice)
				break
			}
		}
	}
	kept := found[:0]
	for i, f := range found {
		if !drop[i] {
			kept = append(kept, f)
		}
	}
	return kept
}

// same reports whether two candidates of a scene show one object.
func (c *Collector) same(a, b *candidate) bool {
	if a.CategoryID != b.CategoryID || !meet(a.Box, b.Box) {
		return false
	}
	iou, err := rle.IoU(c.gauge.scene.masks[a.object], c.gauge.scene.masks[b.object], false)
	return err == nil && iou > c.limits.SameMask
}

// cut writes an object to the part.
func (c *Collector) cut(s *addsd.Scene, o *candidate) {
	c.crop.Reset(o.Box[2], o.Box[3])
	raster.Crop(&c.crop, s.Image, o.Box[0], o.Box[1], raster.Color{})
	o.Hash = c.hasher.Of(&c.crop)
	x, y, w, h := o.Window[0], o.Window[1], o.Window[2], o.Window[3]
	var out Cutout
	out.Image.Reset(w, h)
	raster.Crop(&out.Image, s.Image, x, y, raster.Color{})
	c.gauge.draw(&c.gauge.scene.patches[o.object], o.Window)
	out.Mask = c.gauge.window
	o.SHA256 = sha256.Sum256(out.Bytes())
	c.part.add(o.appendTo(nil), out.pack(nil, c.z))
}
