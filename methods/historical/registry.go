package historical

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training"
)

// Info describes a mechanism.
type Info struct {
	Name    string // of the training method that runs it alone
	Spec    string // its number in the specification: M1 ...
	Key     Key
	Summary string
	Paper   string
	Formula string // of Bytes
	New     func(k Knobs) Mechanism
}

// Knobs reads a mechanism's options. In a run of several mechanisms their names begin
// with the mechanism's: ps_kd.alpha.
type Knobs struct {
	o      *training.Options
	prefix string
}

// Float takes a number between lo and hi.
func (k Knobs) Float(name string, dflt, lo, hi float64) float64 {
	return k.o.Float(k.prefix+name, dflt, lo, hi)
}

// Int takes a whole number between lo and hi.
func (k Knobs) Int(name string, dflt, lo, hi int) int { return k.o.Int(k.prefix+name, dflt, lo, hi) }

// Bool takes true or false.
func (k Knobs) Bool(name string, dflt bool) bool { return k.o.Bool(k.prefix+name, dflt) }

// Text takes one of a few words.
func (k Knobs) Text(name, dflt string, choices ...string) string {
	return k.o.Text(k.prefix+name, dflt, choices...)
}

var infos []Info

// Register adds a mechanism, and a training method that runs it alone. It is called
// from init functions.
func Register(i Info) {
	if _, taken := Find(i.Name); taken {
		panic("historical: " + i.Name + " registered twice")
	}
	infos = append(infos, i)
	if i.Name == recursiveMixName { // that package registers the method
		return
	}
	training.Register(training.Spec{
		Name: i.Name, Summary: i.Summary, Paper: i.Paper,
		New: func(o *training.Options) (training.Method, error) {
			return newMethod(i.Name, []string{i.Name}, []Mechanism{i.New(Knobs{o: o})})
		},
	})
}

// Find returns the mechanism of that name.
func Find(name string) (Info, bool) {
	for _, i := range infos {
		if i.Name == name {
			return i, true
		}
	}
	return Info{}, false
}

// List returns the mechanisms of a cell in the order of the survey's rows; an empty
// part of the key means any.
func List(want Key) []Info {
	var out []Info
	for _, t := range Types() {
		for _, i := range infos {
			fits := i.Key.Type == t && (want.Type == "" || want.Type == t) &&
				(want.Part == "" || want.Part == i.Key.Part) && (want.Store == "" || want.Store == i.Key.Store)
			if fits {
				out = append(out, i)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Info) int {
		if d := slices.Index(Types(), a.Key.Type) - slices.Index(Types(), b.Key.Type); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// Types lists the leaves of the survey's tree.
func Types() []Type {
	return []Type{Prediction, FeatureInstance, FeatureStatistics, ParameterTeacher, ParameterEnsemble, ParameterUnitary, GradientParameter, GradientFeature, LossValue}
}

// Parts lists where history acts.
func Parts() []Part { return []Part{OnData, OnModel, OnLoss, OnOptimizer, OnInference} }

// Coverage writes the matrix of types and parts with the mechanisms of each cell and
// their forms, and a line for each mechanism.
func Coverage(w io.Writer) error {
	out := &strings.Builder{}
	fmt.Fprintln(out, "Historical Learning (arXiv:2303.12992): what is kept, where it acts, how it is kept (DE elements, MA moving average)")
	for _, t := range Types() {
		fmt.Fprintf(out, "\n%s\n", t)
		for _, p := range Parts() {
			if cell := List(Key{Type: t, Part: p}); len(cell) > 0 {
				fmt.Fprintf(out, "  %-10s %s\n", p, cellText(cell))
			}
		}
	}
	fmt.Fprintf(out, "\n%-5s %-20s %-23s %s\n", "", "mechanism", "bytes", "what it does")
	all := List(Key{})
	slices.SortStableFunc(all, func(a, b Info) int { return number(a.Spec) - number(b.Spec) })
	for _, i := range all {
		fmt.Fprintf(out, "%-5s %-20s %-23s %s\n", i.Spec, i.Name, i.Formula, i.Summary)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func cellText(cell []Info) string {
	var names []string
	for _, i := range cell {
		names = append(names, fmt.Sprintf("%s (%s)", i.Name, i.Key.Store))
	}
	return strings.Join(names, ", ")
}

// number is the number in M12.
func number(spec string) int {
	var n int
	if _, err := fmt.Sscanf(spec, "M%d", &n); err != nil {
		return 0
	}
	return n
}

// several makes the method of option mechanisms: names with spaces or commas between.
func several(o *training.Options) (training.Method, error) {
	names := strings.FieldsFunc(o.Text("mechanisms", ""), func(r rune) bool { return r == ' ' || r == ',' })
	if len(names) == 0 {
		return nil, fault.New(fault.Usage, "method historical: mechanisms: name at least one; known: %v", Names())
	}
	var ms []Mechanism
	for _, n := range names {
		i, ok := Find(n)
		if !ok {
			return nil, fault.New(fault.Usage, "method historical: no mechanism %q; known: %v", n, Names())
		}
		ms = append(ms, i.New(Knobs{o: o, prefix: n + "."}))
	}
	return newMethod("historical", names, ms)
}

// Names lists the mechanisms in alphabetical order.
func Names() []string {
	var out []string
	for _, i := range infos {
		out = append(out, i.Name)
	}
	slices.Sort(out)
	return out
}

func init() {
	training.Register(training.Spec{
		Name:    "historical",
		Summary: "several mechanisms of the Historical Learning survey at once: option mechanisms",
		Paper:   "Historical Learning: Learning Models with Learning History, arXiv:2303.12992",
		New:     several,
	})
}
