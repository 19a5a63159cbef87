package recipe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Sew is the section sew.
type Sew struct {
	From      string // address of a built dataset; see Recipe.Place
	Split     string
	Plan      SewPlan
	Generator SewGenerator
	Localise  SewLocalise
	Filter    SewFilter
	Mix       SewMix

	Quality     int64 // of the JPEG files that are made
	Batch       int64 // samples that are made, and made durable, together
	Formats     []string
	Shards      int64 // 0 where ShardBytes decides
	ShardBytes  int64
	ErrorBudget float64
	Out         string
	Seed        int64

	file  string
	lines map[string]int
}

// SewPlan says how much of what is to be made.
type SewPlan struct {
	Classes        []string `json:"classes"` // rare, common, frequent, all, or names
	ImagesPerClass int64    `json:"images_per_class,omitempty"`
	TargetImages   int64    `json:"target_images,omitempty"`
	Budget         int64    `json:"budget,omitempty"`
	Sampling       string   `json:"sampling"`          // uniform, superlabel, scene
	NewOnly        bool     `json:"new_only"`          // never a class that the picture shows already
	Attempts       int64    `json:"attempts"`          // pictures tried for one sample
	Exclude        string   `json:"exclude,omitempty"` // address: an annotation file or a list of image ids that must not be touched
}

// SewGenerator says what makes the pictures. Which fields count follows from
// Kind.
type SewGenerator struct {
	Kind string `json:"kind"` // copy_paste, served

	Blend    string  `json:"blend,omitempty"` // copy_paste: hard, feather, poisson
	MaxCover float64 `json:"max_cover,omitempty"`

	URL           string        `json:"url,omitempty"` // served
	Timeout       time.Duration `json:"timeout,omitempty"`
	Retries       int64         `json:"retries,omitempty"`
	Concurrency   int64         `json:"concurrency,omitempty"`
	Header        string        `json:"header,omitempty"` // sent along; ${NAME} stands for an environment variable
	Geometry      string        `json:"geometry,omitempty"`
	Steps         int64         `json:"steps,omitempty"`
	Guidance      float64       `json:"guidance,omitempty"`
	ImageGuidance float64       `json:"image_guidance,omitempty"`
}

// SewLocalise says how the added object is found.
type SewLocalise struct {
	Kind string `json:"kind"` // difference
}

// SewFilter holds the thresholds of the verdicts; areas and overlaps are shares.
type SewFilter struct {
	MinArea     float64 `json:"min_area"`
	MaxArea     float64 `json:"max_area"`
	MaxChanged  float64 `json:"max_changed"`
	MaxDrift    float64 `json:"max_drift"`
	MaxOverlap  float64 `json:"max_overlap"`
	MinDistance int64   `json:"min_distance"` // bits between the perceptual hashes of two synthetic pictures
}

// SewMix is how a trainer should mix what is real and what is not.
type SewMix struct {
	Real      float64 `json:"real"`
	Synthetic float64 `json:"synthetic"`
	Threshold float64 `json:"threshold"` // t of repeat-factor sampling
}

// defaultSew has every default of the section.
func defaultSew() *Sew {
	return &Sew{
		Split:     "train",
		Plan:      SewPlan{Classes: []string{"rare"}, Sampling: "uniform", Attempts: 4},
		Localise:  SewLocalise{Kind: "difference"},
		Filter:    SewFilter{MinArea: 0.001, MaxArea: 0.6, MaxChanged: 0.6, MaxDrift: 0.05, MaxOverlap: 0.5, MinDistance: 4},
		Mix:       SewMix{Real: 0.8, Synthetic: 0.2, Threshold: 0.001},
		Quality:   95,
		Formats:   []string{"webdataset", "coco"},
		Generator: SewGenerator{Kind: "copy_paste", Blend: "feather", MaxCover: 0.3},

		ErrorBudget: DefaultErrorBudget,
	}
}

// servedDefaults are those of a generator behind HTTP; a picture of Add-SD takes
// 100 steps (specification section 3.2).
func servedDefaults() SewGenerator {
	return SewGenerator{Kind: "served", Timeout: 5 * time.Minute, Retries: 4, Concurrency: 2, Geometry: "crop", Steps: 100, Guidance: 7.5, ImageGuidance: 1.5}
}

