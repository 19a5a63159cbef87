package main

import (
	"fmt"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

// listCmd is `tailorbird list`.
type listCmd struct {
	What string `arg:"" help:"datasets, formats, methods, transforms or kernels."`
	JSON bool   `help:"Print one JSON object."`
}

// entry is one line of a list.
type entry struct {
	Name    string  `json:"name"`
	Summary string  `json:"summary"`
	Task    string  `json:"task,omitempty"`
	Usage   string  `json:"usage,omitempty"`
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
	"methods":    func() []entry { return []entry{} }, // none yet
}

func (c *listCmd) Run(e *environment) error {
	e.json = c.JSON
	list, ok := lists[c.What]
	if !ok {
		return fault.New(fault.Usage, "list: no list %q%s", c.What, recipe.Suggest(c.What, []string{"datasets", "formats", "methods", "transforms", "kernels"}))
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

// listKernels names the hot loops and the form of each that serves here.
func listKernels() []entry {
	var out []entry
	for _, k := range kernelForms() {
		out = append(out, entry{Name: k.name, Summary: fmt.Sprintf("%s; in use: %s", k.doc, k.form)})
	}
	return out
}
