package imagenet

import (
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/datasettest"
)

func TestSource(t *testing.T) {
	t.Parallel()
	train := archive(t, "n90000001.tar="+string(archive(t, "n90000001_1.JPEG=one", "n90000001_2.JPEG=two")),
		"n90000002.tar="+string(archive(t, "n90000002_7.JPEG=seven")))
	flat := tree(t, "ILSVRC2012_val_00000001.JPEG=a", "ILSVRC2012_val_00000002.JPEG=b", "ILSVRC2012_val_00000009.JPEG=z")
	for name, c := range map[string]datasettest.Case{
		"wnid directories": {Inputs: inputs(t, tree(t, "n90000001/n90000001_1.JPEG=x", "n90000003/n90000003_1.jpg=y")), Want: map[string]int{"train": 2}},
		"a tar of tars":    {Inputs: inputs(t, write(t, "ILSVRC2012_img_train.tar", train)), Want: map[string]int{"train": 3}},
		"flat with a solution": {Rejected: 4, Want: map[string]int{"val": 2},
			Inputs: inputs(t, flat, "labels", write(t, "LOC_val_solution.csv", []byte(solution)))},
		"flat with the kit": {Rejected: 1, Want: map[string]int{"val": 2},
			Inputs: inputs(t, flat, "labels", write(t, "truth.txt", []byte("1\n2\n")), "devkit", filepath.Join("testdata", "meta.mat"))},
	} {
		t.Run(name, func(t *testing.T) {
			c.Source = source{}
			datasettest.Run(t, c)
		})
	}
	if _, ok := datasets.Lookup("imagenet"); !ok {
		t.Error("imagenet is not registered")
	}
}