func (r *Recipe) decodeSew(d decoder, n *Node) (*Sew, error) {
	s := defaultSew()
	s.Seed, s.file, s.lines = r.Seed, r.File, map[string]int{"": n.Line}
	var plan, generator, localise, filter, mix *Node
	var out string
	fields := map[string]func(*Node) error{
		"from":         d.str(&s.From, "from"),
		"split":        d.str(&s.Split, "split"),
		"plan":         keep(&plan),
		"generator":    keep(&generator),
		"localise":     keep(&localise),
		"filter":       keep(&filter),
		"mix":          keep(&mix),
		"quality":      d.integer(&s.Quality, "quality", 1, 100),
		"batch":        d.integer(&s.Batch, "batch", 1, 4096),
		"formats":      d.strings(&s.Formats, "formats"),
		"shards":       d.integer(&s.Shards, "shards", 1, 1_000_000),
		"shard_bytes":  d.size(&s.ShardBytes, "shard_bytes"),
		"error_budget": d.fraction(&s.ErrorBudget, "error_budget"),
		"out":          d.str(&out, "out"),
	}
	if err := d.mapping(n, "sew", fields); err != nil {
		return nil, err
	}
	for _, f := range n.Fields {
		s.lines[f.Name] = f.Line
	}
	switch {
	case s.From == "":
		return nil, d.errorf(n, "sew needs from: a built dataset")
	case s.Shards > 0 && s.ShardBytes > 0:
		return nil, d.errorf(n, "give shards or shard_bytes, not both")
	case s.Shards == 0 && s.ShardBytes == 0:
		s.ShardBytes = DefaultShardBytes
	}
	s.Out = out
	for _, part := range []struct {
		node   *Node
		decode func(decoder, *Node) error
	}{{plan, func(d decoder, n *Node) error { return s.Plan.decode(r, d, n) }}, {generator, s.Generator.decode}, {localise, s.Localise.decode}, {filter, s.Filter.decode}, {mix, s.Mix.decode}} {
		if part.node == nil {
			continue
		}
		if err := part.decode(d, part.node); err != nil {
			return nil, err
		}
	}
	if s.Batch == 0 {
		s.Batch = defaultBatch
		if s.Generator.Kind == "served" {
			s.Batch = servedBatch
		}
	}
	if s.Plan.ImagesPerClass == 0 && s.Plan.TargetImages == 0 && s.Plan.Budget == 0 {
		s.Plan.ImagesPerClass = defaultImagesPerClass
	}
	return s, nil
}

const (
	defaultImagesPerClass = 20
	defaultBatch          = 16
	servedBatch           = 4 // a picture costs seconds: less is lost where a batch is cut off
)

func (p *SewPlan) decode(r *Recipe, d decoder, n *Node) error {
	class := ""
	err := d.mapping(n, "sew.plan", map[string]func(*Node) error{
		"classes": func(n *Node) error {
			if n.kind == listKind {
				return d.strings(&p.Classes, "classes")(n)
			}
			if err := d.choice(&class, "classes", "rare", "common", "frequent", "all")(n); err != nil {
				return fault.New(fault.Usage, "%w; a list names classes", err)
			}
			p.Classes = []string{class}
			return nil
		},
		"images_per_class": d.integer(&p.ImagesPerClass, "images_per_class", 1, 1<<31),
		"target_images":    d.integer(&p.TargetImages, "target_images", 1, 1<<31),
		"budget":           d.integer(&p.Budget, "budget", 1, 1<<31),
		"sampling":         d.choice(&p.Sampling, "sampling", "uniform", "superlabel", "scene"),
		"new_only":         d.boolean(&p.NewOnly, "new_only"),
		"attempts":         d.integer(&p.Attempts, "attempts", 1, 64),
		"exclude":          d.str(&p.Exclude, "exclude"),
	})
	if err != nil {
		return err
	}
	if p.Exclude != "" {
		p.Exclude = r.resolve(p.Exclude)
	}
	if given(p.ImagesPerClass)+given(p.TargetImages)+given(p.Budget) > 1 {
		return d.errorf(n, "give one of images_per_class, target_images and budget")
	}
	return nil
}

func given(v int64) int {
	if v > 0 {
		return 1
	}
	return 0
}

