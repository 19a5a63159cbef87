package recipe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Version is the recipe version that this package reads.
const Version = 1

// Recipe is one file. A section that it does not have is nil.
type Recipe struct {
	File   string // as it was named, for messages
	Dir    string // what relative paths are relative to
	Seed   int64
	Out    string // resolved; empty where the recipe names none
	Builds []Build
	Sew    *Sew
	Remove *Remove
	Train  *Train

	outs   []string // of the builds, as they were written
	sewOut string   // likewise
}

// Build is one entry of the section build.
type Build struct {
	Dataset          string
	Inputs           map[string]string // role -> resolved address
	Splits           []string          // empty: all that the inputs hold
	Transforms       string
	Formats          []string
	Shards           int64 // 0 where ShardBytes decides
	ShardBytes       int64
	ErrorBudget      float64 // share of the examples that may be rejected
	ClassErrorBudget float64 // share of one class's examples
	Out              string  // resolved
	Seed             int64

	written string // out, as it stands in the recipe
	file    string
	lines   map[string]int
}

// Defaults of a Build.
const (
	DefaultTransforms       = "keep"
	DefaultShardBytes       = 256 << 20
	DefaultErrorBudget      = 0.01
	DefaultClassErrorBudget = 0.5
)

// Load reads a recipe file and applies the settings PATH=VALUE in order.
func Load(file string, settings []string) (*Recipe, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.Usage, "recipe: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	return Parse(file, dir, text, settings)
}

// Parse reads a recipe's text; relative paths are relative to dir.
func Parse(file, dir string, text []byte, settings []string) (*Recipe, error) {
	root, err := parseTree(file, text)
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		if err := apply(root, s); err != nil {
			return nil, err
		}
	}
	r := &Recipe{File: file, Dir: dir}
	return r, r.decode(root)
}

func apply(root *Node, setting string) error {
	path, value, ok := strings.Cut(setting, "=")
	if !ok {
		return fault.New(fault.Usage, "--set %s: want PATH=VALUE, such as build.shards=4", setting)
	}
	v, err := parseTree("--set "+path, []byte(value))
	if err != nil {
		return err
	}
	if err := root.set(strings.Split(path, "."), v); err != nil {
		return fault.New(fault.Usage, "--set %s: %w", setting, err)
	}
	return nil
}

func (r *Recipe) decode(root *Node) error {
	d := decoder{r.File}
	version, out := int64(0), ""
	var builds, sew, remove, train *Node
	err := d.mapping(root, "the recipe", map[string]func(*Node) error{
		"version": d.integer(&version, "version", 0, 1<<31),
		"seed":    d.integer(&r.Seed, "seed", -1<<62, 1<<62),
		"out":     d.str(&out, "out"),
		"build":   keep(&builds),
		"sew":     keep(&sew),
		"remove":  keep(&remove),
		"train":   keep(&train),
	})
	if err != nil {
		return err
	}
	if version != Version {
		return d.errorf(root, "version is %d; this tool reads version: %d", version, Version)
	}
	if out != "" {
		r.Out = r.resolve(out)
	}
	if err := r.decodeBuilds(d, builds); err != nil {
		return err
	}
	if remove != nil {
		if r.Remove, err = r.decodeRemove(d, remove); err != nil {
			return err
		}
	}
	if sew != nil {
		if r.Sew, err = r.decodeSew(d, sew); err != nil {
			return err
		}
		r.sewOut = r.Sew.Out
	}
	if train != nil {
		r.Train, err = r.decodeTrain(d, train)
	}
	return err
}

func (r *Recipe) decodeBuilds(d decoder, builds *Node) error {
	if builds == nil {
		return nil
	}
	list := []*Node{builds}
	if builds.kind == listKind {
		list = builds.List
	}
	for _, n := range list {
		b, err := r.decodeBuild(d, n, builds.kind == listKind, "build", nil)
		if err != nil {
			return err
		}
		r.Builds, r.outs = append(r.Builds, b), append(r.outs, b.written)
	}
	return r.checkOuts(d, builds)
}

func keep(dst **Node) func(*Node) error {
	return func(n *Node) error { *dst = n; return nil }
}

