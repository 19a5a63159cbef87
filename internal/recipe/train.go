package recipe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Train is the section train: one configuration, or a sweep of them.
type Train struct {
	Runs []Run // every combination of the sweep, the last key changing fastest
	Out  string
	Keys []string // of the sweep, in the order of the recipe

	file  string
	lines map[string]int
}

// Run is one configuration. Method, Model, Optimizer and Schedule hold a "name" and
// its options: numbers (int64 or float64), text, booleans, lists and mappings.
type Run struct {
	Name      string           // of its folder: the swept values, or "run"
	Sweep     map[string]any   // path -> value, of this run
	From      []string         // addresses of built datasets
	Train     string           // split to train on
	Eval      string           // split to evaluate on
	Method    map[string]any   // one method
	Methods   []map[string]any // or several historical mechanisms at once
	Model     map[string]any
	Augment   string
	Optimizer map[string]any
	Schedule  map[string]any
	Epochs    int64
	Batch     int64
	EvalEvery int64 // epochs between evaluations
	Subset    int64 // of the training split, samples; 0: all
	ClipNorm  float64

	// Identity is the run's Hash with its data, filled in when it is resolved.
	Identity string

	CheckpointSteps int64 // 0: at the end of every epoch
	CheckpointKeep  int64
	Seed            int64
}

// maxRuns bounds a sweep.
const maxRuns = 10_000

func (r *Recipe) decodeTrain(d decoder, n *Node) (*Train, error) {
	t := &Train{file: r.File, lines: map[string]int{"": n.Line}}
	if n.kind != mappingKind {
		return nil, d.errorf(n, "train: want a mapping, found %s", n.describe())
	}
	for _, f := range n.Fields {
		t.lines[f.Name] = f.Line
	}
	if o := n.Get("out"); o != nil {
		if err := d.str(&t.Out, "out")(o); err != nil {
			return nil, err
		}
	}
	axes, err := d.sweep(n.Get("sweep"))
	if err != nil {
		return nil, err
	}
	total := 1
	for _, a := range axes {
		t.Keys = append(t.Keys, a.path)
		if total *= len(a.values); total > maxRuns {
			return nil, d.errorf(n.Get("sweep"), "sweep: more than %d combinations", maxRuns)
		}
	}
	for i := range total {
		run, err := r.decodeRun(d, n, axes, i)
		if err != nil {
			return nil, err
		}
		t.Runs = append(t.Runs, *run)
	}
	return t, nil
}

// axis is one key of a sweep.
type axis struct {
	path   string
	values []*Node
}

func (d decoder) sweep(n *Node) ([]axis, error) {
	if n == nil {
		return nil, nil
	}
	if n.kind != mappingKind {
		return nil, d.errorf(n, "sweep: want a mapping from keys to lists, such as {seed: [0, 1, 2]}, found %s", n.describe())
	}
	var axes []axis
	for _, f := range n.Fields {
		if f.Value.kind != listKind || len(f.Value.List) == 0 {
			return nil, d.errorf(f.Value, "sweep.%s: want a list of values", f.Name)
		}
		if f.Name == "out" || f.Name == "sweep" || f.Name == "from" {
			return nil, errorAt(d.file, f.Line, "sweep: %s cannot be swept", f.Name)
		}
		axes = append(axes, axis{f.Name, f.Value.List})
	}
	return axes, nil
}

