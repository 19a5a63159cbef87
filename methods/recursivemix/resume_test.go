package recursivemix

import (
	"testing"

	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/training/trainingtest"
)

// resumes runs the suite of the training loop: broken off, killed, with other
// threads and beside another run.
func resumes(t *testing.T, name string, options map[string]any) {
	t.Parallel()
	trainingtest.Resumes(t, func() training.Method {
		m, err := training.New(name, options)
		if err != nil {
			t.Fatal(err)
		}
		return m
	})
}

func TestRecursiveMixGoesOn(t *testing.T) {
	resumes(t, "recursivemix", map[string]any{"size": int64(trainingtest.Side)})
}

func TestCutMixGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("CutMix keeps nothing between steps")
	}
	resumes(t, "cutmix", nil)
}

func TestMixupGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("Mixup keeps nothing between steps")
	}
	resumes(t, "mixup", nil)
}
