package sewn

import (
	"embed"
	"html/template"
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
)

// Input is what a run of sew has come to.
type Input struct {
	Classes  []Class   // all classes of the dataset, in any order
	Accepted []Picture // a sample, in the order in which it is to be shown
	Rejected []Picture
	// IoU is, for each accepted sample whose truth the generator knows, the overlap
	// of the localiser's place with it.
	IoU []float64
	// IoUByReason is the same for samples that were not taken.
	IoUByReason map[string][]float64
	Generator   []KeyValue
	Localiser   []KeyValue
	Settings    []KeyValue
	Seconds     float64 // that the run took, 0: not told
	Notes       []string
}

// Class is one class with what was made for it.
type Class struct {
	ID            int64
	Name          string
	Supercategory string
	Before, After Count
	Planned       int64            // samples that were to be accepted
	Generated     int64            // pictures that were asked for, all attempts
	Accepted      int64            // samples that were taken
	Rejected      map[string]int64 // by reason
	Cutouts       int64            // usable cut-outs, -1 where the generator needs none
	Note          string           // why it fell short of its quota
}

// rejected is the number of pictures that were not taken.
func (c *Class) rejected() int64 {
	var n int64
	for _, v := range c.Rejected {
		n += v
	}
	return n
}

// sewn reports whether anything was planned or done for the class.
func (c *Class) sewn() bool {
	return c.Planned > 0 || c.Generated > 0 || c.Accepted > 0 || len(c.Rejected) > 0 || c.Note != ""
}

// Count says how often a class is seen.
type Count struct {
	Images, Instances int64
	Group             string // r, c or f; empty where the dataset has no groups
}

// Picture is one sample of a sheet. Boxes and masks are in pixels of Width x
// Height, whatever the size of the thumbnail.
type Picture struct {
	Key           string
	Class         string
	Reason        string // why it was not taken, empty where it was
	Message       string // the same in words, with figures
	Score         *float64
	IoU           *float64 // of Found with Truth
	Image         []byte   // JPEG or PNG by Ext
	Ext           string   // empty: jpg
	Width, Height int
	Truth, Found  *Place
	Existing      []datasets.Annotation // the other objects
}

// Place is where an object is.
type Place struct {
	Box  *datasets.Box
	Mask *datasets.Segmentation
}

// KeyValue is one line of a list of settings.
type KeyValue struct{ Key, Value string }

// PlanInput is what a plan would make.
type PlanInput struct {
	Title    string // empty: Plan
	Dataset  string // name of the source
	RootHash string // of the source
	Split    string
	// Classes have Planned set, and After as it is if every sample is accepted.
	Classes  []Class
	Seconds  float64 // predicted, 0: not known
	Basis    string  // what the prediction rests on, in words
	Settings []KeyValue
	Notes    []string
}

var (
	//go:embed sewn.html
	files embed.FS

	pages = template.Must(template.New("").Funcs(report.Funcs()).Funcs(funcs()).ParseFS(files, "sewn.html"))
)

// reasons names in words why samples are not taken, in the order of the report.
var reasons = []struct{ code, text string }{
	{"no_cutout", "no usable cut-out"},
	{"no_place", "no place for it"},
	{"refused", "server declined"},
	{"unreachable", "no answer in time"},
	{"bad_image", "broken picture"},
	{"wrong_size", "wrong size"},
	{"nothing_found", "nothing found"},
	{"too_much", "too much changed"},
	{"drift", "the rest drifted"},
	{"too_small", "too small"},
	{"too_big", "too big"},
	{"overlap", "on another object"},
	{"duplicate", "near-duplicate"},
	{"disagree", "localisers disagree"},
	{"bad_base", "base unreadable"},
}

// reasonText is a reason in words; one that is not known stays as it is.
func reasonText(code string) string {
	for _, r := range reasons {
		if r.code == code {
			return r.text
		}
	}
	return code
}

// seconds writes a time for people, "" for none.
func seconds(s float64) string {
	if !(s > 0) || math.IsInf(s, 0) {
		return ""
	}
	return duration(s)
}
