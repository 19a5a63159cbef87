package webdataset

import (
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/datasets/formats"
)

func init() { formats.Register(Format{}) }

// Format is the "webdataset" format.
type Format struct{}

// Name is the name in a recipe.
func (Format) Name() string { return "webdataset" }

// Summary describes the format in one line.
func (Format) Summary() string {
	return "tar shards of KEY.jpg, KEY.json (and KEY.cls), as WebDataset and most PyTorch loaders read them"
}

// Path is webdataset/SPLIT-000000.tar.
func (Format) Path(split string, shard, shards int) string {
	return fmt.Sprintf("webdataset/%s-%06d.tar", split, shard)
}

// NewWriter starts a tar. The bytes depend on the examples alone.
func (Format) NewWriter(w io.Writer, h formats.Header) (formats.Writer, error) {
	return &writer{w: w}, nil
}

// NewReader opens a tar of size bytes; it reads nothing yet.
func (Format) NewReader(r io.ReaderAt, size int64) (formats.Reader, error) {
	return NewReader(r, size), nil
}
