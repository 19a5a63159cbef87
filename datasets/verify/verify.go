package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
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
	Fraction float64 // share of the shards to read, (0, 1]; 0 means all
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
	m        *manifest.Manifest
	classes  map[int64]int
	result   Result
	problems []Problem
	shards   []*shard
}

func (c *checker) problem(kind, path, key, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Key: key, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// shard is one file to check and what was found in it.
type shard struct {
	manifest.Shard
	split    string
	check    func(*shard, *picture.Decoder) error
	examples int
	bytes    int64
	keys     []string
	problems []Problem
}

func (s *shard) problem(kind, key, format string, args ...any) {
	s.problems = append(s.problems, Problem{Path: s.Path, Key: key, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// ours checks a dataset that has a manifest.
func (c *checker) ours(text []byte) error {
	m, err := manifest.Parse(text)
	if err != nil {
		c.problem(Manifest, manifest.Name, "", "%v", err)
		return nil
	}
	c.m, c.classes = m, (&datasets.Meta{Classes: m.Classes}).ClassByID()
	for _, name := range m.SplitNames() {
		for _, x := range m.Splits[name].Shards {
			c.shards = append(c.shards, &shard{Shard: x, split: name, check: c.checkShard})
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

// runShards checks the shards on the workers.
func (c *checker) runShards() error {
	var wg sync.WaitGroup
	work := make(chan *shard)
	errs := make([]error, c.opt.Workers)
	for i := range c.opt.Workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			d := picture.NewDecoder(picture.Limits{})
			defer d.Close()
			for s := range work {
				if errs[i] == nil {
					errs[i] = s.check(s, d)
				}
				progress.Local.Done.Add(1)
			}
		}()
	}
	progress.Local.Planned.Add(int64(len(c.shards)))
	for _, s := range c.shards {
		work <- s
	}
	close(work)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return c.ctx.Err()
}

// chosen reports whether a shard is in the share that is read. The first of each
// split always is.
func (c *checker) chosen(p string) bool {
	sum := sha256.Sum256([]byte(p))
	return float64(binary.BigEndian.Uint64(sum[:8])) <= c.opt.Fraction*(1<<64) || strings.Contains(p, "000000.") || strings.Contains(p, "-00000-of")
}

// checkShard checks one listed file: size, hashes, then records.
func (c *checker) checkShard(s *shard, d *picture.Decoder) error {
	o, err := blob.Open(c.ctx, blob.Join(c.dir, s.Path))
	if fault.CodeOf(err) == fault.NotFound {
		s.problem(Missing, "", "the file is not there")
		return nil
	}
	if err != nil {
		return err
	}
	defer o.Close()
	if o.Size() != s.Bytes {
		s.problem(Size, "", "%d bytes, the manifest says %d", o.Size(), s.Bytes)
	}
	if !c.chosen(s.Path) {
		return nil
	}
	s.bytes = o.Size()
	sum, crc, err := digest(c.ctx, o)
	if err != nil {
		return fault.At(err, fault.Place{Path: s.Path})
	}
	if sum != s.SHA256 {
		s.problem(Hash, "", "sha256 %s, the manifest says %s", sum, s.SHA256)
	}
	if crc != s.CRC32C {
		s.problem(Hash, "", "crc32c %s, the manifest says %s", crc, s.CRC32C)
	}
	if c.opt.Quick {
		return nil
	}
	return c.records(s, o, d)
}

// digest hashes a whole object.
func digest(ctx context.Context, o blob.Object) (sha, crc string, err error) {
	h, k := sha256.New(), crc32.New(crc32.MakeTable(crc32.Castagnoli))
	buf := make([]byte, 1<<20)
	r := io.NewSectionReader(o, 0, o.Size())
	for {
		n, err := r.Read(buf)
		h.Write(buf[:n])
		k.Write(buf[:n])
		progress.Local.Read.Add(int64(n))
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", "", err
		}
		if ctx.Err() != nil {
			return "", "", ctx.Err()
		}
	}
	return hex.EncodeToString(h.Sum(nil)), fmt.Sprintf("%08x", k.Sum32()), nil
}

// records reads every example of a shard.
func (c *checker) records(s *shard, o blob.Object, d *picture.Decoder) error {
	f, ok := formats.Lookup(s.Format)
	if !ok {
		s.problem(Manifest, "", "format %q is not known here", s.Format)
		return nil
	}
	if _, merged := f.(formats.Merger); merged {
		return c.annotations(s)
	}
	r, err := f.NewReader(o, o.Size())
	if err != nil {
		s.problem(Structure, "", "%v", err)
		return nil
	}
	last := ""
	for ex, err := range r.All() {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		s.examples++
		if err != nil {
			s.examples--
			s.problem(Structure, fault.PlaceOf(err).Key, "%v", err)
			continue
		}
		if ex.Key <= last && last != "" {
			kind := Structure
			if ex.Key == last {
				kind = Duplicate
			}
			s.problem(kind, ex.Key, "follows %s: keys must rise", last)
		}
		last = ex.Key
		s.keys = append(s.keys, ex.Key)
		c.example(s, ex, d)
	}
	if s.examples != s.Examples {
		s.problem(Count, "", "%d examples, the manifest says %d", s.examples, s.Examples)
	}
	return nil
}

// example checks one record against itself and its image.
func (c *checker) example(s *shard, ex *datasets.Example, d *picture.Decoder) {
	if ex.Split != s.split && ex.Split != "" {
		s.problem(Record, ex.Key, "split %q, the manifest says %q", ex.Split, s.split)
	}
	if string(ex.Task()) != c.m.Task {
		s.problem(Record, ex.Key, "has the fields of %s, the dataset is for %s", ex.Task(), c.m.Task)
	}
	if err := datasets.Validate(ex, ex.Width, ex.Height, c.classes); err != nil {
		s.problem(Annotation, ex.Key, "%v", err)
	}
	if len(ex.Image) == 0 {
		s.problem(Image, ex.Key, "no image")
		return
	}
	info, err := d.Info(ex.Image)
	if err == nil {
		err = d.Check(ex.Image)
	}
	if err != nil {
		s.problem(Image, ex.Key, "%v", err)
		return
	}
	if info.Width != ex.Width || info.Height != ex.Height {
		s.problem(Image, ex.Key, "the image has %d x %d pixels, its record says %d x %d", info.Width, info.Height, ex.Width, ex.Height)
	}
}

// files checks what the manifest lists besides shards, and looks for what it
// does not list.
func (c *checker) files() error {
	listed := map[string]bool{}
	for _, s := range c.shards {
		listed[s.Path] = true
	}
	for _, f := range c.m.Files {
		listed[f.Path] = true
		o, err := blob.Open(c.ctx, blob.Join(c.dir, f.Path))
		if fault.CodeOf(err) == fault.NotFound {
			c.problem(Missing, f.Path, "", "the file is not there")
			continue
		}
		if err != nil {
			return err
		}
		sum, _, err := digest(c.ctx, o)
		_ = o.Close()
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			c.problem(Hash, f.Path, "", "sha256 %s, the manifest says %s", sum, f.SHA256)
		}
	}
	for info, err := range blob.List(c.ctx, c.dir) {
		if err != nil {
			return err
		}
		top, _, inside := strings.Cut(info.Name, "/")
		switch {
		case strings.HasPrefix(path.Base(info.Name), ".tb-"), top == ".tailorbird":
			c.problem(Stray, info.Name, "", "left by an unfinished run")
		case inside && top != "quarantine" && !listed[info.Name]:
			c.problem(Stray, info.Name, "", "the manifest does not list it")
		}
	}
	return nil
}

// counts holds the splits' numbers against those of their shards.
func (c *checker) counts() {
	for _, name := range c.m.SplitNames() {
		by := map[string]int{}
		for _, s := range c.shards {
			if s.split == name {
				by[s.Format] += s.Examples
			}
		}
		for _, format := range sortedKeys(by) {
			if by[format] != c.m.Splits[name].Examples {
				c.problem(Count, manifest.Name, "", "split %s: the %s shards hold %d examples, the split says %d", name, format, by[format], c.m.Splits[name].Examples)
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// keys looks for keys that are in two shards of one split and format, and for
// formats that do not hold the same keys.
func (c *checker) keys() {
	type place struct{ split, format string }
	all := map[place][]string{}
	for _, s := range c.shards {
		p := place{s.split, s.Format}
		all[p] = append(all[p], s.keys...)
		s.keys = nil
	}
	for _, split := range c.m.SplitNames() {
		var first []string
		firstFormat := ""
		for _, format := range c.m.Formats() {
			list := all[place{split, format}]
			sort.Strings(list)
			for i := 1; i < len(list); i++ {
				if list[i] == list[i-1] {
					c.problem(Duplicate, format, list[i], "the key is there twice in split %s", split)
				}
			}
			if c.opt.Fraction < 1 {
				continue
			}
			if firstFormat == "" {
				first, firstFormat = list, format
			} else if missing, ok := difference(first, list); !ok {
				c.problem(Record, format, missing, "split %s: the key is in only one of %s and %s", split, firstFormat, format)
			}
		}
	}
}

// difference returns the first element that is in only one of two sorted lists.
func difference(a, b []string) (string, bool) {
	for i := 0; i < len(a) || i < len(b); i++ {
		switch {
		case i >= len(a):
			return b[i], false
		case i >= len(b):
			return a[i], false
		case a[i] != b[i]:
			return min(a[i], b[i]), false
		}
	}
	return "", true
}
