package datasettest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
)

// Case is one source with a small fixture.
type Case struct {
	Source   datasets.Source
	Inputs   datasets.Inputs // role -> path, relative to the test's directory
	Want     map[string]int  // examples a split, all of the fixture's splits
	Rejected int             // examples that Plan sets aside
	Missing  int             // images that the fixture does not hold (length -1)
}

// scheme is the address scheme under which the fixture is served a second time.
// A source that opens files by itself cannot follow there.
const scheme = "datasettest"

func init() { blob.Register(scheme, blob.NewLocal(blob.OS())) }

// checks are what Run holds a source to, in the order of a report.
var checks = []struct {
	name string
	run  func(k *kit) error
}{
	{"the plan is what the fixture holds", (*kit).counts},
	{"two plans at once are the same", (*kit).repeats},
	{"keys are valid and unique", (*kit).keys},
	{"spans lie inside their files", (*kit).spans},
	{"every example is built and survives JSON", (*kit).examples},
	{"a wanted split filters", (*kit).splits},
	{"a cancelled context ends the plan", (*kit).cancel},
	{"an error of Emit ends the plan", (*kit).emitError},
	{"a missing input is named", (*kit).missingInput},
	{"a missing or unknown role is a usage error", (*kit).roles},
	{"inputs are opened through blob", (*kit).throughBlob},
	{"damaged inputs give typed errors", (*kit).damage},
}

// Run runs all checks on c.
func Run(t *testing.T, c Case) {
	t.Helper()
	k, err := newKit(c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		t.Run(check.name, func(t *testing.T) {
			if err := check.run(k); err != nil {
				t.Error(err)
			}
		})
	}
}

// kit is a case with its plan.
type kit struct {
	Case
	dir  string // scratch
	plan plan
}

func newKit(c Case, dir string) (*kit, error) {
	in := datasets.Inputs{}
	for role, addr := range c.Inputs {
		abs, err := filepath.Abs(addr)
		if err != nil {
			return nil, err
		}
		in[role] = abs
	}
	c.Inputs = in
	k := &kit{Case: c, dir: dir}
	k.plan = k.planOf(in)
	if k.plan.err != nil {
		return nil, fmt.Errorf("plan: %w", k.plan.err)
	}
	return k, nil
}

// plan is all that Plan said.
type plan struct {
	Refs     []datasets.Ref
	Rejected []datasets.Rejection
	Inputs   []datasets.InputFile
	Meta     datasets.Meta
	err      error
}

// planOf plans in; a panic is an error that no check accepts.
func (k *kit) planOf(in datasets.Inputs, splits ...string) (pl plan) {
	return k.planWith(context.Background(), in, splits, func(datasets.Ref) error { return nil })
}

func (k *kit) planWith(ctx context.Context, in datasets.Inputs, splits []string, emit func(datasets.Ref) error) (pl plan) {
	p := &datasets.Planner{
		Splits: splits,
		Emit: func(r datasets.Ref) error {
			pl.Refs = append(pl.Refs, r)
			return emit(r)
		},
		Reject: func(r datasets.Rejection) error { pl.Rejected = append(pl.Rejected, r); return nil },
		Input:  func(f datasets.InputFile) { pl.Inputs = append(pl.Inputs, f) },
		Note:   func(string, ...any) {},
		Read:   func(int64) {},
	}
	defer func() {
		if r := recover(); r != nil {
			pl.err = &panicError{r}
		}
	}()
	err := k.Source.Plan(ctx, in, p)
	pl.Meta, pl.err = p.Meta, err
	return pl
}

// panicError is a panic of a source.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func panicked(err error) bool {
	var p *panicError
	return errors.As(err, &p)
}
