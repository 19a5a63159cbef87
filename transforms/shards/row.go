package shards

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Done is the record of a finished shard: what it holds and what it set aside.
// It is the same whoever makes the shard.
type Done struct {
	Plan        string                    `json:"plan"` // PlanState.Hash
	Split       string                    `json:"split"`
	Shard       int                       `json:"shard"`
	Files       []manifest.Shard          `json:"files"`
	Examples    int                       `json:"examples"`
	Annotations int                       `json:"annotations"`
	Rejected    int                       `json:"rejected"`
	Reasons     map[fault.Code]int        `json:"reasons"`
	Classes     map[int]ClassCount        `json:"classes,omitempty"` // by class index, where examples have one
	Statistics  *manifest.SplitStatistics `json:"statistics"`
}

// ClassCount counts one class's examples.
type ClassCount struct {
	Examples int `json:"examples"` // with the rejected ones
	Rejected int `json:"rejected"`
}

// Row is what a shard's task yields: its record and how the work went.
type Row struct {
	Done     Done
	Resumed  bool
	Problem  *Outcome // why the shard is not finished
	Nanos    map[string]int64
	Slowest  []manifest.SlowSample
	BytesIn  int64
	BytesOut int64
}

func (r *Row) encode() ([]byte, error) {
	b, err := json.Marshal(r)
	return b, fault.Wrap(fault.Bug, err)
}

func decodeRow(b []byte) (*Row, error) {
	r := new(Row)
	return r, fault.Wrap(fault.Bug, json.Unmarshal(b, r))
}

// keepSlowest is how many slow samples a report names.
const keepSlowest = 10

// slow keeps the slowest samples of list and s.
func slow(list []manifest.SlowSample, s ...manifest.SlowSample) []manifest.SlowSample {
	list = append(list, s...)
	slices.SortFunc(list, func(a, b manifest.SlowSample) int {
		return cmp.Or(cmp.Compare(b.Nanoseconds, a.Nanoseconds), cmp.Compare(a.Key, b.Key))
	})
	return list[:min(len(list), keepSlowest)]
}

// count adds one example to the statistics.
func (d *Done) count(ex *datasets.Example, classes map[int64]int) {
	d.Examples++
	s := d.Statistics
	s.Width.Add(float64(ex.OriginalWidth))
	s.Height.Add(float64(ex.OriginalHeight))
	s.Aspect.Add(float64(ex.OriginalWidth) / float64(ex.OriginalHeight))
	s.StoredBytes.Add(float64(len(ex.Image)))
	if ex.License != nil {
		s.ByLicense[licenseName(*ex.License)]++
	}
	if ex.Label != nil {
		d.Annotations++
		s.ImagesByClass[*ex.Label]++
		s.AnnotationsByClass[*ex.Label]++
		return
	}
	objects := ex.Objects()
	d.Annotations += len(objects)
	s.ObjectsPerImage.Add(float64(len(objects)))
	seen := map[int]bool{}
	for _, o := range objects {
		c, ok := classes[o.CategoryID]
		if !ok {
			continue
		}
		s.AnnotationsByClass[c]++
		if !seen[c] {
			seen[c] = true
			s.ImagesByClass[c]++
		}
		s.RelativeArea.Add(relativeSize(*o.Area, ex.Width, ex.Height))
	}
	if ex.Refs != nil {
		for _, r := range *ex.Refs {
			s.Sentences += int64(len(r.Sentences))
			for _, t := range r.Sentences {
				s.WordsPerSentence.Add(float64(len(t.Tokens)))
			}
		}
	}
}

func (d *Done) reject(r *datasets.Rejection) {
	d.Rejected++
	d.Reasons[r.Reason]++
}

// countClass counts an example under its class, rejected or not.
func (d *Done) countClass(label int, rejected bool) {
	if label < 0 {
		return
	}
	c := d.Classes[label]
	c.Examples++
	if rejected {
		c.Rejected++
	}
	d.Classes[label] = c
}

func licenseName(id int64) string { return strconv.FormatInt(id, 10) }

// relativeSize is the side of a square of the object's area, as a share of that
// of the image.
func relativeSize(area float64, w, h int) float64 {
	return math.Sqrt(area / (float64(w) * float64(h)))
}
