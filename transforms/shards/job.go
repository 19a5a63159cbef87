package shards

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Job is what every step must know. It travels inside the DoFns, so its fields
// are plain values.
type Job struct {
	RunID      string // names this launch, not its product
	Dataset    string
	Source     string // reads the inputs; empty: the source of that dataset
	Inputs     map[string]string
	Splits     []string
	Transforms string // canonical
	Formats    []string
	Shards     int   // a split; 0 where ShardBytes decides
	ShardBytes int64 // of source images
	Out        string
	Seed       int64
	RecipeHash string
	RecipeYAML string // as resolved
	Codec      string // what must decode and encode; "none" where pixels are kept

	Removal *Removal // nil: no objects are removed

	ErrorBudget      float64
	ClassErrorBudget float64

	Workers      int   // images at work in one process; 0: its cores
	MemoryBytes  int64 // ceiling of one process; 0: none given
	StartedUnix  int64 // nanoseconds; for the run report only
	Runner       string
	ReportImages int // pictures in report.html
}

// Item is the only thing that is shuffled.
type Item struct {
	Key    string // empty: a mark that the shard exists
	Name   string // of the image, below the input of role images
	Offset int64
	Length int64  // -1: missing
	Label  int    // class index, -1 where none
	Rows   []byte // places in the shard's rows file: see packRows
}

// ExtraDir, below the output, holds what a pipeline publishes beside its shards.
const ExtraDir = "extra"

// StateDir, below the output, holds what is not the dataset.
const StateDir = ".tailorbird"

// Directories lists the folders below an output that builds write to, StateDir
// last.
func Directories() []string {
	seen := map[string]bool{path.Dir(QuarantinePath): true, ExtraDir: true}
	for _, name := range formats.Names() {
		f, _ := formats.Lookup(name)
		seen[path.Dir(f.Path("train", 0, 1))] = true
		if m, ok := f.(formats.Merger); ok {
			seen[path.Dir(m.MergedPath("train"))] = true
		}
	}
	return append(slices.Sorted(maps.Keys(seen)), StateDir)
}

func (j *Job) state(elem ...string) string { return j.State(elem...) }

// State is the address of something that is not the dataset; it goes when the
// dataset is finished.
func (j *Job) State(elem ...string) string {
	return blob.Join(j.Out, append([]string{StateDir}, elem...)...)
}

func (j *Job) planPath() string { return j.state("plan.json") }

func (j *Job) rowsPath(split string, shard int) string {
	return j.state("rows", fmt.Sprintf("%s-%06d", split, shard))
}

func (j *Job) donePath(split string, shard int) string {
	return j.state("done", fmt.Sprintf("%s-%06d.json", split, shard))
}

func (j *Job) quarantinePath(split string, shard int) string {
	return j.state("quarantine", fmt.Sprintf("%s-%06d.jsonl", split, shard))
}

// OutcomePath is where the outcome of this launch is published.
func (j *Job) OutcomePath() string { return j.state("outcome-" + j.RunID + ".json") }

func (j *Job) stopPath() string { return j.state("stop-" + j.RunID) }

// Cores is how many images are at work in one process.
func (j *Job) Cores() int { return j.cores() }

// PixelBytes is how much of --memory goes to pixels in one process.
func (j *Job) PixelBytes() int64 {
	if j.MemoryBytes == 0 {
		return defaultPixels
	}
	return max(minPixels, (j.MemoryBytes-baseMemory)*2/3)
}

// cores is how many images are at work in this process.
func (j *Job) cores() int {
	if j.Workers > 0 {
		return j.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// input is the address of a span's object in the input of a role.
func (j *Job) input(role, name string) string {
	if name == "" {
		return j.Inputs[role]
	}
	return blob.Join(j.Inputs[role], name)
}

func (j *Job) source() (datasets.Source, error) {
	name := cmp.Or(j.Source, j.Dataset)
	s, ok := datasets.Lookup(name)
	if !ok {
		return nil, fault.New(fault.Bug, "worker has no dataset %q", name)
	}
	return s, nil
}

func (j *Job) formats() ([]formats.Format, error) {
	var out []formats.Format
	for _, name := range j.Formats {
		f, ok := formats.Lookup(name)
		if !ok {
			return nil, fault.New(fault.Bug, "worker has no format %q", name)
		}
		out = append(out, f)
	}
	return out, nil
}

// PlanState is plan.json: what all steps agree on.
type PlanState struct {
	RecipeHash string           `json:"recipe_hash"`
	Codec      string           `json:"codec"`
	Hash       string           `json:"hash"` // over every item, in order
	Splits     []PlannedSplit   `json:"splits"`
	Inputs     []manifest.Input `json:"inputs"`
	Meta       datasets.Meta    `json:"meta"`
	Notes      []string         `json:"notes"`
	Rejected   int              `json:"rejected"` // examples that the plan set aside
}

// PlannedSplit is one split of a plan.
type PlannedSplit struct {
	Name     string `json:"name"`
	Examples int    `json:"examples"`
	Shards   int    `json:"shards"`
}

// Examples counts what was planned and what the plan itself set aside: the
// number that the error budget is a share of.
func (p *PlanState) Examples() int {
	n := p.Rejected
	for _, s := range p.Splits {
		n += s.Examples
	}
	return n
}

func (p *PlanState) shards(split string) int {
	for _, s := range p.Splits {
		if s.Name == split {
			return s.Shards
		}
	}
	return 0
}

// maxPlan bounds plan.json: 22,000 classes with definitions are 10 MB.
const maxPlan = 256 << 20

// ReadPlan reads plan.json.
func ReadPlan(ctx context.Context, j *Job) (*PlanState, error) {
	b, err := blob.ReadFile(ctx, j.planPath(), maxPlan)
	if err != nil {
		return nil, err
	}
	p := new(PlanState)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fault.At(fault.New("", "plan: %w", err), fault.Place{Path: j.planPath()})
	}
	return p, nil
}

// Outcome is how a launch ended, for whoever started it.
type Outcome struct {
	Code    fault.Code `json:"code"` // empty: done
	Message string     `json:"message,omitempty"`
	Already bool       `json:"already,omitempty"` // the dataset was there
}

// PublishOutcome leaves an outcome; the first one of a launch counts.
func PublishOutcome(ctx context.Context, j *Job, o Outcome) error {
	b, err := json.Marshal(o)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	if _, err := blob.Put(ctx, j.OutcomePath(), b); err != nil && fault.CodeOf(err) != fault.Conflict {
		return err
	}
	return nil
}

// shardOf assigns a key to one of n shards by the first eight bytes of its
// SHA-256: it depends on nothing else.
func shardOf(key string, n int) int {
	sum := sha256.Sum256([]byte(key))
	var v uint64
	for _, b := range sum[:8] {
		v = v<<8 | uint64(b)
	}
	return int(v % uint64(n))
}

func hexSum(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
