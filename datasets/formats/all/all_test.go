package all_test

import (
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets/formats"
	_ "github.com/tailorbird/tailorbird/datasets/formats/all"
)

func TestEveryFormatIsRegistered(t *testing.T) {
	t.Parallel()
	if got, want := formats.Names(), []string{"coco", "parquet", "tfrecord", "webdataset"}; !slices.Equal(got, want) {
		t.Errorf("registered %v, want %v", got, want)
	}
}
