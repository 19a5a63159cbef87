package nn

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// Source is a set of named tensors to load from: a safetensors.File, a
// safetensors.Sharded, a TorchFile, or what OpenCheckpoint returns.
type Source interface {
	// Names returns the names in sorted order.
	Names() []string
	// Info describes a tensor; ok tells whether there is one.
	Info(name string) (info safetensors.Info, ok bool)
	// ReadFloat32 fills dst, of as many elements as the tensor, with its values;
	// 16-bit floats are widened and 64-bit ones rounded.
	ReadFloat32(name string, dst []float32) error
	// ReadInt64 is ReadFloat32 for integers and booleans.
	ReadInt64(name string, dst []int64) error
}

// LoadOptions say how names and types may differ.
type LoadOptions struct {
	// Rename turns a name of the source into the module's; "" leaves the tensor out.
	Rename func(name string) string
	// AllowMissing keeps the values of what the source does not have.
	AllowMissing bool
	// AllowUnexpected ignores what the module does not have.
	AllowUnexpected bool
	// AllowRounding takes 64-bit floats for a float32.
	AllowRounding bool
	// Skip names entries of the module that keep their values, such as a head for
	// other classes.
	Skip func(name string) bool
}

// LoadReport says what LoadState found.
type LoadReport struct {
	Loaded     []string // of the module
	Missing    []string // of the module, not in the source
	Unexpected []string // in the source, under the module's naming, not in the module
}

// LoadState fills the entries of m from src by name. Names, shapes and types are
// checked first: after such an error m is as it was. The error is a fault.Conflict
// that names every tensor and both shapes; missing and unexpected names are an error
// unless allowed. Counts of batches (num_batches_tracked), which old checkpoints do
// not have, and the second name of a tied parameter may always be missing.
func LoadState(m Module, src Source, o LoadOptions) (LoadReport, error) {
	plan, report, err := planLoad(m, src, o)
	if err != nil {
		return report, err
	}
	for _, l := range plan {
		if err := l.read(src); err != nil {
			return report, fault.At(err, fault.Place{Key: l.entry.Name})
		}
		report.Loaded = append(report.Loaded, l.entry.Name)
	}
	return report, nil
}

// load is one tensor that goes into one entry.
type load struct {
	entry Entry
	name  string // in the source
}

func (l load) read(src Source) error {
	if v := l.entry.Var.Value; v.Dtype() == tensor.Int64 {
		return src.ReadInt64(l.name, v.Int64s())
	}
	return src.ReadFloat32(l.name, l.entry.Var.Value.Float32s())
}

func planLoad(m Module, src Source, o LoadOptions) ([]load, LoadReport, error) {
	var report LoadReport
	names, err := renamed(src, o.Rename)
	if err != nil {
		return nil, report, err
	}
	var plan []load
	var bad []string
	filled := map[*Var]bool{}
	var absent []Entry
	for _, e := range Entries(m) {
		name, ok := names[e.Name]
		delete(names, e.Name)
		switch {
		case o.Skip != nil && o.Skip(e.Name):
		case !ok:
			absent = append(absent, e)
		default:
			if why := misfit(e, src, name, o); why != "" {
				bad = append(bad, why)
			}
			plan = append(plan, load{e, name})
			filled[e.Var] = true
		}
	}
	for _, e := range absent {
		if !filled[e.Var] && !strings.HasSuffix("."+e.Name, ".num_batches_tracked") {
			report.Missing = append(report.Missing, e.Name)
		}
	}
	for name := range names {
		report.Unexpected = append(report.Unexpected, name)
	}
	slices.Sort(report.Unexpected)
	if len(report.Missing) > 0 && !o.AllowMissing {
		bad = append(bad, "missing "+enumerate(report.Missing))
	}
	if len(report.Unexpected) > 0 && !o.AllowUnexpected {
		bad = append(bad, "unexpected "+enumerate(report.Unexpected))
	}
	if len(bad) > 0 {
		return nil, report, fault.New(fault.Conflict, "checkpoint does not fit: %s", enumerateBy(bad, "; "))
	}
	return plan, report, nil
}

// renamed maps the module's names to the source's.
func renamed(src Source, rename func(string) string) (map[string]string, error) {
	names := map[string]string{}
	for _, name := range src.Names() {
		to := name
		if rename != nil {
			if to = rename(name); to == "" {
				continue
			}
		}
		if other, ok := names[to]; ok {
			return nil, fault.New(fault.Conflict, "checkpoint: %s and %s are both renamed to %s", other, name, to)
		}
		names[to] = name
	}
	return names, nil
}

// misfit says why a tensor cannot go into an entry, "" where it can.
func misfit(e Entry, src Source, name string, o LoadOptions) string {
	in, _ := src.Info(name)
	what := e.Name
	if name != e.Name {
		what += " (" + name + ")"
	}
	whole := e.Var.Value.Dtype() == tensor.Int64
	switch {
	case !slices.Equal(in.Shape, e.Var.Shape()):
		return fmt.Sprintf("%s has shape %v, want %v", what, in.Shape, []int(e.Var.Shape()))
	case whole == in.Dtype.IsFloat():
		want := "floats"
		if whole {
			want = "integers"
		}
		return fmt.Sprintf("%s holds %s, want %s", what, in.Dtype, want)
	case in.Dtype == safetensors.F64 && !o.AllowRounding:
		return what + " holds F64, which would be rounded"
	}
	return ""
}

func enumerate(names []string) string { return enumerateBy(names, ", ") }

// enumerateBy joins the first ten and counts the rest.
func enumerateBy(items []string, by string) string {
	const shown = 10
	if len(items) <= shown {
		return strings.Join(items, by)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:shown], by), len(items)-shown)
}

// SaveState writes all entries of m as a safetensors file with metadata, which may
// be nil. The same values give the same bytes. Write to a temporary name and rename:
// an error leaves a part of the file behind.
func SaveState(w io.Writer, m Module, metadata map[string]string) error {
	var out []safetensors.Tensor
	for _, e := range Entries(m) {
		v := e.Var.Value
		if v.Dtype() == tensor.Int64 {
			out = append(out, safetensors.Int64Tensor(e.Name, v.Int64s(), v.Shape()...))
		} else {
			out = append(out, safetensors.Float32View(e.Name, v.Float32s(), v.Shape()...))
		}
	}
	return safetensors.Write(w, out, metadata)
}