// decodeRun is combination i of the sweep.
func (r *Recipe) decodeRun(d decoder, n *Node, axes []axis, i int) (*Run, error) {
	c := n.clone()
	run := &Run{Name: "run", Train: "train", Eval: "test", Epochs: 10, Batch: 64, EvalEvery: 1, CheckpointKeep: 2, Seed: r.Seed,
		Method:    map[string]any{"name": "none"},
		Optimizer: map[string]any{"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
		Schedule:  map[string]any{"name": "cosine"}}
	var parts []string
	for k := len(axes) - 1; k >= 0; k-- {
		a := axes[k]
		v := a.values[i%len(a.values)]
		i /= len(a.values)
		if err := c.set(strings.Split(a.path, "."), v.clone()); err != nil {
			return nil, d.errorf(v, "sweep.%s: %w", a.path, err)
		}
		if run.Sweep == nil {
			run.Sweep = map[string]any{}
		}
		run.Sweep[a.path] = v.plain()
		parts = append([]string{a.path + "=" + v.short()}, parts...)
	}
	if len(parts) > 0 {
		run.Name = folderName(strings.Join(parts, ","))
	}
	var splits, checkpoint, method *Node
	fields := map[string]func(*Node) error{
		"from":       func(n *Node) error { return d.names(&run.From, "from", n) },
		"splits":     keep(&splits),
		"method":     keep(&method),
		"model":      d.named(&run.Model, "model"),
		"augment":    d.str(&run.Augment, "augment"),
		"optimizer":  d.named(&run.Optimizer, "optimizer"),
		"schedule":   d.named(&run.Schedule, "schedule"),
		"epochs":     d.integer(&run.Epochs, "epochs", 1, 1<<20),
		"batch":      d.integer(&run.Batch, "batch", 1, 1<<20),
		"eval_every": d.integer(&run.EvalEvery, "eval_every", 1, 1<<20),
		"subset":     d.integer(&run.Subset, "subset", 1, 1<<40),
		"clip_norm":  d.number(&run.ClipNorm, "clip_norm", 0, 1e30),
		"checkpoint": keep(&checkpoint),
		"seed":       d.integer(&run.Seed, "seed", -1<<62, 1<<62),
		"sweep":      func(*Node) error { return nil },
		"out":        func(*Node) error { return nil },
	}
	if err := d.mapping(c, "train", fields); err != nil {
		return nil, err
	}
	if err := run.decodeParts(d, splits, checkpoint, method); err != nil {
		return nil, err
	}
	switch {
	case len(run.From) == 0:
		return nil, d.errorf(n, "train needs from: a built dataset, or a list of them")
	case run.Model == nil:
		return nil, d.errorf(n, "train needs a model, such as {name: resnet20}")
	}
	return run, nil
}

func (run *Run) decodeParts(d decoder, splits, checkpoint, method *Node) error {
	if splits != nil {
		if err := d.mapping(splits, "train.splits", map[string]func(*Node) error{"train": d.str(&run.Train, "splits.train"), "eval": d.str(&run.Eval, "splits.eval")}); err != nil {
			return err
		}
	}
	if checkpoint != nil {
		if err := d.mapping(checkpoint, "train.checkpoint", map[string]func(*Node) error{
			"every_steps": d.integer(&run.CheckpointSteps, "checkpoint.every_steps", 1, 1<<40),
			"keep":        d.integer(&run.CheckpointKeep, "checkpoint.keep", 1, 1000),
		}); err != nil {
			return err
		}
	}
	if method == nil {
		return nil
	}
	if method.kind != listKind {
		return d.named(&run.Method, "method")(method)
	}
	run.Method = nil
	for _, e := range method.List {
		var m map[string]any
		if err := d.named(&m, "method")(e); err != nil {
			return err
		}
		run.Methods = append(run.Methods, m)
	}
	if len(run.Methods) == 0 {
		return d.errorf(method, "method: the list is empty")
	}
	return nil
}

// named reads {name: x, ...}, or a name alone.
func (d decoder) named(dst *map[string]any, what string) func(*Node) error {
	return func(n *Node) error {
		if s, ok := n.Scalar.(string); ok && n.kind == scalarKind {
			*dst = map[string]any{"name": s}
			return nil
		}
		m, ok := n.plain().(map[string]any)
		if !ok {
			return d.errorf(n, "%s: want a name or a mapping such as {name: x}, found %s", what, n.describe())
		}
		if s, ok := m["name"].(string); !ok || s == "" {
			return d.errorf(n, "%s needs a name", what)
		}
		*dst = m
		return nil
	}
}

// names reads one name or a list.
func (d decoder) names(dst *[]string, what string, n *Node) error {
	if n.kind == listKind {
		return d.strings(dst, what)(n)
	}
	var s string
	if err := d.str(&s, what)(n); err != nil {
		return err
	}
	*dst = []string{s}
	return nil
}

// clone copies a tree, so that a sweep can change it.
func (n *Node) clone() *Node {
	c := *n
	c.List, c.Fields = nil, nil
	for _, e := range n.List {
		c.List = append(c.List, e.clone())
	}
	for _, f := range n.Fields {
		f.Value = f.Value.clone()
		c.Fields = append(c.Fields, f)
	}
	return &c
}

// plain is the node as Go values.
func (n *Node) plain() any {
	switch n.kind {
	case listKind:
		out := []any{}
		for _, e := range n.List {
			out = append(out, e.plain())
		}
		return out
	case mappingKind:
		out := map[string]any{}
		for _, f := range n.Fields {
			out[f.Name] = f.Value.plain()
		}
		return out
	}
	return n.Scalar
}

// short is the node's text for a folder's name.
func (n *Node) short() string {
	if n.kind == mappingKind {
		if name := n.Get("name"); name != nil {
			return name.Text
		}
	}
	if n.kind != scalarKind {
		b, _ := json.Marshal(n.plain())
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:4])
	}
	return n.Text
}

// maxFolder bounds a folder's name; what is longer ends in a hash.
const maxFolder = 120

