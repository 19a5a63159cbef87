package verify

import (
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/formats/tfrecord"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/kernels/picture"
)

// foreign checks a directory without a manifest: WebDataset tars or TFRecord
// files made by others.
func (c *checker) foreign() error {
	unfinished := false
	for info, err := range blob.List(c.ctx, c.dir) {
		if err != nil {
			return err
		}
		s := &shard{Shard: manifest.Shard{Path: info.Name, Bytes: info.Size}}
		base := path.Base(info.Name)
		switch {
		case strings.HasPrefix(info.Name, ".tailorbird/"):
			unfinished = true
			continue
		case strings.HasPrefix(base, "."):
			continue
		case strings.HasSuffix(base, ".tar"):
			s.Format, s.check = "webdataset", c.checkTar
		case strings.Contains(base, ".tfrecord"):
			s.Format, s.check = "tfrecord", c.checkRecords
		default:
			continue
		}
		c.shards = append(c.shards, s)
	}
	if unfinished {
		return fault.At(fault.New(fault.Usage, "no %s: the build is not finished; run it again to go on", manifest.Name), fault.Place{Path: c.dir})
	}
	if len(c.shards) == 0 {
		return fault.At(fault.New(fault.Usage, "no %s, no .tar and no .tfrecord files: nothing to verify", manifest.Name), fault.Place{Path: c.dir})
	}
	if err := c.runShards(); err != nil {
		return err
	}
	c.foreignDuplicates()
	return nil
}

// foreignDuplicates looks for a key in two tars of one directory and split: the
// name up to the first digit group tells the split.
func (c *checker) foreignDuplicates() {
	seen := map[string]string{}
	for _, s := range c.shards {
		group := strings.TrimRight(strings.TrimSuffix(s.Path, ".tar"), "0123456789")
		for _, k := range s.keys {
			id := group + "\x00" + k
			if first, twice := seen[id]; twice && first != s.Path {
				s.problem(Duplicate, k, "the key is in %s too", first)
			}
			seen[id] = s.Path
		}
		s.keys = nil
	}
}

// imageExtensions are what WebDatasets call their images.
var imageExtensions = map[string]bool{"jpg": true, "jpeg": true, "png": true, "gif": true, "bmp": true, "webp": true, "ppm": false}

// checkTar checks a WebDataset shard.
func (c *checker) checkTar(s *shard, d *picture.Decoder) error {
	o, err := c.open(s)
	if o == nil || err != nil {
		return err
	}
	defer o.Close()
	for sample, err := range webdataset.NewReader(o, o.Size()).Samples() {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err != nil {
			kind := Structure
			if fault.CodeOf(err) == fault.Conflict {
				kind = Duplicate
			}
			s.problem(kind, sample.Key, "%v", err)
			continue
		}
		s.examples++
		s.keys = append(s.keys, sample.Key)
		if c.opt.Quick {
			continue
		}
		for _, f := range sample.Files {
			ext := f.Ext[strings.LastIndexByte(f.Ext, '.')+1:]
			if !imageExtensions[strings.ToLower(ext)] {
				continue
			}
			data, err := f.Data()
			if err == nil {
				err = d.Check(data)
			}
			if err != nil {
				s.problem(Image, sample.Key, "%s: byte %d: %v", f.Ext, f.Offset, err)
			}
		}
	}
	return nil
}

// checkRecords checks a TFRecord file: framing, checksums, and images where the
// records are tf.Examples that hold some.
func (c *checker) checkRecords(s *shard, d *picture.Decoder) error {
	o, err := c.open(s)
	if o == nil || err != nil {
		return err
	}
	defer o.Close()
	for rec, err := range tfrecord.Records(o, o.Size()) {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err != nil {
			s.problem(Structure, "", "%v", err)
			continue
		}
		s.examples++
		if c.opt.Quick {
			continue
		}
		for _, img := range rec.Images() {
			if err := d.Check(img); err != nil {
				s.problem(Image, "", "record at byte %d: %v", rec.Offset, err)
			}
		}
	}
	return nil
}

// open opens a foreign shard that the run has chosen; nil where it has not.
func (c *checker) open(s *shard) (blob.Object, error) {
	if !c.chosen(s.Path) {
		return nil, nil
	}
	o, err := blob.Open(c.ctx, blob.Join(c.dir, s.Path))
	if err == nil {
		s.bytes = o.Size()
	}
	return o, err
}
