package imagenet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

// sample is the folder of real ImageNet images beside the repository.
func sample(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("TAILORBIRD_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(shared, "data", "imagenet")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no sample of ImageNet: %v", err)
	}
	return dir
}

func TestTheSampleIsReadWhole(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	for _, c := range []struct {
		images, labels, split string
		want                  int
	}{
		{"train", "", "train", 619},
		{"val", "LOC_val_solution.csv", "val", 87},
		{"ILSVRC2012_img_train.tar", "", "train", 40},
	} {
		in := datasets.Inputs{"images": filepath.Join(dir, c.images), "synsets": filepath.Join(dir, "LOC_synset_mapping.txt")}
		if c.labels != "" {
			in["labels"] = filepath.Join(dir, c.labels)
		}
		o := planOf(in, c.split)
		if o.err != nil || len(o.refs) != c.want || len(o.rejected) != 0 || len(o.meta.Classes) != 1000 {
			t.Errorf("%s: %d images, %d set aside, error %v", c.images, len(o.refs), len(o.rejected), o.err)
		}
		for _, r := range o.refs {
			if r.Image.Name != "" && keyOf(stemOf(r.Image.Name)) != r.Key {
				t.Errorf("%s has the key %s", r.Image.Name, r.Key)
			}
		}
		t.Logf("%s: %d images; %q", c.images, len(o.refs), o.notes)
	}
}