// decodeBuild reads the section of that name: a build, with more keys of its own.
func (r *Recipe) decodeBuild(d decoder, n *Node, inList bool, section string, own map[string]func(*Node) error) (Build, error) {
	b := Build{
		Transforms: DefaultTransforms, Formats: []string{"webdataset"}, Seed: r.Seed,
		ErrorBudget: DefaultErrorBudget, ClassErrorBudget: DefaultClassErrorBudget, file: r.File, lines: map[string]int{"": n.Line},
	}
	var inputs *Node
	var out string
	fields := map[string]func(*Node) error{
		"dataset":            d.str(&b.Dataset, "dataset"),
		"inputs":             keep(&inputs),
		"splits":             d.strings(&b.Splits, "splits"),
		"transforms":         d.str(&b.Transforms, "transforms"),
		"formats":            d.strings(&b.Formats, "formats"),
		"shards":             d.integer(&b.Shards, "shards", 1, 1_000_000),
		"shard_bytes":        d.size(&b.ShardBytes, "shard_bytes"),
		"error_budget":       d.fraction(&b.ErrorBudget, "error_budget"),
		"class_error_budget": d.fraction(&b.ClassErrorBudget, "class_error_budget"),
		"out":                d.str(&out, "out"),
	}
	maps.Copy(fields, own)
	if err := d.mapping(n, section, fields); err != nil {
		return b, err
	}
	for _, f := range n.Fields {
		b.lines[f.Name] = f.Line
	}
	switch {
	case b.Dataset == "":
		return b, d.errorf(n, "%s needs a dataset", section)
	case inputs == nil:
		return b, d.errorf(n, "%s needs inputs", section)
	case b.Shards > 0 && b.ShardBytes > 0:
		return b, d.errorf(n, "give shards or shard_bytes, not both")
	case b.Shards == 0 && b.ShardBytes == 0:
		b.ShardBytes = DefaultShardBytes
	}
	if err := r.decodeInputs(d, inputs, &b); err != nil {
		return b, err
	}
	b.written = out
	return b, r.placeOut(d, n, &b, out, inList)
}

func (r *Recipe) decodeInputs(d decoder, n *Node, b *Build) error {
	if n.kind != mappingKind {
		return d.errorf(n, "inputs: want a mapping, found %s", n.describe())
	}
	b.Inputs = map[string]string{}
	for _, f := range n.Fields {
		var s string
		if err := d.str(&s, "inputs."+f.Name)(f.Value); err != nil {
			return err
		}
		if s == "" {
			return d.errorf(f.Value, "inputs.%s is empty", f.Name)
		}
		b.Inputs[f.Name] = r.resolve(s)
		b.lines["inputs."+f.Name] = f.Line
	}
	return nil
}

// placeOut decides where a build goes: its own out, in a list below the
// recipe's; without one the recipe's.
func (r *Recipe) placeOut(d decoder, n *Node, b *Build, out string, inList bool) error {
	switch {
	case out == "" && inList:
		return d.errorf(n, "each build of a list needs its own out")
	case out == "":
		b.Out = r.Out
	case r.Out != "" && !filepath.IsAbs(out) && blob.Scheme(out) == "":
		b.Out = blob.Join(r.Out, out)
	default:
		b.Out = out // below --out, or relative to the recipe: see Place
		if filepath.IsAbs(out) || blob.Scheme(out) != "" {
			b.Out = r.resolve(out)
		}
	}
	return nil
}

// Place sets the top-level output: a single build without an out of its own goes
// there, others into a folder below. With dir empty the recipe's own out counts,
// and relative ones are relative to the recipe.
func (r *Recipe) Place(dir string) error {
	var list []*Build
	for i := range r.Builds {
		list = append(list, &r.Builds[i])
	}
	if r.Remove != nil {
		list = append(list, &r.Remove.Build)
	}
	for _, b := range list {
		abs := filepath.IsAbs(b.Out) || blob.Scheme(b.Out) != ""
		switch {
		case dir != "" && b.lines["out"] == 0:
			b.Out = dir
		case dir != "":
			b.Out = blob.Join(dir, blob.Base(b.Out))
		case b.Out == "":
			return fault.New(fault.Usage, "%s: no out in the recipe; give one there or with --out DIR", r.File)
		case !abs:
			b.Out = r.resolve(b.Out)
		}
	}
	if r.Sew != nil {
		if err := r.placeSew(dir); err != nil {
			return err
		}
	}
	if r.Train != nil {
		return r.placeTrain(dir)
	}
	return nil
}

