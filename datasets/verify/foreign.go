package verify

import (
	"path"
	"regexp"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/formats/tfrecord"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// foreign checks a directory without a manifest: WebDataset tars or TFRecord
// files made by others.
func (c *checker) foreign() error {
	unfinished := false
	for info, err := range blob.List(c.ctx, c.dir) {
		if err != nil {
			return err
		}
		s := &shard{Shard: manifest.Shard{Path: info.Name, Bytes: info.Size}, group: numbers.ReplaceAllString(info.Name, "")}
		base := path.Base(info.Name)
		switch {
		case strings.HasPrefix(info.Name, ".tailorbird/"):
			unfinished = true
			continue
		case strings.HasPrefix(base, "."):
			continue
		case strings.HasSuffix(base, ".tar"):
			s.Format, s.check = "webdataset", c.checkTar
		case recordName.MatchString(base):
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
	done := map[string]bool{}
	for _, s := range c.shards {
		if !done[s.group] {
			list, _ := c.gather(s.group)
			c.duplicates(list)
		}
		done[s.group] = true
	}
	return nil
}

var (
	// recordName is what TFRecord files are called, with and without an extension.
	recordName = regexp.MustCompile(`\.tfrecords?(-\d+-of-\d+)?$|-\d{5}-of-\d{5}$`)
	// numbers is what tells the shards of one split apart.
	numbers = regexp.MustCompile(`\d+(-of-\d+)?(\.tar|\.tfrecords?)?$`)
)

// imageExtensions are what WebDatasets call the images that are read here.
var imageExtensions = map[string]bool{"jpg": true, "jpeg": true, "png": true, "gif": true, "bmp": true, "webp": true}

// checkTar checks a WebDataset shard.
func (c *checker) checkTar(s *shard, w *worker) error {
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
			if err := s.broken(sample.Key, err); err != nil {
				return err
			}
			continue
		}
		s.examples++
		s.keys.add(sample.Key)
		if c.opt.Quick {
			continue
		}
		if err := s.images(sample, w); err != nil {
			return err
		}
	}
	return nil
}

// images decodes the images of a sample.
func (s *shard) images(sample webdataset.Sample, w *worker) error {
	for _, f := range sample.Files {
		if !imageExtensions[f.Ext[strings.LastIndexByte(f.Ext, '.')+1:]] {
			continue
		}
		data, err := f.Data()
		if err == nil {
			err = w.pictures.Check(data)
		}
		if fault.CodeOf(err).IsData() {
			s.problem(Image, sample.Key, "%s: byte %d: %v", f.Ext, f.Offset, err)
		} else if err != nil {
			return fault.At(err, fault.Place{Path: s.Path})
		}
	}
	return nil
}

// checkRecords checks a TFRecord file: framing, checksums, and images where the
// records are tf.Examples that hold some.
func (c *checker) checkRecords(s *shard, w *worker) error {
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
			if err := s.broken("", err); err != nil {
				return err
			}
			continue
		}
		s.examples++
		if c.opt.Quick {
			continue
		}
		for _, img := range rec.Images() {
			if err := w.pictures.Check(img); err != nil {
				s.problem(Image, "", "record at byte %d: %v", rec.Offset, err)
			}
		}
	}
	return nil
}

// open opens a foreign shard that the run has chosen; nil where it has not.
func (c *checker) open(s *shard) (blob.Object, error) {
	if !s.read {
		return nil, nil
	}
	o, err := blob.Open(c.ctx, blob.Join(c.dir, s.Path))
	if err == nil {
		s.bytes = o.Size()
	}
	return o, err
}
