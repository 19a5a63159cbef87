package shards

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"reflect"
	"sort"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
)

func init() {
	beam.RegisterType(reflect.TypeOf((*Item)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*planFn)(nil)).Elem())
	register.Emitter2[string, Item]()
}

// Plan walks the source on one worker and yields every item under its shard.
func Plan(s beam.Scope, job Job) beam.PCollection {
	s = s.Scope("shards.Plan")
	return beam.ParDo(s, &planFn{Job: job}, beam.Impulse(s))
}

type planFn struct{ Job Job }

// ProcessElement runs once, for the impulse.
func (fn *planFn) ProcessElement(ctx context.Context, _ []byte, emit func(string, Item)) error {
	err := RunPlan(ctx, &fn.Job, emit)
	if code := fault.CodeOf(err); code != "" && ctx.Err() == nil {
		// The inputs or the target are at fault: the user reads it in the outcome.
		// The bundle fails all the same, so that no shard is made of what was emitted.
		if perr := PublishOutcome(ctx, &fn.Job, Outcome{Code: code, Message: err.Error()}); perr != nil {
			return perr
		}
	}
	return err
}

// maxNotes bounds what a hostile input can make the plan carry.
const maxNotes = 100

// planner gathers what the source emits.
type planner struct {
	job     *Job
	emit    func(string, Item)
	stream  bool // items leave at once: the shard count is known and no rows go with them
	refs    map[string][]datasets.Ref
	state   PlanState
	counts  map[string]int
	bytes   map[string]int64
	hash    hash.Hash
	rejects blob.Writer
}

// RunPlan plans the job, publishes plan.json and the rows files, and emits the
// items. Where the output holds a finished dataset already it emits nothing and
// publishes an outcome instead.
func RunPlan(ctx context.Context, job *Job, emit func(string, Item)) error {
	src, err := job.source()
	if err != nil {
		return err
	}
	progress.Local.Phase(progress.Planning)
	existing, err := readManifest(ctx, job.Out)
	if err != nil {
		return err
	}
	p := &planner{job: job, emit: emit, refs: map[string][]datasets.Ref{}, counts: map[string]int{}, bytes: map[string]int64{}, hash: sha256.New()}
	p.stream = job.Shards > 0 && existing == nil && src.Spec().Task == datasets.Classification
	if p.rejects, err = blob.Create(ctx, job.state("quarantine", "plan.jsonl")); err != nil {
		return err
	}
	defer p.rejects.Close()
	if err := p.walk(ctx, src); err != nil {
		return err
	}
	if existing != nil {
		return PublishOutcome(ctx, job, p.compareWith(existing))
	}
	if err := p.publish(ctx); fault.CodeOf(err) != fault.Conflict {
		return err
	}
	return fault.New(fault.Occupied, "another build is at work here, or was left unfinished; finish or remove it first")
}

func readManifest(ctx context.Context, out string) (*manifest.Manifest, error) {
	b, err := blob.ReadFile(ctx, blob.Join(out, manifest.Name), maxPlan)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return manifest.Parse(b)
}

func (p *planner) walk(ctx context.Context, src datasets.Source) error {
	pl := datasets.Planner{
		Splits: p.job.Splits,
		Emit:   p.add,
		Reject: p.reject,
		Input:  func(f datasets.InputFile) { p.state.Inputs = append(p.state.Inputs, f) },
		Note: func(format string, args ...any) {
			if len(p.state.Notes) < maxNotes {
				p.state.Notes = append(p.state.Notes, fmt.Sprintf(format, args...))
			}
		},
		Read: func(n int64) { progress.Local.Scanned.Add(n) },
	}
	if err := src.Plan(ctx, p.job.Inputs, &pl); err != nil {
		return err
	}
	p.state.Meta = pl.Meta
	p.state.RecipeHash, p.state.Codec = p.job.RecipeHash, p.job.Codec
	sort.Slice(p.state.Inputs, func(i, j int) bool { return p.state.Inputs[i].Role < p.state.Inputs[j].Role })
	return nil
}

// add takes one ref from the source.
func (p *planner) add(r datasets.Ref) error {
	if err := datasets.CheckKey(r.Key); err != nil {
		return p.reject(datasets.Rejection{Key: r.Key, Split: r.Split, Stage: "plan", Reason: fault.CodeOf(err), Label: r.Label,
			Message: err.Error(), Source: datasets.Origin{Name: r.Image.Name, Offset: r.Image.Offset, Bytes: r.Image.Length}})
	}
	if err := datasets.CheckSplit(r.Split); err != nil {
		return err
	}
	fmt.Fprintf(p.hash, "%s %s %q %d %d %d\n", r.Split, r.Key, r.Image.Name, r.Image.Offset, r.Image.Length, r.Label)
	for _, row := range r.Rows {
		if row.Data != nil {
			fmt.Fprintf(p.hash, " %d:%s\n", len(row.Data), row.Data)
		} else {
			fmt.Fprintf(p.hash, " %d+%d\n", row.Offset, row.Length)
		}
	}
	p.counts[r.Split]++
	p.bytes[r.Split] += max(r.Image.Length, 0)
	progress.Local.Planned.Add(1)
	if p.stream && len(r.Rows) == 0 {
		p.emit(shardKey(r.Split, shardOf(r.Key, p.job.Shards)), itemOf(&r, nil))
		return nil
	}
	p.refs[r.Split] = append(p.refs[r.Split], r)
	return nil
}