func (r *Recipe) checkOuts(d decoder, n *Node) error {
	seen := map[string]bool{}
	for _, b := range r.Builds {
		if b.Out != "" && seen[b.Out] {
			return d.errorf(n, "two builds have the out %s", b.Out)
		}
		seen[b.Out] = true
	}
	return nil
}

func (r *Recipe) resolve(addr string) string {
	if blob.Scheme(addr) != "" || filepath.IsAbs(addr) {
		return addr
	}
	return filepath.Join(r.Dir, addr)
}

// Errorf is a fault.Usage at the line of a key of b ("transforms",
// "inputs.images"; "" is the build itself).
func (b *Build) Errorf(key, format string, args ...any) error {
	line, ok := b.lines[key]
	if !ok {
		line = b.lines[""]
	}
	if b.file == "" {
		return fault.New(fault.Usage, format, args...)
	}
	return errorAt(b.file, line, format, args...)
}

// identity is what decides the bytes of a build, in the order of its JSON.
type identity struct {
	Version    int      `json:"version"`
	Seed       int64    `json:"seed"`
	Dataset    string   `json:"dataset"`
	Roles      []string `json:"roles"`
	Splits     []string `json:"splits"`
	Transforms string   `json:"transforms"`
	Formats    []string `json:"formats"`
	Shards     int64    `json:"shards"`
	ShardBytes int64    `json:"shard_bytes"`
}

// Hash names the output: SHA-256 in hex of what decides its bytes. Splits and
// formats count as sets; Transforms must be in its canonical form already.
func (b *Build) Hash() string {
	id := identity{Version: Version, Seed: b.Seed, Dataset: b.Dataset, Splits: sorted(b.Splits), Transforms: b.Transforms,
		Formats: sorted(b.Formats), Shards: b.Shards, ShardBytes: b.ShardBytes}
	for role := range b.Inputs {
		id.Roles = append(id.Roles, role)
	}
	sort.Strings(id.Roles)
	text, _ := json.Marshal(id) // strings and integers cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Encode writes the build as a recipe with every default filled in. Local
// inputs are relative to base, where the file will lie, so that it names no path
// of the machine beyond them.
func (b *Build) Encode(base string) []byte { return b.encode(base, "build", "") }

// encode writes the section of that name, with more lines of its own.
func (b *Build) encode(base, section, more string) []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "version: %d\nseed: %d\n%s:\n  dataset: %s\n  inputs:\n", Version, b.Seed, section, b.Dataset)
	roles := make([]string, 0, len(b.Inputs))
	for role := range b.Inputs {
		roles = append(roles, role)
	}
	sort.Strings(roles)
	for _, role := range roles {
		fmt.Fprintf(&w, "    %s: %s\n", role, quote(relative(base, b.Inputs[role])))
	}
	if len(b.Splits) > 0 {
		fmt.Fprintf(&w, "  splits: [%s]\n", quoteAll(b.Splits))
	}
	fmt.Fprintf(&w, "  transforms: %s\n  formats: [%s]\n", quote(b.Transforms), quoteAll(b.Formats))
	if b.Shards > 0 {
		fmt.Fprintf(&w, "  shards: %d\n", b.Shards)
	} else {
		fmt.Fprintf(&w, "  shard_bytes: %d\n", b.ShardBytes)
	}
	fmt.Fprintf(&w, "%s  error_budget: %g\n  class_error_budget: %g\nout: .\n", more, b.ErrorBudget, b.ClassErrorBudget)
	return w.Bytes()
}

func relative(base, addr string) string {
	if blob.Scheme(addr) != "" || blob.Scheme(base) != "" {
		return addr
	}
	if rel, err := filepath.Rel(base, addr); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.Base(addr)
}

func quote(s string) string {
	b, _ := json.Marshal(s) // JSON strings are YAML strings
	return string(b)
}

func quoteAll(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = quote(s)
	}
	return strings.Join(q, ", ")
}

func sorted(list []string) []string {
	out := append([]string{}, list...)
	sort.Strings(out)
	return out
}
