package cocojson

import (
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func init() { formats.Register(Format{}) }

// Format is the "coco" format. It implements formats.Merger.
type Format struct{}

// Name is the name in a recipe.
func (Format) Name() string { return "coco" }

// Summary describes the format in one line.
func (Format) Summary() string {
	return "one annotations/SPLIT.json in COCO, LVIS or REFER form, without images"
}

// Path is the fragment .tailorbird/coco/SPLIT-00000-of-00008.jsonl.
func (Format) Path(split string, shard, shards int) string {
	return fmt.Sprintf(".tailorbird/coco/%s-%05d-of-%05d.jsonl", split, shard, shards)
}

// MergedPath is annotations/SPLIT.json.
func (Format) MergedPath(split string) string { return "annotations/" + split + ".json" }

// NewWriter starts a fragment. A dataset without boxes is fault.Usage.
func (Format) NewWriter(w io.Writer, h formats.Header) (formats.Writer, error) {
	if h.Task == datasets.Classification {
		return nil, fault.New(fault.Usage, "format coco needs boxes; dataset %s has classes only", h.Dataset)
	}
	return &writer{w: w, lvis: h.Dataset == lvis, counts: tally{}}, nil
}

// NewReader opens a fragment of size bytes; it reads nothing yet.
func (Format) NewReader(r io.ReaderAt, size int64) (formats.Reader, error) {
	return &reader{r: r, size: size}, nil
}
