package tfrecord

import (
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/datasets/formats"
)

func init() { formats.Register(Format{}) }

// Format is the "tfrecord" format. It implements formats.Describer.
type Format struct{}

// Name is the name in a recipe.
func (Format) Name() string { return "tfrecord" }

// Summary describes the format in one line.
func (Format) Summary() string {
	return "TFRecord shards of tf.Example, opened by tfds.builder_from_directory"
}

// Path is tfrecord/SPLIT.tfrecord-00000-of-00008.
func (Format) Path(split string, shard, shards int) string {
	return fmt.Sprintf("tfrecord/%s.tfrecord-%05d-of-%05d", split, shard, shards)
}

// NewWriter starts a shard. The bytes depend on the task, the classes and the
// examples alone.
func (Format) NewWriter(w io.Writer, h formats.Header) (formats.Writer, error) {
	return newWriter(w, h), nil
}

// NewReader opens a shard of size bytes; it reads nothing yet.
func (Format) NewReader(r io.ReaderAt, size int64) (formats.Reader, error) {
	return &reader{r: r, size: size}, nil
}
