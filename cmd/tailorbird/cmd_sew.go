package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/sew"
	"github.com/tailorbird/tailorbird/runners"
	steps "github.com/tailorbird/tailorbird/transforms/sew"
)

// sewCmd is `tailorbird sew`.
type sewCmd struct {
	Recipe string   `arg:"" help:"Recipe file with a section sew; or replay DIR [KEY..]: make samples of a sewn dataset again and compare." placeholder:"RECIPE"`
	Args   []string `arg:"" optional:"" help:"Of replay." placeholder:"DIR KEY"`
	Out    string   `help:"Where the dataset goes: a directory or gs:// address." placeholder:"DIR"`

	pipelineFlags
}

// sewResult is the JSON object of sew: that of a build, and what was sewn.
type sewResult struct {
	buildResult
	Synthetic  int64                          `json:"synthetic"`
	Acceptance map[string]*steps.ClassOutcome `json:"acceptance"`
}

func (c *sewCmd) Run(e *environment) error {
	if c.Recipe == "replay" {
		return c.replay(e)
	}
	if len(c.Args) > 0 {
		return fault.New(fault.Usage, "%q: sew takes one recipe, or replay DIR [KEY..]", c.Args[0])
	}
	if err := c.prepare(e); err != nil {
		return err
	}
	stopProfile, err := c.profile()
	if err != nil {
		return err
	}
	defer stopProfile()
	section, err := c.section(e)
	if err != nil {
		return err
	}
	job, err := sew.Resolve(e.ctx, section)
	if err != nil {
		return err
	}
	job.Shards.Runner, job.Shards.Workers, job.Shards.MemoryBytes = c.Runner, c.Workers, c.memoryBytes
	if c.Fresh {
		if err := startAfresh(e, &job.Shards); err != nil {
			return err
		}
	}
	start := time.Now()
	e.resume = fmt.Sprintf("; the finished batches are in %s, the same command goes on from there", job.Shards.Out)
	stop := c.showProgress(e)
	m, err := sew.Run(e.ctx, job, runners.Executor(c.Runner))
	stop()
	if err != nil {
		return err
	}
	return c.print(e, &job, m, start)
}

// section reads the recipe's section.
func (c *sewCmd) section(e *environment) (*recipe.Sew, error) {
	return sewSection(&c.pipelineFlags, c.Recipe, c.Out)
}

func sewSection(f *pipelineFlags, file, out string) (*recipe.Sew, error) {
	r, err := f.load(file)
	if err != nil {
		return nil, err
	}
	return sewSectionOf(f, r, out)
}

func sewSectionOf(f *pipelineFlags, r *recipe.Recipe, out string) (_ *recipe.Sew, err error) {
	if r.Sew == nil {
		return nil, fault.New(fault.Usage, "%s: no section sew", r.File)
	}
	if out != "" {
		if out, err = absolute(out); err != nil {
			return nil, err
		}
	}
	if err := r.Place(out); err != nil {
		return nil, err
	}
	if err := runners.CheckReach(f.Runner, "sew.from", r.Sew.From); err != nil {
		return nil, err
	}
	return r.Sew, runners.CheckReach(f.Runner, "sew.out", r.Sew.Out)
}

func (c *sewCmd) print(e *environment, job *steps.Job, m *manifest.Manifest, start time.Time) error {
	res := sewResult{buildResult: resultOf(&job.Shards, m, start)}
	var err error
	if res.Acceptance, err = sew.Acceptance(e.ctx, job.Shards.Out); err != nil {
		return err
	}
	var planned, generated int64
	rejected := map[string]int64{}
	for _, o := range res.Acceptance {
		res.Synthetic += o.Accepted
		planned += o.Planned
		generated += o.Generated
		for reason, n := range o.Rejected {
			rejected[string(reason)] += n
		}
	}
	if c.JSON {
		return e.print(res)
	}
	res.summarise(e)
	e.printf("  %d synthetic examples of %d planned, %d pictures made%s\n", res.Synthetic, planned, generated, reasonsText(rejected))
	return nil
}

// reasonsText lists what was rejected, most frequent first.
func reasonsText(n map[string]int64) string {
	var parts []string
	for len(n) > 0 {
		best := ""
		for r := range n {
			if best == "" || n[r] > n[best] || n[r] == n[best] && r < best {
				best = r
			}
		}
		parts = append(parts, fmt.Sprintf("%d %s", n[best], best))
		delete(n, best)
	}
	if len(parts) == 0 {
		return ""
	}
	return "; rejected: " + strings.Join(parts, ", ")
}

// replayed is how many samples are made again where no key is named.
const replayed = 8

