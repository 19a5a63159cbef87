package addsd

import (
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
)

// Statistics are what is known of a split before anything is added: how large,
// where and in whose company the objects of each category are. Every field is a
// sum, so parts made by different workers add up to the same whole.
type Statistics struct {
	Images int64                      `json:"images"`
	ByID   map[int64]*ClassStatistics `json:"by_id"` // by category id
}

// Bins is the number of bins of the histograms of a ClassStatistics.
const Bins = 20

// ClassStatistics are those of one category. Instances that are crowds, have no
// area or reach less than a pixel are not counted.
type ClassStatistics struct {
	Images    int64 `json:"images"` // that show it
	Instances int64 `json:"instances"`
	// LogScale sums ln(sqrt(object area / image area)) and its square, in
	// millionths, so that sums do not depend on their order.
	LogScale   int64 `json:"log_scale"`
	LogScaleSq int64 `json:"log_scale_sq"`
	// Bottom counts where the lower edge of the box lies, as a share of the
	// image's height; Centre where its middle lies across.
	Bottom [Bins]int64 `json:"bottom"`
	Centre [Bins]int64 `json:"centre"`
	// With counts, by category, the images that show both.
	With map[int64]int64 `json:"with,omitempty"`
	// Support counts, by category, the objects whose mask or box lies under the
	// middle of the lower edge; 0 where there is none.
	Support map[int64]int64 `json:"support,omitempty"`
}

// Add counts one image of width x height pixels and its objects, in any order.
func (s *Statistics) Add(width, height int, objects []datasets.Annotation) {
	s.Images++
	if s.ByID == nil {
		s.ByID = map[int64]*ClassStatistics{}
	}
	counted := make([]*datasets.Annotation, 0, len(objects))
	shown := make([]int64, 0, len(objects))
	for i := range objects {
		if countable(&objects[i]) {
			counted = append(counted, &objects[i])
			shown = append(shown, objects[i].CategoryID)
		}
	}
	slices.Sort(shown)
	shown = slices.Compact(shown)
	for _, id := range shown {
		c := s.class(id)
		c.Images++
		for _, other := range shown {
			if other != id {
				c.With[other]++
			}
		}
	}
	for _, a := range counted {
		s.ByID[a.CategoryID].add(float64(width), float64(height), a, counted)
	}
}

// countable tells whether an object is one of those that statistics are made of.
func countable(a *datasets.Annotation) bool {
	return a.IsCrowd == 0 && a.Area > 0 && !math.IsInf(a.Area, 0) && a.BBox[2] >= minSide && a.BBox[3] >= minSide
}

func (s *Statistics) class(id int64) *ClassStatistics {
	c := s.ByID[id]
	if c == nil {
		c = &ClassStatistics{}
		s.ByID[id] = c
	}
	if c.With == nil {
		c.With = map[int64]int64{}
	}
	if c.Support == nil {
		c.Support = map[int64]int64{}
	}
	return c
}

func (c *ClassStatistics) add(width, height float64, a *datasets.Annotation, all []*datasets.Annotation) {
	v := ln(a.Area/(width*height)) / 2
	c.Instances++
	c.LogScale += int64(math.Round(v * 1e6))
	c.LogScaleSq += int64(math.Round(float64(v*v) * 1e6))
	x, y := a.BBox[0]+a.BBox[2]/2, a.BBox[1]+a.BBox[3]
	c.Bottom[bin(y/height)]++
	c.Centre[bin(x/width)]++
	c.Support[support(x, y, a, all)]++
}

// bin is the bin of a share of the image's side.
func bin(share float64) int {
	if !(share > 0) {
		return 0
	}
	return int(min(share*Bins, Bins-1))
}

// support is the category of what lies under the point x, y, the foot of a: the
// object with the smallest box around it, 0 where there is none. A box that ends
// where a stands does not carry it.
func support(x, y float64, a *datasets.Annotation, all []*datasets.Annotation) int64 {
	best, category := math.Inf(1), int64(0)
	for _, o := range all {
		b := o.BBox
		if o == a || x < b[0] || x >= b[0]+b[2] || y < b[1] || y >= b[1]+b[3] {
			continue
		}
		// Equal boxes must not make the answer depend on the order of objects.
		if size := b[2] * b[3]; size < best || size == best && o.CategoryID < category {
			best, category = size, o.CategoryID
		}
	}
	return category
}

// Merge adds the sums of other, which stays as it is and shares nothing with s
// afterwards.
func (s *Statistics) Merge(other *Statistics) {
	if other == nil {
		return
	}
	s.Images += other.Images
	if s.ByID == nil {
		s.ByID = map[int64]*ClassStatistics{}
	}
	for id, from := range other.ByID {
		if from == nil {
			continue
		}
		c := s.class(id)
		c.Images += from.Images
		c.Instances += from.Instances
		c.LogScale += from.LogScale
		c.LogScaleSq += from.LogScaleSq
		for i := range Bins {
			c.Bottom[i] += from.Bottom[i]
			c.Centre[i] += from.Centre[i]
		}
		for k, n := range from.With {
			c.With[k] += n
		}
		for k, n := range from.Support {
			c.Support[k] += n
		}
	}
}

// MeanScale is the mean of ln(sqrt(object area / image area)) and its standard
// deviation; ok is false where no instance was counted.
func (c *ClassStatistics) MeanScale() (mean, sd float64, ok bool) {
	if c == nil || c.Instances == 0 {
		return 0, 0, false
	}
	n := float64(c.Instances)
	mean = float64(c.LogScale) / n / 1e6
	return mean, math.Sqrt(max(0, float64(c.LogScaleSq)/n/1e6-float64(mean*mean))), true
}

// ln is the natural logarithm of x > 0, made of single roundings in one order:
// choices that rest on it come out alike on every processor, where math.Log may
// differ in the last bit. The error is below 1e-15 of the result or absolute.
//
// x is m * 2^e with m near 1, and ln m is 2 artanh s, s = (m-1)/(m+1), a series
// in s*s < 0.03 (Abramowitz and Stegun 4.1.27).
func ln(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	s2 := float64(s * s)
	sum := 0.0
	for _, c := range artanh {
		sum = float64(sum*s2) + c
	}
	return float64(float64(e)*math.Ln2) + float64(2*s*sum)
}

// artanh holds the coefficients of the series, the highest power first.
var artanh = [11]float64{1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1}
