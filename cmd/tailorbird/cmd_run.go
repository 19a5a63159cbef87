package main

import (
	"bytes"
	"encoding/json"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
)

// runCmd is `tailorbird run`.
type runCmd struct {
	Recipe string `arg:"" help:"Recipe file." placeholder:"RECIPE"`
	Out    string `help:"Where it all goes: a directory; each section has its folder there." placeholder:"DIR"`

	pipelineFlags
}

// Run does the sections of the recipe in order: build, remove, sew, train. What is
// finished already is left as it is.
func (c *runCmd) Run(e *environment) error {
	if err := c.prepare(e); err != nil {
		return err
	}
	c.prepared = true
	r, err := c.load(c.Recipe)
	if err != nil {
		return err
	}
	results := map[string]json.RawMessage{}
	for _, section := range c.sections(r) {
		var out bytes.Buffer
		sub := *e
		if c.JSON {
			sub.out = &out
		}
		err := section.verb.Run(&sub)
		e.resume = sub.resume
		if err != nil {
			return err
		}
		if c.JSON {
			results[section.name] = bytes.TrimSpace(out.Bytes())
		}
	}
	if c.JSON {
		results["ok"] = json.RawMessage("true")
		return e.print(results)
	}
	return nil
}

// section is a part of a recipe with the verb that does it.
type section struct {
	name string
	verb interface{ Run(*environment) error }
}

func (c *runCmd) sections(r *recipe.Recipe) []section {
	var list []section
	if len(r.Builds) > 0 {
		list = append(list, section{"build", &buildCmd{Recipe: c.Recipe, Out: c.Out, pipelineFlags: c.pipelineFlags}})
	}
	if r.Remove != nil {
		list = append(list, section{"remove", &removeCmd{Recipe: c.Recipe, Out: c.Out, pipelineFlags: c.pipelineFlags}})
	}
	if r.Sew != nil {
		list = append(list, section{"sew", &sewCmd{Recipe: c.Recipe, Out: c.Out, pipelineFlags: c.pipelineFlags}})
	}
	if r.Train != nil {
		list = append(list, section{"train", &trainCmd{Recipe: c.Recipe, Out: c.Out, Together: 1, pipelineFlags: c.pipelineFlags}})
	}
	if len(list) == 0 {
		list = append(list, section{"", nothing{r.File}})
	}
	return list
}

// nothing is what a recipe without sections asks for.
type nothing struct{ file string }

func (n nothing) Run(*environment) error {
	return fault.New(fault.Usage, "%s: no section build, remove, sew or train", n.file)
}