func (p *planner) reject(r datasets.Rejection) error {
	if r.Stage == "" {
		r.Stage = "plan"
	}
	p.state.Rejected++
	progress.Local.Planned.Add(1)
	progress.Local.Done.Add(1)
	progress.Local.Reject(string(r.Reason))
	return writeLine(p.rejects, r)
}

func writeLine(w blob.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// compareWith decides what a finished dataset in the output's place means.
func (p *planner) compareWith(m *manifest.Manifest) Outcome {
	switch {
	case m.RecipeHash != p.job.RecipeHash:
		return Outcome{Code: fault.Occupied, Message: fmt.Sprintf("holds another dataset: recipe %.12s, this recipe is %.12s", m.RecipeHash, p.job.RecipeHash)}
	case m.Codec != p.job.Codec:
		return Outcome{Code: fault.Occupied, Message: fmt.Sprintf("was built with codec %s, here it is %s", m.Codec, p.job.Codec)}
	}
	for i, in := range p.state.Inputs {
		if i >= len(m.Inputs) || m.Inputs[i] != in {
			return Outcome{Code: fault.Occupied, Message: fmt.Sprintf("was built from other inputs: %s (%s) has changed", in.Role, in.Name)}
		}
	}
	return Outcome{Already: true}
}

// publish writes rows and plan, then lets the items go.
func (p *planner) publish(ctx context.Context) error {
	job := p.job
	for split, n := range p.counts {
		shards := job.Shards
		if shards == 0 {
			shards = int(max(1, math.Ceil(float64(p.bytes[split])/float64(job.ShardBytes))))
		}
		p.state.Splits = append(p.state.Splits, PlannedSplit{Name: split, Examples: n, Shards: shards})
	}
	sort.Slice(p.state.Splits, func(i, j int) bool { return p.state.Splits[i].Name < p.state.Splits[j].Name })
	if len(p.state.Splits) == 0 {
		return fault.New(fault.Usage, "the inputs hold no example%s", p.whichSplits())
	}
	p.state.Hash = hexSum([32]byte(p.hash.Sum(nil)))
	text, err := json.Marshal(&p.state)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	old, err := blob.ReadFile(ctx, job.planPath(), maxPlan)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
	case err != nil:
		return err
	case !bytes.Equal(old, text):
		return fault.New(fault.Occupied, "holds an unfinished build of another recipe, codec or input; finish or remove it first")
	}
	if _, err := p.rejects.Publish(ctx); err != nil {
		return err
	}
	failpoint.Hit("plan.rejections")
	for _, s := range p.state.Splits {
		if err := p.release(ctx, s, old != nil); err != nil {
			return err
		}
	}
	failpoint.Hit("plan.rows")
	if _, err := blob.Put(ctx, job.planPath(), text); err != nil {
		return err
	}
	failpoint.Hit("plan.published")
	return nil
}

func (p *planner) whichSplits() string {
	if len(p.job.Splits) == 0 {
		return ""
	}
	return fmt.Sprintf(" of the splits %v", p.job.Splits)
}

// release writes the rows files of one split, unless an earlier run did, and
// emits its items, and a mark for each shard so that an empty one is made too.
func (p *planner) release(ctx context.Context, s PlannedSplit, haveRows bool) error {
	refs := p.refs[s.Name]
	delete(p.refs, s.Name)
	layout := layRows(refs, s.Shards)
	if !haveRows {
		if err := layout.write(ctx, p.job, s.Name); err != nil {
			return err
		}
	}
	for i := range refs {
		p.emit(shardKey(s.Name, layout.shard(i)), itemOf(&refs[i], layout.pack(i)))
	}
	for k := 0; k < s.Shards; k++ {
		p.emit(shardKey(s.Name, k), Item{Label: -1})
	}
	return nil
}

func itemOf(r *datasets.Ref, rows []byte) Item {
	return Item{Key: r.Key, Name: r.Image.Name, Offset: r.Image.Offset, Length: r.Image.Length, Label: r.Label, Rows: rows}
}

func shardKey(split string, shard int) string { return fmt.Sprintf("%s/%06d", split, shard) }