func (g *SewGenerator) decode(d decoder, n *Node) error {
	kind := ""
	if n.kind == mappingKind {
		for _, f := range n.Fields {
			if f.Name == "kind" {
				if err := d.choice(&kind, "generator.kind", "copy_paste", "served")(f.Value); err != nil {
					return err
				}
			}
		}
	}
	fields := map[string]func(*Node) error{"kind": d.str(&kind, "kind")}
	switch kind {
	case "copy_paste":
		fields["blend"] = d.choice(&g.Blend, "generator.blend", "hard", "feather", "poisson")
		fields["max_cover"] = d.fraction(&g.MaxCover, "generator.max_cover")
	case "served":
		*g = servedDefaults()
		fields["url"] = d.str(&g.URL, "generator.url")
		fields["timeout"] = d.duration(&g.Timeout, "generator.timeout")
		fields["retries"] = d.integer(&g.Retries, "generator.retries", 0, 100)
		fields["concurrency"] = d.integer(&g.Concurrency, "generator.concurrency", 1, 1024)
		fields["header"] = d.str(&g.Header, "generator.header")
		fields["geometry"] = d.choice(&g.Geometry, "generator.geometry", "crop", "resize", "pad", "none")
		fields["steps"] = d.integer(&g.Steps, "generator.steps", 1, 10_000)
		fields["guidance"] = d.number(&g.Guidance, "generator.guidance", 0, 1000)
		fields["image_guidance"] = d.number(&g.ImageGuidance, "generator.image_guidance", 0, 1000)
	default:
		return d.errorf(n, "generator needs a kind: copy_paste or served")
	}
	if err := d.mapping(n, "sew.generator of kind "+kind, fields); err != nil {
		return err
	}
	if kind == "served" && g.URL == "" {
		return d.errorf(n, "generator served needs a url such as http://127.0.0.1:8188")
	}
	return nil
}

func (l *SewLocalise) decode(d decoder, n *Node) error {
	return d.mapping(n, "sew.localise", map[string]func(*Node) error{"kind": d.choice(&l.Kind, "localise.kind", "difference")})
}

func (f *SewFilter) decode(d decoder, n *Node) error {
	err := d.mapping(n, "sew.filter", map[string]func(*Node) error{
		"min_area":     d.fraction(&f.MinArea, "filter.min_area"),
		"max_area":     d.fraction(&f.MaxArea, "filter.max_area"),
		"max_changed":  d.fraction(&f.MaxChanged, "filter.max_changed"),
		"max_drift":    d.fraction(&f.MaxDrift, "filter.max_drift"),
		"max_overlap":  d.fraction(&f.MaxOverlap, "filter.max_overlap"),
		"min_distance": d.integer(&f.MinDistance, "filter.min_distance", 0, 64),
	})
	if err == nil && f.MinArea >= f.MaxArea {
		return d.errorf(n, "filter: min_area %g is not below max_area %g", f.MinArea, f.MaxArea)
	}
	return err
}

func (m *SewMix) decode(d decoder, n *Node) error {
	return d.mapping(n, "sew.mix", map[string]func(*Node) error{
		"real":      d.number(&m.Real, "mix.real", 1e-6, 1e6),
		"synthetic": d.number(&m.Synthetic, "mix.synthetic", 1e-6, 1e6),
		"threshold": d.number(&m.Threshold, "mix.threshold", 0, 1),
	})
}

// placeSew decides where the section reads and writes. from may be the out of a
// build of the same recipe, which lies where Place put that.
func (r *Recipe) placeSew(dir string) error {
	s := r.Sew
	from := ""
	for i, text := range r.outs {
		if text == s.From {
			from = r.Builds[i].Out
		}
	}
	if from == "" {
		from = r.resolve(s.From)
	}
	s.From = from
	var err error
	if s.Out, err = r.outOf("sew", s.Out, dir, len(r.Builds) == 0); err != nil {
		return err
	}
	if s.Out == s.From {
		return s.Errorf("out", "sew would write into the dataset that it reads: %s", s.Out)
	}
	return nil
}

// outOf decides where a section writes whose out is as given: below dir, the
// --out of the command, or the recipe's own; dir itself where the section is alone
// in its recipe.
func (r *Recipe) outOf(section, out, dir string, alone bool) (string, error) {
	switch abs := filepath.IsAbs(out) || blob.Scheme(out) != ""; {
	case dir != "" && (alone || out == ""):
		return dir, nil
	case dir != "":
		return blob.Join(dir, blob.Base(out)), nil
	case out == "" && r.Out == "":
		return "", fault.New(fault.Usage, "%s: %s has no out; give one there or with --out DIR", r.File, section)
	case out == "":
		return r.Out, nil
	case !abs && r.Out != "":
		return blob.Join(r.Out, out), nil
	}
	return r.resolve(out), nil
}

// Errorf is a fault.Usage at the line of a key of the section.
func (s *Sew) Errorf(key, format string, args ...any) error {
	line, ok := s.lines[key]
	if !ok {
		line = s.lines[""]
	}
	if s.file == "" {
		return fault.New(fault.Usage, format, args...)
	}
	return errorAt(s.file, line, format, args...)
}