// replay makes samples again and compares.
func (c *sewCmd) replay(e *environment) error {
	e.json = c.JSON
	if len(c.Args) == 0 {
		return fault.New(fault.Usage, "sew replay needs a sewn dataset: sew replay DIR [KEY..]")
	}
	dir, err := absolute(c.Args[0])
	if err != nil {
		return err
	}
	keys := c.Args[1:]
	if len(keys) == 0 {
		if keys, err = sew.SyntheticKeys(e.ctx, dir, replayed); err != nil {
			return err
		}
	}
	same := true
	var list []*sew.Replayed
	for _, key := range keys {
		r, err := sew.Replay(e.ctx, dir, key)
		if err != nil {
			return err
		}
		list = append(list, r)
		same = same && r.Same
		if !c.JSON {
			printReplayed(e, r)
		}
	}
	if c.JSON {
		err = e.print(map[string]any{"ok": same || !list[0].Deterministic, "same": same, "samples": list})
	}
	if err == nil && !same && list[0].Deterministic {
		return errDamage
	}
	return err
}

func printReplayed(e *environment, r *sew.Replayed) {
	switch {
	case r.Same:
		e.printf("%s: the same, picture and record, to the byte\n", r.Key)
	case r.Rejected != "":
		e.printf("%s: the picture made now is rejected: %s\n", r.Key, r.Rejected)
	case r.SamePicture:
		e.printf("%s: the same picture, another record\n", r.Key)
	default:
		e.printf("%s: another picture: mean change %.3f of 255, largest %d, IoU of the boxes %.3f\n", r.Key, r.MeanChange, r.MaxChange, r.BoxIoU)
	}
	if !r.Same && r.Deterministic {
		e.printf("  the generator promises the same bytes: the dataset, its source or this program has changed\n")
	}
}

// explainCmd is `tailorbird explain`.
type explainCmd struct {
	Dir  string `arg:"" help:"A built or sewn dataset." placeholder:"DIR"`
	Key  string `arg:"" help:"Of the example." placeholder:"KEY"`
	JSON bool   `help:"Print one JSON object: the example's record."`
}

func (c *explainCmd) Run(e *environment) error {
	e.json = c.JSON
	dir, err := absolute(c.Dir)
	if err != nil {
		return err
	}
	ex, text, err := sew.Explain(e.ctx, dir, c.Key)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.print(map[string]any{"ok": true, "example": ex})
	}
	e.printf("%s", text)
	return nil
}

// planCmd is `tailorbird plan`.
type planCmd struct {
	Recipe string `arg:"" help:"Recipe file with a section sew." placeholder:"RECIPE"`
	Page   string `help:"Write the chart of class frequencies, before and after, as a page." placeholder:"FILE"`

	Workers  int      `help:"Cores that the run will use; 0 means all." placeholder:"N"`
	JSON     bool     `help:"Print one JSON object at the end; all else goes to stderr."`
	Progress string   `help:"How to show progress: auto, bar, lines or none." enum:"auto,bar,lines,none" default:"auto"`
	Seed     *int64   `help:"The run seed, instead of the recipe's." group:"advanced" placeholder:"N"`
	Set      []string `help:"Override one value of the recipe; repeatable." sep:"none" group:"advanced" placeholder:"PATH=VALUE"`
}

// section reads the recipe. A plan writes nothing, so the recipe needs no out.
func (c *planCmd) section(f *pipelineFlags) (*recipe.Sew, error) {
	r, err := f.load(c.Recipe)
	if err != nil {
		return nil, err
	}
	if r.Sew != nil && r.Sew.Out == "" && r.Out == "" {
		r.Sew.Out = "unused"
	}
	return sewSectionOf(f, r, "")
}

func (c *planCmd) Run(e *environment) error {
	e.json = c.JSON
	f := pipelineFlags{Workers: c.Workers, Seed: c.Seed, Set: c.Set, Runner: "prism"}
	section, err := c.section(&f)
	if err != nil {
		return err
	}
	stop := e.showProgress(c.Progress)
	p, err := sew.PreviewOf(e.ctx, section, c.Workers, 0)
	stop()
	if err != nil {
		return err
	}
	if c.Page != "" {
		page, err := p.Page(section)
		if err != nil {
			return err
		}
		if err := blob.Replace(e.ctx, c.Page, page); err != nil {
			return err
		}
	}
	if c.JSON {
		return e.print(p.JSON())
	}
	if err := p.WriteText(e.out); err != nil {
		return err
	}
	if c.Page != "" {
		e.printf("see %s\n", c.Page)
	}
	return nil
}
