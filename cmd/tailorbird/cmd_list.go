package main

import (
	"fmt"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/methods/historical"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

// listCmd is `tailorbird list`.
type listCmd struct {
	What string `arg:"" help:"datasets, formats, methods, transforms or kernels."`
	JSON bool   `help:"Print one JSON object."`

	Historical bool `help:"With methods: the matrix of what the mechanisms of Historical Learning cover."`
}

// entry is one line of a list.
type entry struct {
	Name    string  `json:"name"`
	Summary string  `json:"summary"`
	Task    string  `json:"task,omitempty"`
	Usage   string  `json:"usage,omitempty"`
	Paper   string  `json:"paper,omitempty"`
	Inputs  []input `json:"inputs,omitempty"`
}

type input struct {
	Role     string `json:"role"`
	Doc      string `json:"doc"`
	Required bool   `json:"required"`
}

var lists = map[string]func() []entry{
	"datasets":   listDatasets,
	"formats":    listFormats,
	"transforms": listTransforms,
	"kernels":    listKernels,
	"methods":    listMethods,
}

func (c *listCmd) Run(e *environment) error {
	e.json = c.JSON
	list, ok := lists[c.What]
	if !ok {
		return fault.New(fault.Usage, "list: no list %q%s", c.What, recipe.Suggest(c.What, []string{"datasets", "formats", "methods", "transforms", "kernels"}))
	}
	if c.Historical {
		if c.What != "methods" {
			return fault.New(fault.Usage, "list: --historical goes with methods, not with %s", c.What)
		}
		return c.historical(e)
	}
	entries := list()
	if c.JSON {
		return e.print(map[string]any{"ok": true, c.What: entries})
	}
	for _, x := range entries {
		name := x.Name
		if x.Usage != "" {
			name = x.Usage
		}
		e.printf("%s\n    %s\n", name, x.Summary)
		if x.Paper != "" {
			e.printf("    %s\n", x.Paper)
		}
		for _, in := range x.Inputs {
			need := ""
			if in.Required {
				need = " (required)"
			}
			e.printf("    inputs.%s%s: %s\n", in.Role, need, in.Doc)
		}
	}
	return nil
}

func listDatasets() []entry {
	var out []entry
	for _, n := range datasets.Names() {
		src, _ := datasets.Lookup(n)
		s := src.Spec()
		x := entry{Name: n, Summary: s.Summary, Task: string(s.Task)}
		for _, in := range s.Inputs {
			x.Inputs = append(x.Inputs, input{in.Role, in.Doc, in.Required})
		}
		out = append(out, x)
	}
	return out
}

func listFormats() []entry {
	var out []entry
	for _, n := range formats.Names() {
		f, _ := formats.Lookup(n)
		out = append(out, entry{Name: n, Summary: f.Summary()})
	}
	return out
}

func listTransforms() []entry {
	var out []entry
	for _, o := range chain.Ops() {
		out = append(out, entry{Name: o.Name, Summary: o.Doc, Usage: o.Usage})
	}
	return out
}

func listMethods() []entry {
	var out []entry
	for _, n := range training.Names() {
		s, _ := training.Lookup(n)
		out = append(out, entry{Name: n, Summary: s.Summary, Paper: s.Paper})
	}
	return out
}

// mechanism is one row of the coverage matrix in JSON.
type mechanism struct {
	Spec    string `json:"spec"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Part    string `json:"part"`
	Store   string `json:"store"`
	Bytes   string `json:"bytes"` // a formula
	Summary string `json:"summary"`
	Paper   string `json:"paper,omitempty"`
}

func (c *listCmd) historical(e *environment) error {
	if !c.JSON {
		return historical.Coverage(e.out)
	}
	rows := []mechanism{}
	for _, i := range historical.List(historical.Key{}) {
		rows = append(rows, mechanism{i.Spec, i.Name, string(i.Key.Type), string(i.Key.Part), string(i.Key.Store), i.Formula, i.Summary, i.Paper})
	}
	return e.print(map[string]any{"ok": true, "historical": rows})
}

// listKernels names the hot loops and the form of each that serves here.
func listKernels() []entry {
	var out []entry
	for _, k := range kernelForms() {
		out = append(out, entry{Name: k.name, Summary: fmt.Sprintf("%s; in use: %s", k.doc, k.form)})
	}
	return out
}
