package training

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/methods/training/tfevents"
)

// Line is one line of metrics.jsonl. Epoch counts the epochs that are done, Step
// the steps.
type Line struct {
	Step    int64    `json:"step"`
	Epoch   int64    `json:"epoch"`
	Split   string   `json:"split"`
	Samples int64    `json:"samples"`
	Loss    float64  `json:"loss"`
	Top1    *float64 `json:"top1,omitempty"` // missing where the method has no logits
	Top5    *float64 `json:"top5,omitempty"`
	ECE     *float64 `json:"ece,omitempty"`
	LR      *float64 `json:"lr,omitempty"`
	// Parts are the means over the epoch of what the method names.
	Parts map[string]float64 `json:"parts,omitempty"`
}

// logTrain writes the line of an epoch of training.
func (t *Trainer) logTrain() error {
	w := &t.pos.Window
	lr := t.pos.LR
	l := Line{Step: t.state.Step, Epoch: t.state.Epoch, Split: t.c.TrainName, Samples: w.Steps * int64(t.c.Batch), Loss: w.Loss / float64(w.Steps), LR: &lr}
	if w.Seen > 0 {
		top1 := float64(w.Right) / float64(w.Seen)
		l.Top1 = &top1
	}
	for name, sum := range w.Parts {
		if mean := sum.float() / float64(w.Steps); finite(mean) {
			if l.Parts == nil {
				l.Parts = map[string]float64{}
			}
			l.Parts[name] = mean
		}
	}
	return t.log(l)
}

// logEval writes the line of an evaluation.
func (t *Trainer) logEval(ev *Evaluation) error {
	return t.log(Line{
		Step: t.state.Step, Epoch: t.state.Epoch, Split: t.c.EvalName, Samples: int64(ev.Samples), Loss: ev.Loss,
		Top1: &ev.Top1, Top5: &ev.Top5, ECE: &ev.ECE,
	})
}

// log appends a line to metrics.jsonl and its numbers to TensorBoard's events.
func (t *Trainer) log(l Line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := t.dir.metrics.Write(append(text, '\n')); err != nil {
		return err
	}
	failpoint.Hit("train.metrics")
	numbers := map[string]float64{"loss": l.Loss}
	for name, v := range map[string]*float64{"top1": l.Top1, "top5": l.Top5, "ece": l.ECE, "lr": l.LR} {
		if v != nil {
			numbers[name] = *v
		}
	}
	for name, v := range l.Parts {
		numbers["part/"+name] = v
	}
	if l.Split == t.c.TrainName {
		numbers["images_per_second"] = t.progress().ImagesPerSecond
	}
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		if err := t.dir.writer.Scalar(t.stamp(), l.Split+"/"+name, float32(numbers[name])); err != nil {
			return err
		}
	}
	return nil
}

// logStep tells of a step that was made.
func (t *Trainer) logStep(loss float64) error {
	if t.c.Progress != nil {
		t.c.Progress(t.progress())
	}
	if t.state.Step%int64(t.c.LogEvery) != 0 {
		return nil
	}
	if err := t.dir.writer.Scalar(t.stamp(), "step/loss", float32(loss)); err != nil {
		return err
	}
	return t.dir.writer.Scalar(t.stamp(), "step/lr", float32(t.pos.LR))
}

func (t *Trainer) stamp() tfevents.Stamp {
	return tfevents.Stamp{Step: t.state.Step, Wall: float64(time.Now().UnixMicro()) / 1e6}
}
