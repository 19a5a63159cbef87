package manifest

import "sort"

// Statistics describe the examples of each split. Shards make their own and
// they are added up, so every field is a sum.
type Statistics struct {
	Splits map[string]*SplitStatistics `json:"splits"`
}

// SplitStatistics are the counts and histograms of one split.
type SplitStatistics struct {
	ImagesByClass      []int64   `json:"images_by_class"`      // index: class; images that show it
	AnnotationsByClass []int64   `json:"annotations_by_class"` // index: class
	Width              Histogram `json:"width"`                // of the original, pixels
	Height             Histogram `json:"height"`
	Aspect             Histogram `json:"aspect"`       // width / height of the original
	StoredBytes        Histogram `json:"stored_bytes"` // of the encoded image
	ObjectsPerImage    Histogram `json:"objects_per_image"`
	RelativeArea       Histogram `json:"relative_area"` // sqrt(object area / image area)
	WordsPerSentence   Histogram `json:"words_per_sentence"`
	Sentences          int64     `json:"sentences"`
	ByLicense          Counts    `json:"by_license,omitempty"`
}

// Counts maps a name to a number.
type Counts map[string]int64

// Histogram counts values in bins: bin i holds Edges[i] <= v < Edges[i+1]; the
// first also what is smaller, the last has no upper edge.
type Histogram struct {
	Edges  []float64 `json:"edges"`
	Counts []int64   `json:"counts"`
}

// NewSplitStatistics returns empty statistics over n classes.
func NewSplitStatistics(n int) *SplitStatistics {
	pixels := []float64{0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 768, 1024, 1536, 2048, 4096, 8192}
	return &SplitStatistics{
		ImagesByClass:      make([]int64, n),
		AnnotationsByClass: make([]int64, n),
		Width:              newHistogram(pixels...),
		Height:             newHistogram(pixels...),
		Aspect:             newHistogram(0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0, 2.5, 4.0),
		StoredBytes:        newHistogram(0, 4<<10, 8<<10, 16<<10, 24<<10, 32<<10, 48<<10, 64<<10, 96<<10, 128<<10, 192<<10, 256<<10, 512<<10, 1<<20, 4<<20),
		ObjectsPerImage:    newHistogram(0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200),
		RelativeArea:       newHistogram(0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
		WordsPerSentence:   newHistogram(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30),
		ByLicense:          Counts{},
	}
}

func newHistogram(edges ...float64) Histogram {
	return Histogram{Edges: edges, Counts: make([]int64, len(edges))}
}

// Add counts one value.
func (h *Histogram) Add(v float64) {
	i := sort.Search(len(h.Edges), func(i int) bool { return h.Edges[i] > v }) - 1
	h.Counts[max(i, 0)]++
}

// Total is the number of values.
func (h *Histogram) Total() int64 {
	var n int64
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Merge adds o to s.
func (s *SplitStatistics) Merge(o *SplitStatistics) {
	addTo(&s.ImagesByClass, o.ImagesByClass)
	addTo(&s.AnnotationsByClass, o.AnnotationsByClass)
	for _, p := range [][2]*Histogram{
		{&s.Width, &o.Width}, {&s.Height, &o.Height}, {&s.Aspect, &o.Aspect}, {&s.StoredBytes, &o.StoredBytes},
		{&s.ObjectsPerImage, &o.ObjectsPerImage}, {&s.RelativeArea, &o.RelativeArea}, {&s.WordsPerSentence, &o.WordsPerSentence},
	} {
		if len(p[0].Edges) == 0 {
			p[0].Edges = p[1].Edges
		}
		addTo(&p[0].Counts, p[1].Counts)
	}
	s.Sentences += o.Sentences
	for k, v := range o.ByLicense {
		if s.ByLicense == nil {
			s.ByLicense = Counts{}
		}
		s.ByLicense[k] += v
	}
}

func addTo(dst *[]int64, src []int64) {
	for len(*dst) < len(src) {
		*dst = append(*dst, 0)
	}
	for i, v := range src {
		(*dst)[i] += v
	}
}

// RunReport is what run.json says of one run: how it went, never what the data
// is. It is no part of the manifest.
type RunReport struct {
	Started          string           `json:"started"` // RFC 3339
	Seconds          float64          `json:"seconds"`
	CPUSeconds       float64          `json:"cpu_seconds"`
	ImagesPerSecond  float64          `json:"images_per_second"`
	PeakRSSBytes     int64            `json:"peak_rss_bytes"`
	Runner           string           `json:"runner"`
	Workers          int              `json:"workers"`
	ResumedShards    int              `json:"resumed_shards"`
	BytesRead        int64            `json:"bytes_read"`
	BytesWritten     int64            `json:"bytes_written"`
	StageNanoseconds map[string]int64 `json:"stage_nanoseconds"` // read, hash, decode, resize, encode, write, publish, ...
	Slowest          []SlowSample     `json:"slowest"`           // most time first
}

// SlowSample is one example that took long.
type SlowSample struct {
	Key         string `json:"key"`
	Split       string `json:"split"`
	Nanoseconds int64  `json:"nanoseconds"`
	Stage       string `json:"stage"` // the stage that took most of it
	Bytes       int64  `json:"bytes"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
}
