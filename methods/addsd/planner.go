package addsd

import (
	"cmp"
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// The samplings: which class goes into which picture.
const (
	UniformSampling    = "uniform"    // every class alike, whatever the picture (LVIS, spec 3.4)
	SuperlabelSampling = "superlabel" // classes of the picture's supercategories, the rarer the likelier (COCO, spec 3.4)
	SceneSampling      = "scene"      // by the company that the class keeps and the room there is
)

// Samplings lists them; the first is the default.
var Samplings = []string{UniformSampling, SuperlabelSampling, SceneSampling}

// maxSamples bounds a plan; COCO and LVIS have 118 thousand pictures to start from.
const maxSamples = 10_000_000

// SceneRow is what a planner knows of one picture.
type SceneRow struct {
	Key             string
	ImageID         int64
	Width, Height   int
	Categories      []int64 // shown, rising, each once
	Annotations     int
	MaxAnnotationID int64 // 0 where there are none
}

// PlanOptions say how much of what is to be made. Exactly one of ImagesPerClass,
// TargetImages and Budget is set.
type PlanOptions struct {
	Seed    int64
	Classes []string // rare, common, frequent, all, or names; none: rare

	ImagesPerClass int // synthetic images of every class
	TargetImages   int // images of every class, real ones counted
	Budget         int // synthetic images of all classes together

	Sampling string // one of Samplings
	NewOnly  bool   // never a class that the picture shows already
	Exclude  func(row *SceneRow) bool
	// AboveImage and AboveAnnotation are ids that are taken elsewhere: new ones are
	// larger than these and than those of the rows.
	AboveImage, AboveAnnotation int64
	Attempts                    int // pictures that may be tried for one sample; 0 is 1
}

// Planned is one synthetic image to be.
type Planned struct {
	Key      string // <base key>_<category id>_<n>
	Category int64
	// Bases are the rows to try, by attempt: the key's first, then others that
	// suit. There are fewer than Attempts where not so many suit.
	Bases       []int
	Seed        uint64
	Instruction string
	ImageID     int64
	// AnnotationID is the first of the ids that are this sample's alone: one for
	// every annotation of the base that has most, and one for the new object.
	AnnotationID int64
}

// AttemptSeed is the seed of one attempt at p.
func (p *Planned) AttemptSeed(attempt int) uint64 {
	return mix(p.Seed, uint64(attempt), purposeAttempt)
}

// Plan says what is made. It depends on the rows, not on their order: only Bases,
// which are indices of rows, do.
type Plan struct {
	Samples  []Planned   `json:"samples"` // by key
	Classes  []ClassPlan `json:"classes"` // all, in the order given
	Images   int         `json:"images"`
	Excluded int         `json:"excluded"` // of them

	hash string
}

// ClassPlan is what a plan does for one class. Groups are counted on the split
// (datasets.FrequencyGroup). After is what there is if every sample is accepted
// on its first base and hides nothing: the objects of the base count as well.
type ClassPlan struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Before      int64  `json:"before"` // images that show it
	After       int64  `json:"after"`
	GroupBefore string `json:"group_before"`
	GroupAfter  string `json:"group_after"`
	Instances   int64  `json:"instances"`
	Cutouts     int    `json:"cutouts,omitempty"`
	Chosen      bool   `json:"chosen"`          // by the options
	Quota       int    `json:"quota,omitempty"` // synthetic images asked for; 0 with a budget
	Planned     int    `json:"planned"`
	Note        string `json:"note,omitempty"` // why it gets less
}

// Hash identifies the samples: their keys, bases, seeds and ids.
func (p *Plan) Hash() string { return p.hash }

// planner is the state of NewPlan. Rows are met in rising order of image ids,
// whatever order they came in.
type planner struct {
	o       PlanOptions
	seed    uint64
	rows    []SceneRow
	classes []datasets.Class
	index   map[int64]int32 // category id -> index of classes
	stats   *Statistics

	order   []int32   // all rows by image id
	free    []int32   // those that may be touched, by image id
	shown   [][]int32 // by row: indices of classes
	hashes  []uint64  // by row: of the seed and the image id
	makers  []int     // classes that can be made, indices
	makerOf []int32   // by class: index of makers, -1 for none
	weigh   weigher
	plan    *Plan
	picks   []pick
}

// pick is a sample before it has a key.
type pick struct {
	row, class, n int32 // n counts those of one row and class
	alternates    []int32
}

