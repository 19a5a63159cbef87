package built

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Dataset is a built dataset. It holds no open file.
type Dataset struct {
	Dir      string
	Manifest *manifest.Manifest
	format   formats.Format
}

// maxManifest bounds manifest.json: a line a shard, a few a class.
const maxManifest = 1 << 30

// readable are the formats that hold pictures, in the order of preference.
var readable = []string{"webdataset", "tfrecord", "parquet"}

// ReadManifest reads the manifest of a built dataset; without one dir is no
// dataset, and the error fault.NotFound.
func ReadManifest(ctx context.Context, dir string) (*manifest.Manifest, error) {
	b, err := blob.ReadFile(ctx, blob.Join(dir, manifest.Name), maxManifest)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.At(fault.New(fault.NotFound, "no %s: not a finished dataset", manifest.Name), fault.Place{Path: dir})
	}
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(b)
	return m, fault.At(err, fault.Place{Path: blob.Join(dir, manifest.Name)})
}

// Open reads the manifest at dir and chooses the format to read.
func Open(ctx context.Context, dir string) (*Dataset, error) { return OpenFormat(ctx, dir, "") }

// OpenFormat is Open for one of the formats that hold pictures; the empty name
// leaves the choice to Open. A format that the dataset does not have is
// fault.Usage.
func OpenFormat(ctx context.Context, dir, format string) (*Dataset, error) {
	m, err := ReadManifest(ctx, dir)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Dir: dir, Manifest: m}
	have := m.Formats()
	for _, name := range readable {
		if format != "" && format != name || !slices.Contains(have, name) {
			continue
		}
		if f, ok := formats.Lookup(name); ok {
			d.format = f
			return d, nil
		}
	}
	code := fault.Unsupported
	if format != "" {
		code = fault.Usage
	}
	return nil, fault.At(fault.New(code, "holds the formats %s; pictures are read from %s", strings.Join(have, ", "), strings.Join(readable, ", ")), fault.Place{Path: dir})
}

// Parse reads the example that starts at the Offset of a Place of r, which holds
// some records of a shard.
func (d *Dataset) Parse(r io.ReaderAt, size int64, at Place) (*datasets.Example, error) {
	f, err := d.format.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return f.Get(formats.Entry{Key: at.Key, Offset: at.Offset, Bytes: at.Bytes})
}

// Meta is what is true of the whole dataset.
func (d *Dataset) Meta() datasets.Meta {
	return datasets.Meta{Classes: d.Manifest.Classes, Licenses: d.Manifest.Licenses, Info: d.Manifest.Info}
}

// Format is the name of the format that is read.
func (d *Dataset) Format() string { return d.format.Name() }

// Shards lists the shards of a split in the format that is read, in order.
func (d *Dataset) Shards(split string) []manifest.Shard {
	var out []manifest.Shard
	for _, s := range d.Manifest.Splits[split].Shards {
		if s.Format == d.format.Name() {
			out = append(out, s)
		}
	}
	return out
}

// Place is where one example lies.
type Place struct {
	Shard  string `json:"shard"` // path below the dataset's root
	Key    string `json:"key"`
	Offset int64  `json:"offset"` // see formats.Entry
	Bytes  int64  `json:"bytes"`
}

// Row is one example of a Walk.
type Row struct {
	Place
	Example *datasets.Example // without its picture
	// Image reads the encoded picture. It may be called until visit returns.
	Image func() ([]byte, error)
}

// Walk visits the examples of a shard in order. A broken example goes to broken,
// which says whether to go on (nil) or not; without it the first ends the walk.
func (d *Dataset) Walk(ctx context.Context, shard manifest.Shard, visit func(*Row) error, broken func(error) error) error {
	o, err := blob.Open(ctx, blob.Join(d.Dir, shard.Path))
	if err != nil {
		return err
	}
	defer o.Close()
	if broken == nil {
		broken = func(err error) error { return err }
	}
	each := d.records
	if d.format.Name() == "webdataset" {
		each = d.samples
	}
	return fault.At(each(ctx, o, shard, visit, broken), fault.Place{Path: shard.Path})
}

// Index lists the places of a shard's examples, in order.
func (d *Dataset) Index(ctx context.Context, shard manifest.Shard) ([]Place, error) {
	o, err := blob.Open(ctx, blob.Join(d.Dir, shard.Path))
	if err != nil {
		return nil, err
	}
	defer o.Close()
	r, err := d.format.NewReader(o, o.Size())
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: shard.Path})
	}
	index, err := r.Index()
	places := make([]Place, len(index))
	for i, e := range index {
		places[i] = Place{shard.Path, e.Key, e.Offset, e.Bytes}
	}
	return places, fault.At(err, fault.Place{Path: shard.Path})
}

// Find reads the example of that key, of the first split in order that has it. A
// key that is not there is fault.Usage.
func (d *Dataset) Find(ctx context.Context, key string) (*datasets.Example, error) {
	for _, split := range d.Manifest.SplitNames() {
		for _, shard := range d.Shards(split) {
			places, err := d.Index(ctx, shard)
			if err != nil {
				return nil, err
			}
			for _, at := range places {
				if at.Key == key {
					pool := d.NewPool()
					defer pool.Close()
					return pool.Get(ctx, at)
				}
			}
		}
	}
	return nil, fault.At(fault.New(fault.Usage, "no example has this key"), fault.Place{Path: d.Dir, Key: key})
}

// WalkShard visits the records of a WebDataset shard below dir, pictures left
// where they are.
func WalkShard(ctx context.Context, dir string, shard manifest.Shard, visit func(*datasets.Example)) error {
	d := &Dataset{Dir: dir, format: webdataset.Format{}}
	return d.Walk(ctx, shard, func(r *Row) error { visit(r.Example); return nil }, nil)
}

// samples walks a tar and leaves pictures where they are.
func (d *Dataset) samples(ctx context.Context, o blob.Object, shard manifest.Shard, visit func(*Row) error, broken func(error) error) error {
	for s, err := range webdataset.NewReader(o, o.Size()).Samples() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var row *Row
		if err == nil {
			row, err = sampleRow(shard.Path, s)
		}
		if err != nil {
			err = broken(err)
		} else {
			err = visit(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sampleRow(path string, s webdataset.Sample) (*Row, error) {
	at := fault.Place{Key: s.Key, Offset: s.Offset, HasOffset: true}
	record, ok := s.File("json")
	picture, have := s.File("jpg", "png")
	if !ok || !have {
		return nil, fault.At(fault.New(fault.Corrupt, "sample without a record or a picture"), at)
	}
	text, err := record.Data()
	if err != nil {
		return nil, fault.At(err, at)
	}
	ex, err := shardio.Decode(text)
	if err != nil {
		return nil, fault.At(err, at)
	}
	ex.Ext = picture.Ext
	return &Row{Place: Place{path, s.Key, s.Offset, s.Bytes}, Example: ex, Image: picture.Data}, nil
}

// records walks a shard of any format, pictures included.
func (d *Dataset) records(ctx context.Context, o blob.Object, shard manifest.Shard, visit func(*Row) error, broken func(error) error) error {
	r, err := d.format.NewReader(o, o.Size())
	if err != nil {
		return err
	}
	index, err := r.Index()
	if err != nil {
		return err
	}
	for _, e := range index {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ex, err := r.Get(e)
		if err != nil {
			err = broken(err)
		} else {
			image := ex.Image
			ex.Image = nil
			err = visit(&Row{Place: Place{shard.Path, e.Key, e.Offset, e.Bytes}, Example: ex, Image: func() ([]byte, error) { return image, nil }})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
