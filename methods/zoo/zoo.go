package zoo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Options change a published network. The zero value changes nothing.
type Options struct {
	Classes   int     // outputs of the classifier; 0: as published
	ImageSize int     // side of the square input, for networks that depend on it; 0: as published
	DropPath  float32 // largest rate of stochastic depth, for networks that have it

	// ZeroInit begins the last scale of each residual branch at 0 (Goyal et al.,
	// arXiv:1706.02677, 5.1), for networks where a norm ends the branches.
	ZeroInit bool
	// DefaultInit begins the convolutions of a ResNet as torch.nn.Conv2d does, as
	// the networks of TESKD do, in place of Kaiming's distribution.
	DefaultInit bool
}

// Entry describes a network.
type Entry struct {
	Name    string
	Aliases []string // other names that it answers to
	Source  string   // whose definition and weight names it follows
	Classes int      // as published
	Input   [3]int   // channels, height and width as published
	Params  int      // trained values at Classes
	MACs    int64    // multiply-adds of convolutions and matrix products for one Input

	// Counts says where Params and MACs are confirmed: the section of a spec, or
	// Derived where no spec gives them.
	Counts string

	// Build returns the network with zero weights, ready for nn.Initialise or for
	// loading. It refuses options that the network does not have.
	Build func(o Options) (nn.Layer, error)
}

// Derived marks counts that follow from the structure alone.
const Derived = "derived"

// entries holds the registered networks by name.
var entries = map[string]Entry{}

// register adds networks. The files of the families call it from init.
func register(es ...Entry) {
	for _, e := range es {
		if _, ok := entries[e.Name]; ok {
			panic("zoo: two networks of name " + e.Name)
		}
		entries[e.Name] = e
	}
}

// Names returns the names of all networks, sorted.
func Names() []string { return slices.Sorted(maps.Keys(entries)) }

// Lookup returns the description of a network.
func Lookup(name string) (Entry, error) {
	if e, ok := entries[name]; ok {
		return e, nil
	}
	return Entry{}, fault.New(fault.Usage, "zoo: no network %q%s", name, suggestion(name))
}

// New returns a network by name. Its weights are zero until nn.Initialise or a
// checkpoint fills them.
func New(name string, o Options) (nn.Layer, error) {
	e, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	if o.Classes < 0 || o.ImageSize < 0 || o.DropPath < 0 || o.DropPath >= 1 {
		return nil, fault.New(fault.Usage, "zoo: %s: options %+v", name, o)
	}
	if o.Classes == 0 {
		o.Classes = e.Classes
	}
	net, err := e.Build(o)
	if err != nil {
		return nil, fmt.Errorf("zoo: %s: %w", name, err)
	}
	return net, nil
}

// suggestion names the networks whose names are nearest to a wrong one.
func suggestion(name string) string {
	best, names := len(name)/2+1, []string(nil)
	for known := range entries {
		switch d := distance(plain(name), plain(known)); {
		case d < best:
			best, names = d, []string{known}
		case d == best:
			names = append(names, known)
		}
	}
	if len(names) == 0 {
		return "; zoo.Names lists what there is"
	}
	slices.Sort(names)
	return ", did you mean " + strings.Join(names[:min(3, len(names))], " or ") + "?"
}

// plain drops case and separators, in which the names of libraries differ.
func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// distance is the edit distance of two words (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
