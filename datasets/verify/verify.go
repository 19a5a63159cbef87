package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/kernels/picture"
)

// Problem is one thing that is wrong.
type Problem struct {
	Path    string `json:"path"` // below the dataset's root
	Key     string `json:"key"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// The kinds of problems.
const (
	Manifest   = "manifest"   // the manifest itself, or a file that describes the dataset
	Missing    = "missing"    // a listed file is not there
	Size       = "size"       // a file has another size than listed
	Hash       = "hash"       // a file has other bytes than listed
	Structure  = "structure"  // a shard breaks its format
	Record     = "record"     // a record lacks or contradicts something
	Annotation = "annotation" // an annotation that cannot be true of its image
	Image      = "image"      // an image does not decode, or is not of its size
	Duplicate  = "duplicate"  // a key is there twice
	Count      = "count"      // numbers that do not agree
	Stray      = "stray"      // a file that nothing lists
)

// Options of a run. The zero value reads everything with all cores.
type Options struct {
	Fraction float64 // share of the shards to read, (0, 1]; anything else means all
	Quick    bool    // sizes and hashes only, no records
	Workers  int     // 0 means all cores
}

// Result is what was looked at.
type Result struct {
	Examples int
	Bytes    int64
	Problems int
}

// maxManifest bounds manifest.json.
const maxManifest = 1 << 30

// Run checks the dataset in dir and reports every problem. The error is for what
// keeps it from checking at all: nothing there, or a failing disk.
func Run(ctx context.Context, dir string, o Options, report func(Problem)) (Result, error) {
	c := &checker{ctx: ctx, dir: dir, opt: o}
	if c.opt.Workers <= 0 {
		c.opt.Workers = runtime.GOMAXPROCS(0)
	}
	if c.opt.Fraction <= 0 || c.opt.Fraction > 1 {
		c.opt.Fraction = 1
	}
	text, err := blob.ReadFile(ctx, blob.Join(dir, manifest.Name), maxManifest)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		err = c.foreign()
	case err != nil:
	default:
		err = c.ours(text)
	}
	if err != nil {
		return Result{}, err
	}
	counted := ""
	for _, s := range c.shards {
		if counted == "" && s.examples > 0 || c.m == nil {
			counted = s.Format // every format holds the same examples
		}
		if s.Format == counted {
			c.result.Examples += s.examples
		}
		c.result.Bytes += s.bytes
		c.problems = append(c.problems, s.problems...)
	}
	for _, p := range c.problems {
		report(p)
	}
	c.result.Problems = len(c.problems)
	return c.result, nil
}

// checker is one run.
type checker struct {
	ctx      context.Context
	dir      string
	opt      Options
	m        *manifest.Manifest // nil for a directory made by others
	classes  map[int64]int
	result   Result
	problems []Problem
	shards   []*shard
}

func (c *checker) problem(kind, path, key, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Key: key, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// ours checks a dataset that has a manifest. One of a later version is the
// error: what it says is not known here.
func (c *checker) ours(text []byte) error {
	m, err := manifest.Parse(text)
	if fault.CodeOf(err) == fault.Unsupported {
		return fault.At(err, fault.Place{Path: blob.Join(c.dir, manifest.Name)})
	}
	if err != nil {
		c.problem(Manifest, manifest.Name, "", "%v", err)
		return nil
	}
	c.m, c.classes = m, (&datasets.Meta{Classes: m.Classes}).ClassByID()
	for _, name := range m.SplitNames() {
		for _, x := range m.Splits[name].Shards {
			c.shards = append(c.shards, &shard{Shard: x, split: name, group: groupOf(name, x.Format), check: c.checkShard})
		}
	}
	if err := c.runShards(); err != nil {
		return err
	}
	if err := c.files(); err != nil {
		return err
	}
	if !c.opt.Quick {
		c.counts()
		c.keys()
	}
	return nil
}

func groupOf(split, format string) string { return split + "\x00" + format }

// choose marks the shards to read: a share of them by the hash of their names,
// and always the first of each group.
func (c *checker) choose() {
	seen := map[string]bool{}
	for _, s := range c.shards {
		sum := sha256.Sum256([]byte(s.Path))
		s.read = !seen[s.group] || float64(binary.BigEndian.Uint64(sum[:8])) <= c.opt.Fraction*(1<<64)
		seen[s.group] = true
	}
}

// worker is what one goroutine keeps from shard to shard.
type worker struct {
	pictures *picture.Decoder
	buf      []byte
}

func newWorker() *worker {
	return &worker{pictures: picture.NewDecoder(picture.Limits{}), buf: make([]byte, readBytes)}
}

// runShards checks the shards on the workers; the first failure of the
// machinery ends it.
func (c *checker) runShards() error {
	c.choose()
	progress.Local.Planned.Add(int64(len(c.shards)))
	var wg sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, min(c.opt.Workers, len(c.shards)))
	for i := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := newWorker()
			defer w.pictures.Close()
			for n := next.Add(1) - 1; n < int64(len(c.shards)) && !failed.Load(); n = next.Add(1) - 1 {
				s := c.shards[n]
				if errs[i] = s.check(s, w); errs[i] != nil {
					failed.Store(true)
				}
				progress.Local.Done.Add(1)
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return c.ctx.Err()
}
