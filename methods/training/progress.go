package training

import (
	"fmt"
	"io"
	"time"
)

// Progress is where a run stands.
type Progress struct {
	Epoch, Epochs   int64 // Epoch from 1
	Step, Steps     int64 // over the whole run
	Loss, Top1      float64
	LR              float64
	ImagesPerSecond float64
	Left            time.Duration // at the present rate, evaluations included
}

// String is one line of a log.
func (p Progress) String() string {
	return fmt.Sprintf("epoch %d/%d step %d/%d loss %.4f top1 %.4f lr %.3g %.0f images/s %s left",
		p.Epoch, p.Epochs, p.Step, p.Steps, p.Loss, p.Top1, p.LR, p.ImagesPerSecond, p.Left.Round(time.Second))
}

// Lines returns a Config.Progress that writes a line to w, at most one in every.
func Lines(w io.Writer, every time.Duration) func(Progress) {
	var last time.Time
	return func(p Progress) {
		if now := time.Now(); p.Step == p.Steps || now.Sub(last) >= every {
			last = now
			fmt.Fprintln(w, p)
		}
	}
}

// progress describes the run after a step. Loss and accuracy are means over the
// epoch so far.
func (t *Trainer) progress() Progress {
	w := &t.pos.Window
	p := Progress{
		Epoch: t.state.Epoch + 1, Epochs: int64(t.c.Epochs), Step: t.state.Step,
		Steps: int64(t.c.Epochs) * int64(t.run.StepsPerEpoch), LR: t.pos.LR, Loss: w.Loss / float64(max(w.Steps, 1)),
	}
	if w.Seen > 0 {
		p.Top1 = float64(w.Right) / float64(w.Seen)
	}
	if s, done := time.Since(t.began).Seconds(), t.state.Step-t.resumed; s > 0 && done > 0 {
		p.ImagesPerSecond = float64(done*int64(t.c.Batch)) / s
		p.Left = time.Duration(float64(max(p.Steps-p.Step, 0)) * s / float64(done) * float64(time.Second))
	}
	return p
}
