package training

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Result is what came out of a run. It is result.json.
type Result struct {
	Status   string      `json:"status"` // done or failed
	Identity string      `json:"identity"`
	Method   string      `json:"method"`
	Model    string      `json:"model"`
	Seed     uint64      `json:"seed"`
	Steps    int64       `json:"steps"`
	Epochs   int64       `json:"epochs"` // whole ones
	Eval     *Evaluation `json:"eval,omitempty"`
	Best     *Best       `json:"best,omitempty"`
	Failure  *Diverged   `json:"failure,omitempty"`

	FinalSHA256 string `json:"final_sha256,omitempty"`
	FinalBytes  int64  `json:"final_bytes,omitempty"`

	// Cost, over all processes that worked on the run since their last checkpoints.
	Seconds         float64  `json:"seconds"`
	ImagesPerSecond float64  `json:"images_per_second"` // training and evaluation together
	ResumedAt       int64    `json:"resumed_at"`        // step that the last process began at
	Warnings        []string `json:"warnings,omitempty"`
}

// Best is the best evaluation so far; of equal ones the first.
type Best struct {
	Step  int64   `json:"step"`
	Epoch int64   `json:"epoch"`
	Top1  float64 `json:"top1"`
	Loss  float64 `json:"loss"`
	File  string  `json:"file"` // in checkpoints/
}

// Names in a run's folder.
const (
	configFile  = "config.yaml"
	metricsFile = "metrics.jsonl"
	finalFile   = "final.safetensors"
	cardFile    = "README.md"
	resultFile  = ResultFile
	checkpoints = CheckpointDir
)

// ResultFile is a run's Result, CheckpointDir holds what Checkpoints lists.
const (
	ResultFile    = "result.json"
	CheckpointDir = "checkpoints"
)

// Status of a Result.
const (
	Done   = "done"
	Failed = "failed"
)

func (t *Trainer) result(status string) *Result {
	r := &Result{
		Status: status, Identity: t.identity, Method: t.c.Method.Name, Model: t.c.Model.Name, Seed: t.c.Seed,
		Steps: t.state.Step, Epochs: t.state.Epoch, Eval: t.last, Best: t.pos.Best,
		Seconds: t.seconds(), ResumedAt: t.resumed, Warnings: t.warnings,
	}
	if s := time.Since(t.began).Seconds(); s > 0 {
		r.ImagesPerSecond = float64((t.state.Step-t.resumed)*int64(t.c.Batch)) / s
	}
	return r
}

// fail ends a run whose numbers are not finite.
func (t *Trainer) fail(d *Diverged) (*Result, error) {
	r := t.result(Failed)
	r.Failure = d
	if err := t.publishResult(r); err != nil {
		return nil, err
	}
	return r, d
}

// finish writes what a run ends with.
func (t *Trainer) finish(ctx context.Context) (*Result, error) {
	if t.last == nil && t.c.Eval != nil { // an earlier process made the last one
		ev, err := t.evaluate(ctx, t.c.Eval)
		if err != nil {
			return nil, err
		}
		t.last = ev
	}
	if err := t.dir.sync(); err != nil {
		return nil, err
	}
	failpoint.Hit("train.final.begin")
	sum, err := t.export(t.dir.at(finalFile))
	if err != nil {
		return nil, err
	}
	failpoint.Hit("train.final.weights")
	r := t.result(Done)
	r.FinalSHA256, r.FinalBytes = sum.sha256, sum.bytes
	if _, err := publish(t.dir.at(cardFile), "", bytesOf(t.card(r))); err != nil {
		return nil, err
	}
	failpoint.Hit("train.final.card")
	if err := t.publishResult(r); err != nil {
		return nil, err
	}
	failpoint.Hit("train.final.result")
	return r, nil
}

func (t *Trainer) publishResult(r *Result) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	_, err = publish(t.dir.at(resultFile), "", bytesOf(append(text, '\n')))
	return err
}

// ended returns the result of a run that is over, nil where work is left. A
// result whose weights are damaged does not count.
func (t *Trainer) ended() (*Result, error) {
	r, err := ReadResult(t.c.Dir)
	if err != nil {
		if fault.CodeOf(err) == fault.NotFound || fault.CodeOf(err) == fault.Corrupt {
			return nil, nil
		}
		return nil, err
	}
	if r.Identity != t.identity {
		return nil, t.dir.occupied()
	}
	if r.Status == Failed {
		return r, r.Failure
	}
	if sum, err := digestOf(t.dir.at(finalFile)); err != nil || sum.sha256 != r.FinalSHA256 {
		t.warn("%s is not what result.json says: made again", finalFile)
		return nil, nil
	}
	return r, nil
}

// ReadResult reads a run's result: fault.NotFound where the run has not ended.
func ReadResult(dir string) (*Result, error) {
	path := folder{path: dir}.at(resultFile)
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, fault.At(fault.New(fault.NotFound, "training: the run has not ended"), fault.Place{Path: path})
	}
	if err != nil {
		return nil, err
	}
	r, err := ParseResult(text)
	return r, fault.At(err, fault.Place{Path: path})
}

// ParseResult reads the text of a result.json; a damaged one is fault.Corrupt.
func ParseResult(text []byte) (*Result, error) {
	r := &Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fault.Wrap(fault.Corrupt, err)
	}
	if r.Status != Done && (r.Status != Failed || r.Failure == nil) {
		return nil, fault.New(fault.Corrupt, "training: status %q", r.Status)
	}
	return r, nil
}