// sewIdentity is what decides the bytes of a sewn dataset, beside its source.
type sewIdentity struct {
	Version    int          `json:"version"`
	Seed       int64        `json:"seed"`
	From       string       `json:"from"` // root hash of the source
	Split      string       `json:"split"`
	Plan       SewPlan      `json:"plan"`
	Exclude    string       `json:"exclude,omitempty"` // hash of the list
	Generator  SewGenerator `json:"generator"`
	Model      string       `json:"model"` // name, version and weights of what makes pictures
	Localise   SewLocalise  `json:"localise"`
	Filter     SewFilter    `json:"filter"`
	Mix        SewMix       `json:"mix"`
	Quality    int64        `json:"quality"`
	Formats    []string     `json:"formats"`
	Shards     int64        `json:"shards"`
	ShardBytes int64        `json:"shard_bytes"`
}

// Hash names the output: SHA-256 in hex of what decides its bytes. source is the
// root hash of the dataset that is sewn into, exclude the hash of what must not be
// touched, model names what makes the pictures.
func (s *Sew) Hash(source, exclude, model string) string {
	plan, generator := s.Plan, s.Generator
	plan.Exclude = ""
	generator.URL, generator.Timeout, generator.Retries, generator.Concurrency, generator.Header = "", 0, 0, 0, ""
	text, _ := json.Marshal(sewIdentity{Version, s.Seed, source, s.Split, plan, exclude, generator, model, s.Localise, s.Filter, s.Mix,
		s.Quality, sorted(s.Formats), s.Shards, s.ShardBytes}) // strings and numbers cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Encode writes the section as a recipe with every default filled in; addresses
// are relative to base, where the file will lie.
func (s *Sew) Encode(base string) []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "version: %d\nseed: %d\nsew:\n  from: %s\n  split: %s\n", Version, s.Seed, quote(relative(base, s.From)), quote(s.Split))
	p := &s.Plan
	fmt.Fprintf(&w, "  plan:\n    classes: %s\n", p.classes())
	for _, q := range []struct {
		name string
		n    int64
	}{{"images_per_class", p.ImagesPerClass}, {"target_images", p.TargetImages}, {"budget", p.Budget}} {
		if q.n > 0 {
			fmt.Fprintf(&w, "    %s: %d\n", q.name, q.n)
		}
	}
	fmt.Fprintf(&w, "    sampling: %s\n    new_only: %t\n    attempts: %d\n", p.Sampling, p.NewOnly, p.Attempts)
	if p.Exclude != "" {
		fmt.Fprintf(&w, "    exclude: %s\n", quote(relative(base, p.Exclude)))
	}
	s.Generator.encode(&w)
	f := &s.Filter
	fmt.Fprintf(&w, "  localise: {kind: %s}\n  filter: {min_area: %g, max_area: %g, max_changed: %g, max_drift: %g, max_overlap: %g, min_distance: %d}\n",
		s.Localise.Kind, f.MinArea, f.MaxArea, f.MaxChanged, f.MaxDrift, f.MaxOverlap, f.MinDistance)
	fmt.Fprintf(&w, "  mix: {real: %g, synthetic: %g, threshold: %g}\n  quality: %d\n  batch: %d\n  formats: [%s]\n",
		s.Mix.Real, s.Mix.Synthetic, s.Mix.Threshold, s.Quality, s.Batch, quoteAll(s.Formats))
	if s.Shards > 0 {
		fmt.Fprintf(&w, "  shards: %d\n", s.Shards)
	} else {
		fmt.Fprintf(&w, "  shard_bytes: %d\n", s.ShardBytes)
	}
	fmt.Fprintf(&w, "  error_budget: %g\nout: .\n", s.ErrorBudget)
	return w.Bytes()
}

func (p *SewPlan) classes() string {
	if len(p.Classes) == 1 {
		switch c := p.Classes[0]; c {
		case "rare", "common", "frequent", "all":
			return c
		}
	}
	return "[" + quoteAll(p.Classes) + "]"
}

func (g *SewGenerator) encode(w *bytes.Buffer) {
	fmt.Fprintf(w, "  generator:\n    kind: %s\n", g.Kind)
	if g.Kind == "copy_paste" {
		fmt.Fprintf(w, "    blend: %s\n    max_cover: %g\n", g.Blend, g.MaxCover)
		return
	}
	fmt.Fprintf(w, "    url: %s\n    timeout: %s\n    retries: %d\n    concurrency: %d\n", quote(g.URL), g.Timeout, g.Retries, g.Concurrency)
	if g.Header != "" {
		fmt.Fprintf(w, "    header: %s\n", quote(g.Header))
	}
	fmt.Fprintf(w, "    geometry: %s\n    steps: %d\n    guidance: %g\n    image_guidance: %g\n", g.Geometry, g.Steps, g.Guidance, g.ImageGuidance)
}
