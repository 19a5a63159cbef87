package training_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tailorbird/tailorbird/methods/training"
)

// A network of one stage tells dark images from bright ones.
func ExampleTrainer_Run() {
	set := training.ImageSet{Height: 4, Width: 4, ClassNames: []string{"dark", "bright"}, Shuffle: true}
	for i := range 64 {
		set.Keys = append(set.Keys, fmt.Sprintf("image-%02d", i))
		set.Labels = append(set.Labels, int64(i%2))
		for range 4 * 4 * 3 {
			set.Pixels = append(set.Pixels, byte(60+120*(i%2)+i/2))
		}
	}
	data, err := training.NewInMemory(set)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	t, err := training.NewTrainer(training.Config{
		Dir: dir, Epochs: 10, Batch: 8, Train: data, Eval: data,
		Model:     training.Named{Name: "resnet8", Options: map[string]any{"width": 4, "layers": []int{1}}},
		Optimiser: training.Named{Name: "sgd", Options: map[string]any{"lr": 0.1, "momentum": 0.9}},
		Schedule:  training.Named{Name: "cosine"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	r, err := t.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, r.Steps, "steps, top-1", r.Eval.Top1)
	// Output: done 80 steps, top-1 1
}
