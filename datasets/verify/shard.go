package verify

import (
	"fmt"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// shard is one file to check and what was found in it.
type shard struct {
	manifest.Shard
	split    string
	group    string // shards of one group have no key in common
	check    func(*shard, *worker) error
	read     bool // it is in the share that is read
	complete bool // every record was read
	examples int
	objects  int // annotations; -1 where the format does not tell
	bytes    int64
	keys     keyList
	problems []Problem
}

func (s *shard) problem(kind, key, format string, args ...any) {
	s.problems = append(s.problems, Problem{Path: s.Path, Key: key, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// broken notes damage that a reader met; what is no damage to data is returned.
func (s *shard) broken(key string, err error) error {
	code := fault.CodeOf(err)
	switch {
	case !code.IsData():
		return fault.At(err, fault.Place{Path: s.Path})
	case code == fault.Conflict:
		s.problem(Duplicate, key, "%v", err)
	default:
		s.problem(Structure, key, "%v", err)
	}
	s.complete = false
	return nil
}

// checkShard checks one listed file: size, hashes, then records.
func (c *checker) checkShard(s *shard, w *worker) error {
	o, err := blob.Open(c.ctx, blob.Join(c.dir, s.Path))
	if fault.CodeOf(err) == fault.NotFound {
		s.problem(Missing, "", "the file is not there")
		return nil
	}
	if err != nil {
		return err
	}
	defer o.Close()
	sized := o.Size() == s.Bytes
	if !sized {
		s.problem(Size, "", "%d bytes, the manifest says %d", o.Size(), s.Bytes)
	}
	if !s.read {
		return nil
	}
	s.bytes = o.Size()
	d := newDigester(c.ctx, o, w.buf)
	if !c.opt.Quick {
		if err := c.records(s, d, w); err != nil {
			return err
		}
	}
	sum, crc, err := d.sum()
	if err != nil {
		return fault.At(err, fault.Place{Path: s.Path})
	}
	if sized { // another size has other hashes too
		s.compare(sum, crc)
	}
	return nil
}

// compare holds the sums against the manifest's. What is wrong with the bytes
// comes before what is wrong with what they say.
func (s *shard) compare(sum, crc string) {
	later := s.problems
	s.problems = nil
	switch {
	case sum != s.SHA256:
		s.problem(Hash, "", "sha256 %s, the manifest says %s", sum, s.SHA256)
	case crc != s.CRC32C:
		s.problem(Hash, "", "crc32c %s, the manifest says %s", crc, s.CRC32C)
	}
	s.problems = append(s.problems, later...)
}

// records reads every example of a shard.
func (c *checker) records(s *shard, o blob.Object, w *worker) error {
	f, ok := formats.Lookup(s.Format)
	if !ok {
		s.problem(Manifest, "", "format %q is not known here", s.Format)
		return nil
	}
	if _, merged := f.(formats.Merger); merged {
		return c.annotations(s, o)
	}
	r, err := f.NewReader(o, o.Size())
	if err != nil {
		return s.broken("", err)
	}
	last := ""
	s.complete = true
	for ex, err := range r.All() {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err != nil {
			if err := s.broken(fault.PlaceOf(err).Key, err); err != nil {
				return err
			}
			continue
		}
		switch {
		case ex.Key == last:
			s.problem(Duplicate, ex.Key, "the key comes twice")
		case ex.Key < last:
			s.problem(Structure, ex.Key, "follows %s: keys must rise", last)
		}
		last = ex.Key
		c.example(s, ex, w)
	}
	s.count("examples")
	return nil
}

// count holds the number of examples against the manifest's, where all were read.
func (s *shard) count(what string) {
	if s.complete && s.examples != s.Examples {
		s.problem(Count, "", "%d %s, the manifest says %d", s.examples, what, s.Examples)
	}
}

// example checks one record against itself and its image.
func (c *checker) example(s *shard, ex *datasets.Example, w *worker) {
	s.examples++
	s.objects += objects(ex)
	s.keys.add(ex.Key)
	if ex.Split != s.split && ex.Split != "" {
		s.problem(Record, ex.Key, "split %q, the manifest says %q", ex.Split, s.split)
	}
	if string(ex.Task()) != c.m.Task {
		s.problem(Record, ex.Key, "has the fields of %s, the dataset is for %s", ex.Task(), c.m.Task)
		return
	}
	if err := datasets.Validate(ex, ex.Width, ex.Height, c.classes); err != nil {
		s.problem(Annotation, ex.Key, "%v", err)
	}
	if len(ex.Image) == 0 {
		s.problem(Image, ex.Key, "no image")
		return
	}
	info, err := w.pictures.Info(ex.Image)
	if err == nil {
		err = w.pictures.Check(ex.Image)
	}
	if err != nil {
		s.problem(Image, ex.Key, "%v", err)
		return
	}
	if info.Width != ex.Width || info.Height != ex.Height {
		s.problem(Image, ex.Key, "the image has %d x %d pixels, its record says %d x %d", info.Width, info.Height, ex.Width, ex.Height)
	}
}

// objects counts as the manifest does: objects, referred objects, or one class.
func objects(ex *datasets.Example) int {
	switch {
	case ex.Refs != nil:
		return len(*ex.Refs)
	case ex.Annotations != nil:
		return len(*ex.Annotations)
	}
	return 1
}
