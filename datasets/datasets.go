package datasets

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Task is what a dataset's annotations say of an image.
type Task string

const (
	Classification Task = "classification" // one class an image
	Detection      Task = "detection"      // objects: box, mask, category
	Referring      Task = "referring"      // expressions, each naming one object
)

// Input is one thing that a source reads.
type Input struct {
	Role     string // key below `inputs` in the recipe
	Doc      string // what it is, for help and error messages
	Required bool
}

// Spec describes a source.
type Spec struct {
	Name    string // as in the recipe
	Task    Task
	Summary string // one line
	Inputs  []Input
}

// Source reads one dataset in the layout of its authors. It holds no state:
// one value serves any number of builds at once.
type Source interface {
	Spec() Spec
	// Plan walks the inputs and calls p.Emit once an example, in an order that
	// depends on the inputs alone. It reads no pixels. A broken input as a whole
	// is its error; a broken example goes to p.Reject.
	Plan(ctx context.Context, in Inputs, p *Planner) error
	// Example builds the annotations of ref from its rows (in the order of
	// ref.Rows). Image bytes and sizes are the caller's; OriginalWidth and
	// OriginalHeight are set where the annotations state them. The error is a
	// fault with a data code.
	Example(ref *Ref, rows [][]byte, m *Meta) (*Example, error)
}

// Recorder is a Source of whole records: its examples lie ready, picture and
// annotations together, where the Image of their Ref says. Example is not asked.
type Recorder interface {
	Source
	// Records opens the inputs for one worker.
	Records(ctx context.Context, in Inputs) (Records, error)
}

// Records reads examples by their refs; it serves several goroutines.
type Records interface {
	// Record returns the example with its encoded picture. Its Source says where
	// the picture first came from. A fault with a data code concerns this one.
	Record(ctx context.Context, ref *Ref) (*Example, error)
	Close() error
}

// Span is a range of bytes of an input. Name is slash-separated and relative
// to the input of that role; it is empty where the role names a single file.
// Length -1 means that the thing is missing.
type Span struct {
	Name   string
	Offset int64
	Length int64
}

// Row is one piece of annotation: bytes in place, or a span of the input of
// role "annotations" that holds them.
type Row struct {
	Span
	Data []byte
}

// Ref is where an example's bytes are. It is all that is ever shuffled.
type Ref struct {
	Key   string // see CheckKey; unique in its split
	Split string
	Image Span // in the input of role "images"
	Rows  []Row
	Label int // index of the class, -1 where an example has none of its own
}

// Rejection is an example that was set aside.
type Rejection struct {
	Key     string     `json:"key"`
	Split   string     `json:"split"`
	Stage   string     `json:"stage"` // plan, read, annotations, decode, transform, encode
	Reason  fault.Code `json:"reason"`
	Message string     `json:"message"`
	Label   int        `json:"label"` // index of the class, -1 where unknown
	Source  Origin     `json:"source"`
}

// Inputs locates what a recipe names: role -> address (a path or a URL).
type Inputs map[string]string

// InputFile is one line of the manifest's inputs. For a directory or an archive
// read in place, SHA256 is over its listing (name, offset and size of each member),
// for a file over its bytes.
type InputFile = manifest.Input

// Planner is what Plan reports to. Its functions may be called from the
// goroutine that runs Plan only.
type Planner struct {
	Splits []string // the splits that are wanted; empty: all
	Emit   func(Ref) error
	Reject func(Rejection) error
	Input  func(InputFile)
	Note   func(format string, args ...any) // something the user must be told
	Read   func(bytes int64)                // progress through the inputs
	Meta   Meta                             // filled by Plan
}

// Want reports whether the recipe asks for a split.
func (p *Planner) Want(split string) bool {
	if len(p.Splits) == 0 {
		return true
	}
	for _, s := range p.Splits {
		if s == split {
			return true
		}
	}
	return false
}

// Class is one class or category.
type Class = manifest.Class

// FrequencyGroup is LVIS's group of a category that occurs in that many images
// of the training set: r (rare) up to 10, c (common) up to 100, f (frequent)
// above (Gupta et al., LVIS, CVPR 2019, section 3).
func FrequencyGroup(images int64) string {
	switch {
	case images <= 10:
		return "r"
	case images <= 100:
		return "c"
	}
	return "f"
}

// License is one line of a COCO licence table.
type License = manifest.License

// Meta is what is true of a whole dataset.
type Meta struct {
	Classes  []Class   `json:"classes"` // in the order of the source
	Licenses []License `json:"licenses,omitempty"`
	Info     string    `json:"info,omitempty"` // the source's own info object, as JSON
}

// ClassByID returns the index of each class id in m.Classes.
func (m *Meta) ClassByID() map[int64]int {
	idx := make(map[int64]int, len(m.Classes))
	for i, c := range m.Classes {
		idx[c.ID] = i
	}
	return idx
}

var (
	mu      sync.RWMutex
	sources = map[string]Source{}
	hidden  = map[string]bool{}
)

// Register makes a source available under its Spec's name. It panics on a name
// that is taken; it is called from init functions.
func Register(s Source) {
	mu.Lock()
	defer mu.Unlock()
	name := s.Spec().Name
	if _, taken := sources[name]; taken {
		panic(fmt.Sprintf("datasets: %s registered twice", name))
	}
	sources[name] = s
}

// RegisterHidden is Register for a source that no recipe names: a pipeline uses it
// for its own last steps.
func RegisterHidden(s Source) {
	Register(s)
	mu.Lock()
	defer mu.Unlock()
	hidden[s.Spec().Name] = true
}

// Lookup returns the source of that name.
func Lookup(name string) (Source, bool) {
	mu.RLock()
	defer mu.RUnlock()
	s, ok := sources[name]
	return s, ok
}

// Names lists the sources that a recipe can name, in order.
func Names() []string {
	mu.RLock()
	defer mu.RUnlock()
	names := make([]string, 0, len(sources))
	for n := range sources {
		if !hidden[n] {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names
}

// CheckInputs holds in against the roles of spec: a missing or an unknown role
// is a fault.Usage that names the right ones.
func CheckInputs(spec Spec, in Inputs) error {
	known := map[string]bool{}
	for _, i := range spec.Inputs {
		known[i.Role] = true
		if i.Required && in[i.Role] == "" {
			return fault.New(fault.Usage, "dataset %s needs inputs.%s: %s", spec.Name, i.Role, i.Doc)
		}
	}
	roles := make([]string, 0, len(in))
	for r := range in {
		roles = append(roles, r)
	}
	sort.Strings(roles)
	for _, r := range roles {
		if !known[r] {
			return fault.New(fault.Usage, "dataset %s has no input %q", spec.Name, r)
		}
	}
	return nil
}