// NewPlan plans. usable counts the cut-outs of each class; nil where the
// generator needs none.
//
// Every choice comes from a hash of the seed, an image id and a class: the plan
// is the same whenever it is made and in whatever order the rows come. Wrong
// options and unknown classes are fault.Usage, rows that contradict each other
// fault.Conflict, rows that cannot be fault.InvalidAnnotation.
func NewPlan(rows []SceneRow, classes []datasets.Class, stats *Statistics, usable map[int64]int, o PlanOptions) (*Plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if stats == nil {
		stats = new(Statistics)
	}
	p := &planner{o: o, seed: uint64(o.Seed), rows: rows, classes: classes, stats: stats, plan: &Plan{Images: len(rows)}}
	if err := p.read(); err != nil {
		return nil, err
	}
	if err := p.choose(usable); err != nil {
		return nil, err
	}
	var err error
	if p.weigh, err = p.newWeigher(); err != nil {
		return nil, err
	}
	if o.Budget > 0 {
		p.spend()
	} else if err := p.fill(); err != nil {
		return nil, err
	}
	if err := p.name(); err != nil {
		return nil, err
	}
	p.count()
	return p.plan, nil
}

func (o *PlanOptions) check() error {
	quotas := 0
	for _, n := range []int{o.ImagesPerClass, o.TargetImages, o.Budget} {
		if n < 0 || n > maxSamples {
			return fault.New(fault.Usage, "addsd: a quota of %d images; 1 to %d are possible", n, maxSamples)
		}
		if n > 0 {
			quotas++
		}
	}
	if quotas != 1 {
		return fault.New(fault.Usage, "addsd: %d of images_per_class, target_images and budget are set; set exactly one", quotas)
	}
	if o.Sampling == "" {
		o.Sampling = UniformSampling
	}
	if !slices.Contains(Samplings, o.Sampling) {
		return fault.New(fault.Usage, "addsd: no sampling %q; there are %v", o.Sampling, Samplings)
	}
	if o.Attempts < 0 || o.Attempts > 1000 {
		return fault.New(fault.Usage, "addsd: %d attempts; 1 to 1000 are possible", o.Attempts)
	}
	o.Attempts = max(o.Attempts, 1)
	if len(o.Classes) == 0 {
		o.Classes = []string{"rare"}
	}
	return nil
}

// read checks the rows and brings them in order.
func (p *planner) read() error {
	p.index = make(map[int64]int32, len(p.classes))
	for i, c := range p.classes {
		if _, twice := p.index[c.ID]; twice {
			return fault.New(fault.Conflict, "addsd: two classes have the id %d", c.ID)
		}
		p.index[c.ID] = int32(i)
	}
	p.order = make([]int32, len(p.rows))
	for i := range p.order {
		p.order[i] = int32(i)
	}
	slices.SortFunc(p.order, func(a, b int32) int { return cmp.Compare(p.rows[a].ImageID, p.rows[b].ImageID) })
	p.shown, p.hashes = make([][]int32, len(p.rows)), make([]uint64, len(p.rows))
	keys := make(map[string]struct{}, len(p.rows))
	for at, i := range p.order {
		r := &p.rows[i]
		if at > 0 && p.rows[p.order[at-1]].ImageID == r.ImageID {
			return fault.New(fault.Conflict, "addsd: two images have the id %d", r.ImageID)
		}
		if _, twice := keys[r.Key]; twice {
			return fault.New(fault.Conflict, "addsd: two images have the key %q", r.Key)
		}
		keys[r.Key] = struct{}{}
		p.hashes[i] = mix(p.seed, uint64(r.ImageID))
		if err := p.readRow(int(i)); err != nil {
			return err
		}
		if p.o.Exclude != nil && p.o.Exclude(r) {
			p.plan.Excluded++
		} else {
			p.free = append(p.free, i)
		}
	}
	return nil
}

func (p *planner) readRow(i int) error {
	r := &p.rows[i]
	const most = math.MaxInt64 / 4 // leaves room for the ids of all samples
	if r.Width < 1 || r.Height < 1 || r.Annotations < 0 || r.ImageID > most || r.MaxAnnotationID > most {
		return fault.New(fault.InvalidAnnotation, "addsd: %s: %d x %d pixels, image id %d, %d annotations up to id %d",
			r.Key, r.Width, r.Height, r.ImageID, r.Annotations, r.MaxAnnotationID)
	}
	shown := make([]int32, len(r.Categories))
	for k, id := range r.Categories {
		c, known := p.index[id]
		if !known || k > 0 && r.Categories[k-1] >= id {
			return fault.New(fault.InvalidAnnotation, "addsd: %s: categories %v; they must be known, rising and each once", r.Key, r.Categories)
		}
		shown[k] = c
	}
	p.shown[i] = shown
	return nil
}

// shows tells whether a row shows a class.
func (p *planner) shows(row int32, class int) bool {
	return slices.Contains(p.shown[row], int32(class))
}
