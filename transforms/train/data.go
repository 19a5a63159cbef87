package train

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/reader"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// EvalBatch is the number of samples that are evaluated at once.
const EvalBatch = 250

// source gives the batches of a split to a Trainer.
type source struct {
	r       *reader.Reader
	classes []string
	samples int
}

// Samples of an epoch.
func (s *source) Samples() int { return s.samples }

// Classes are the dataset's, by label.
func (s *source) Classes() []string { return s.classes }

// Size is that of the pictures after their augmentation.
func (s *source) Size() (height, width int) {
	w, h := s.r.Size()
	return h, w
}

// Epoch begins an epoch.
func (s *source) Epoch(epoch int64) error { return s.r.Epoch(epoch) }

// Next copies the reader's next batch.
func (s *source) Next(ctx context.Context, dst *training.Batch) error {
	b, err := s.r.Next(ctx)
	if err != nil {
		return err
	}
	defer b.Release()
	if len(b.Keys) > dst.Want {
		return fault.New(fault.Bug, "train: a batch of %d, %d were asked for", len(b.Keys), dst.Want)
	}
	dst.Reserve(len(b.Keys), b.Height, b.Width)
	copy(dst.Images.Float32s(), b.Images)
	if dst.Views == 2 {
		copy(dst.Second.Float32s(), b.Second)
	}
	copy(dst.Keys, b.Keys)
	copy(dst.IDs, b.IDs)
	labels := dst.Labels.Int64s()
	for i, l := range b.Labels {
		if l < 0 || l >= int64(len(s.classes)) {
			return fault.At(fault.New(fault.InvalidAnnotation, "train: label %d, there are %d classes", l, len(s.classes)), fault.Place{Key: b.Keys[i]})
		}
		labels[i] = l
	}
	return nil
}

// State is the reader's.
func (s *source) State() ([]byte, error) { return json.Marshal(s.r.State()) }

// Restore goes to a State.
func (s *source) Restore(b []byte) error {
	var at reader.State
	if err := json.Unmarshal(b, &at); err != nil {
		return fault.New(fault.Corrupt, "train: state of the data: %w", err)
	}
	return s.r.Restore(at)
}

// Close ends what is read ahead.
func (s *source) Close() error { return s.r.Close() }

// openSplits opens what a run trains and is evaluated on. The evaluation is nil
// where the recipe names no split for it.
func openSplits(ctx context.Context, job *Job, run *recipe.Run, views int) (train, eval *source, err error) {
	d, err := built.Open(ctx, run.From[0])
	if err != nil {
		return nil, nil, err
	}
	var classes []string
	for _, c := range d.Manifest.Classes {
		classes = append(classes, c.Name)
	}
	o := reader.Options{Seed: uint64(run.Seed), Batch: int(run.Batch), Shuffle: true, DropLast: true, Augment: run.Augment, Views: views, Workers: job.cores()}
	samples := d.Manifest.Splits[run.Train].Examples
	if run.Subset > 0 && run.Subset < int64(samples) {
		ids := subset(run, samples)
		samples = len(ids)
		o.Draw = func(int64) []int32 { return ids }
	}
	r, err := reader.Open(ctx, run.From[0], run.Train, o)
	if err != nil {
		return nil, nil, err
	}
	train = &source{r, classes, samples}
	if run.Eval == "" {
		return train, nil, nil
	}
	r, err = reader.Open(ctx, run.From[0], run.Eval, reader.Options{Batch: EvalBatch, Augment: EvalAugment(run.Augment), Workers: job.cores()})
	if err != nil {
		_ = train.Close()
		return nil, nil, err
	}
	return train, &source{r, classes, int(r.Len())}, nil
}

// subset draws the samples that a run trains on, in rising order. It depends on
// the number of samples and the size alone, not on the run's seed: the runs of a
// sweep over seeds see the same pictures.
func subset(run *recipe.Run, samples int) []int32 {
	rng := nn.Rand(0, fmt.Sprint(samples), "train.subset")
	order := rng.Perm(samples)[:run.Subset]
	ids := make([]int32, len(order))
	for i, id := range order {
		ids[i] = int32(id)
	}
	slices.Sort(ids)
	return ids
}

var (
	resizedCrop = regexp.MustCompile(`random_resized_crop\(\s*(?:size\s*=\s*)?(\d+)`)
	normalize   = regexp.MustCompile(`normalize(\([^)]*\))?`)
)

// EvalAugment is what a picture goes through in evaluation, given what it goes
// through in training: nothing random; where training takes a window of S x S
// pixels, the middle window of the picture resized to 8/7 S (256 for 224), and the
// same normalisation.
func EvalAugment(augment string) string {
	var steps []string
	if m := resizedCrop.FindStringSubmatch(augment); m != nil {
		s, _ := strconv.Atoi(m[1])
		steps = append(steps, fmt.Sprintf("resize(short=%d)", (s*8+3)/7), fmt.Sprintf("center_crop(%d)", s))
	}
	steps = append(steps, normalizeOf(augment))
	return strings.Join(steps, " | ")
}

func normalizeOf(augment string) string {
	if m := normalize.FindString(augment); m != "" {
		return m
	}
	return "normalize"
}

// Form names the form of the compute kernels, which is part of what a run gives.
func Form() string { return cpu.Form() }
