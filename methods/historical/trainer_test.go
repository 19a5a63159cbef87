package historical

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/methods/training"
)

// The loop of package training runs the mechanisms, with a last batch that is smaller
// than the others and with two views.
func TestTheTrainerRunsSeveralMechanisms(t *testing.T) {
	source := func() *training.InMemory {
		rng := rand.New(rand.NewPCG(1, 1))
		s := training.ImageSet{Height: side, Width: side, ClassNames: []string{"a", "b", "c", "d"}, Shuffle: true, Pad: 1}
		for i := range 20 {
			for range side * side * 3 {
				s.Pixels = append(s.Pixels, byte(rng.IntN(256)))
			}
			s.Labels, s.Keys = append(s.Labels, int64(i%classes)), append(s.Keys, fmt.Sprint(i))
		}
		d, err := training.NewInMemory(s)
		must(t, err)
		return d
	}
	for _, o := range []options{
		{"mechanisms": "ps_kd xbm center_loss moco weight_ema gem", "xbm.start": int64(0), "xbm.size": int64(16), "moco.size": int64(16), "gem.size": int64(side), "gem.samples": int64(4)},
		{"mechanisms": "dlb forgetting snapshot svrg cbn", "dlb.size": int64(side), "snapshot.members": int64(2)},
		{"mechanisms": "recursivemix swa nce_bank", "recursivemix.size": int64(side), "nce_bank.noise": int64(8)},
	} {
		t.Run(fmt.Sprint(o["mechanisms"]), func(t *testing.T) {
			tr, err := training.NewTrainer(training.Config{
				Dir: t.TempDir(), Epochs: 2, Batch: 6, EvalBatch: 7, Seed: 3, Workers: 1,
				Model:     training.Named{Name: "resnet8", Options: map[string]any{"width": 4}},
				Method:    training.Named{Name: "historical", Options: o},
				Optimiser: training.Named{Name: "sgd", Options: map[string]any{"lr": 0.01}},
				Schedule:  training.Named{Name: "cosine"},
				Train:     source(), Eval: source(),
			})
			must(t, err)
			defer tr.Close()
			_, err = tr.Run(context.Background())
			must(t, err)
		})
	}
}
