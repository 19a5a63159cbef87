package parquet

import (
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/datasets/formats"
)

func init() { formats.Register(Format{}) }

// Format is the "parquet" format.
type Format struct{}

// Name is the name in a recipe.
func (Format) Name() string { return "parquet" }

// Summary describes the format in one line.
func (Format) Summary() string {
	return "Parquet shards with image bytes, in the layout and with the features of Hugging Face datasets"
}

// Path is data/SPLIT-00000-of-00008.parquet.
func (Format) Path(split string, shard, shards int) string {
	return fmt.Sprintf("data/%s-%05d-of-%05d.parquet", split, shard, shards)
}

// NewWriter starts a shard. The bytes depend on the task, the classes and the
// examples alone.
func (Format) NewWriter(w io.Writer, h formats.Header) (formats.Writer, error) {
	return newWriter(w, h)
}

// NewReader opens a shard of size bytes and reads its footer.
func (Format) NewReader(r io.ReaderAt, size int64) (formats.Reader, error) {
	return newReader(r, size)
}
