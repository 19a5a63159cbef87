package datasets

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

type stub struct{ name string }

func (s stub) Spec() Spec {
	return Spec{Name: s.name, Task: Detection, Inputs: []Input{
		{Role: "images", Doc: "the directory of images", Required: true}, {Role: "labels"}}}
}
func (stub) Plan(context.Context, Inputs, *Planner) error    { return nil }
func (stub) Example(*Ref, [][]byte, *Meta) (*Example, error) { return &Example{}, nil }

func TestSourcesAreFoundByNameAndListedInOrder(t *testing.T) {
	for _, n := range []string{"zebra", "ant"} {
		Register(stub{n})
	}
	t.Cleanup(func() { delete(sources, "zebra"); delete(sources, "ant") })
	if s, ok := Lookup("ant"); !ok || s.Spec().Name != "ant" {
		t.Errorf("Lookup = %v, %v", s, ok)
	}
	if _, ok := Lookup("bee"); ok {
		t.Error("found a source that nobody registered")
	}
	if got := Names(); !slices.Equal(got, []string{"ant", "zebra"}) {
		t.Errorf("names %v", got)
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "ant registered twice") {
			t.Errorf("panic %v, want one that names the source", p)
		}
	}()
	Register(stub{"ant"})
}

func TestInputsAreHeldAgainstTheRolesOfTheSource(t *testing.T) {
	t.Parallel()
	spec := stub{"ant"}.Spec()
	for _, c := range []struct {
		in      Inputs
		message string
	}{
		{Inputs{"images": "a"}, ""},
		{Inputs{"images": "a", "labels": "b"}, ""},
		{Inputs{"images": ""}, "dataset ant needs inputs.images: the directory of images"},
		{Inputs{"labels": "b"}, "needs inputs.images"},
		{Inputs{"images": "a", "zz": "1", "pictures": "b"}, `no input "pictures"`},
	} {
		err := CheckInputs(spec, c.in)
		if c.message == "" && err != nil || c.message != "" && (fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), c.message)) {
			t.Errorf("%v: %v, want %q", c.in, err, c.message)
		}
	}
}

func TestAPlannerWantsAllSplitsOrThoseNamed(t *testing.T) {
	t.Parallel()
	if p := (&Planner{}); !p.Want("val") {
		t.Error("without names every split is wanted")
	}
	if p := (&Planner{Splits: []string{"train", "val"}}); !p.Want("val") || p.Want("test") {
		t.Error("with names only those are wanted")
	}
}

func TestClassesAreFoundByID(t *testing.T) {
	t.Parallel()
	m := Meta{Classes: []Class{{ID: 90}, {ID: 3}}}
	if got := m.ClassByID(); len(got) != 2 || got[90] != 0 || got[3] != 1 {
		t.Errorf("got %v", got)
	}
}