// folderName makes text safe for any file system.
func folderName(text string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._=,+-", r) {
			return r
		}
		return '_'
	}, text)
	if safe == text && len(safe) <= maxFolder {
		return safe
	}
	sum := sha256.Sum256([]byte(text))
	return safe[:min(len(safe), maxFolder)] + "-" + hex.EncodeToString(sum[:4])
}

// placeTrain decides where the section reads and writes; see placeSew.
func (r *Recipe) placeTrain(dir string) error {
	t := r.Train
	places := map[string]string{}
	for i, text := range r.outs {
		places[text] = r.Builds[i].Out
	}
	if r.Sew != nil {
		places[r.sewOut] = r.Sew.Out
	}
	for i := range t.Runs {
		run := &t.Runs[i]
		for k, from := range run.From {
			if at, ok := places[from]; ok && from != "" {
				run.From[k] = at
			} else {
				run.From[k] = r.resolve(from)
			}
		}
		r.resolveFiles(run.Method)
		for _, m := range run.Methods {
			r.resolveFiles(m)
		}
	}
	var err error
	t.Out, err = r.outOf("train", t.Out, dir, len(r.Builds) == 0 && r.Sew == nil)
	return err
}

// TeacherWeights is the option of a method that names a file of weights.
const TeacherWeights = "teacher_weights"

// resolveFiles makes the file that a teacher's weights come from independent of
// the working directory.
func (r *Recipe) resolveFiles(method map[string]any) {
	if w, ok := method[TeacherWeights].(string); ok && w != "" {
		method[TeacherWeights] = r.resolve(w)
	}
}

// Errorf is a fault.Usage at the line of a key of the section.
func (t *Train) Errorf(key, format string, args ...any) error {
	line, ok := t.lines[key]
	if !ok {
		line = t.lines[""]
	}
	if t.file == "" {
		return fault.New(fault.Usage, format, args...)
	}
	return errorAt(t.file, line, format, args...)
}

// Hash names what a run computes: SHA-256 in hex of its configuration without
// places. sources are the root hashes of its datasets, extra what else decides
// the weights (the files that options name).
func (run *Run) Hash(sources []string, extra ...string) string {
	c := *run
	if c.Method[TeacherWeights] != nil { // a place; extra has the hash of what lies there
		c.Method = maps.Clone(c.Method)
		delete(c.Method, TeacherWeights)
	}
	c.Name, c.Sweep, c.From, c.Identity, c.CheckpointSteps, c.CheckpointKeep = "", nil, nil, "", 0, 0
	text, _ := json.Marshal(struct {
		Version int
		Run     Run
		Sources []string
		Extra   []string
	}{Version, c, sources, extra}) // plain values cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Config is the run as a JSON tree, for config.yaml and results.json.
func (run *Run) Config() map[string]any {
	out := map[string]any{
		"from": run.From, "splits": map[string]any{"train": run.Train, "eval": run.Eval}, "model": run.Model, "augment": run.Augment,
		"optimizer": run.Optimizer, "schedule": run.Schedule, "epochs": run.Epochs, "batch": run.Batch, "eval_every": run.EvalEvery,
		"checkpoint": map[string]any{"every_steps": run.CheckpointSteps, "keep": run.CheckpointKeep}, "seed": run.Seed,
	}
	if run.Methods != nil {
		out["method"] = run.Methods
	} else {
		out["method"] = run.Method
	}
	if run.Subset > 0 {
		out["subset"] = run.Subset
	}
	if run.ClipNorm > 0 {
		out["clip_norm"] = run.ClipNorm
	}
	return out
}

// Swept tells whether a sweep changes the key, or something below it.
func (t *Train) Swept(key string) bool {
	return slices.ContainsFunc(t.Keys, func(k string) bool { return k == key || strings.HasPrefix(k, key+".") })
}

// DropOptions removes the options of method that known does not hold. It returns
// those it removed, in order.
func (run *Run) DropOptions(known map[string]bool) []string {
	var dropped []string
	for _, name := range slices.Sorted(maps.Keys(run.Method)) {
		if name != "name" && !known[name] {
			dropped = append(dropped, name)
			delete(run.Method, name)
		}
	}
	return dropped
}

// String names the run for people.
func (run *Run) String() string { return fmt.Sprintf("%s (%v)", run.Name, run.Method["name"]) }

// DecodeRun reads a Run that was written as JSON; whole numbers of options are
// int64 again.
func DecodeRun(b []byte) (*Run, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	run := new(Run)
	if err := d.Decode(run); err != nil {
		return nil, fault.Wrap(fault.Bug, err)
	}
	for _, m := range append([]map[string]any{run.Sweep, run.Method, run.Model, run.Optimizer, run.Schedule}, run.Methods...) {
		for k, v := range m {
			m[k] = numbers(v)
		}
	}
	return run, nil
}

func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i
		}
		f, _ := x.Float64() // JSON holds no other
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	}
	return v
}
