package training

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training/tfevents"
)

// checkpointFormat is what a checkpoint's metadata say it is.
const checkpointFormat = "tailorbird-checkpoint-1"

// stand is where the run stands, as a checkpoint without bytes.
func (t *Trainer) stand() CheckpointFile {
	return CheckpointFile{Step: t.state.Step, Epoch: t.state.Epoch, Unseen: t.pos.Unseen}
}

// checkpoint writes where the run stands, lists it and lets go of older ones.
func (t *Trainer) checkpoint(ctx context.Context, best bool) error {
	failpoint.Hit("train.checkpoint.before")
	if err := t.dir.sync(); err != nil {
		return err
	}
	t.pos.Data = nil
	if t.pos.InEpoch > 0 {
		state, err := t.c.Train.State()
		if err != nil {
			return err
		}
		t.pos.Data = state
	}
	t.pos.MetricsBytes, t.pos.EventsBytes = t.dir.sizes()
	where, err := json.Marshal(t.pos)
	if err != nil {
		return err
	}
	metadata := map[string]string{"format": checkpointFormat, "identity": t.identity, "position": string(where)}
	c := t.stand()
	c.File = c.name()
	d, err := publish(t.dir.at(checkpoints, c.File), "train.checkpoint", func(w io.Writer) error {
		return nn.SaveState(w, &t.state, metadata)
	})
	if err != nil {
		return err
	}
	failpoint.Hit("train.checkpoint.durable")
	m, err := t.dir.manifest()
	if err != nil {
		m = manifest{} // damaged: begun anew with what is known to be whole
	}
	c.Bytes, c.SHA256, c.Best, c.Seconds = d.bytes, d.sha256, best, t.seconds()
	if t.pos.Best != nil {
		c.Top1 = &t.pos.Best.Top1
	}
	m.add(c, t.identity, t.c.Checkpoint.Keep)
	if err := t.list(m); err != nil || t.c.Kept == nil {
		return err
	}
	return t.c.Kept(ctx)
}

// list publishes the manifest and removes the files that it does not name.
func (t *Trainer) list(m manifest) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if _, err := publish(t.dir.at(checkpoints, manifestFile), "train.checkpoint.manifest", bytesOf(append(text, '\n'))); err != nil {
		return err
	}
	failpoint.Hit("train.checkpoint.listed")
	return t.dir.prune(m)
}

// open prepares the folder and goes to the newest whole checkpoint in it.
func (t *Trainer) open() error {
	if err := os.MkdirAll(t.dir.path, 0o755); err != nil {
		return err
	}
	if err := t.claim(); err != nil {
		return err
	}
	if err := t.dir.sweep(); err != nil {
		return err
	}
	if err := os.MkdirAll(t.dir.at(checkpoints), 0o755); err != nil {
		return err
	}
	found, err := t.resume()
	if err != nil {
		return err
	}
	_, events := t.dir.sizes()
	if err := t.dir.openLogs(t.pos.MetricsBytes, min(t.pos.EventsBytes, events)); err != nil {
		return err
	}
	if found && events > 0 {
		return nil
	}
	if err := t.dir.writer.Begin(tfevents.Stamp{Wall: t.stamp().Wall}); err != nil {
		return err
	}
	return t.dir.writer.Text(tfevents.Stamp{Wall: t.stamp().Wall}, "config", "```\n"+string(t.config)+"```\n")
}

// claim writes config.yaml, or checks that what is there is of the same run.
func (t *Trainer) claim() error {
	owner, config, err := t.dir.owner()
	if err != nil {
		return err
	}
	if owner != "" && owner != t.identity {
		return t.dir.occupied()
	}
	if string(config) == string(t.config) {
		return nil
	}
	_, err = publish(t.dir.at(configFile), "train.config", bytesOf(t.config))
	return err
}

func (t *Trainer) warn(format string, args ...any) {
	t.warnings = append(t.warnings, fmt.Sprintf(format, args...))
}

// resume loads the newest whole checkpoint and forgets the newer ones. Without one
// the run begins at step 0.
func (t *Trainer) resume() (found bool, err error) {
	m, err := t.dir.manifest()
	if err != nil {
		t.warn("%v: taking the files as they are", err)
		if m, err = t.dir.scan(); err != nil {
			return false, err
		}
	}
	for i := len(m.Checkpoints) - 1; i >= 0; i-- {
		c := m.Checkpoints[i]
		src, pos, err := t.openCheckpoint(c)
		if err != nil {
			t.warn("%v: going on from the one before", err)
			continue
		}
		if err := t.state.Load(src); err != nil {
			return false, fault.At(err, fault.Place{Path: t.dir.at(checkpoints, c.File)})
		}
		if pos.Window.Parts == nil {
			pos.Window.Parts = map[string]exact{}
		}
		t.pos, t.before, t.resumed = pos, c.Seconds, t.state.Step
		m.Checkpoints = m.Checkpoints[:i+1]
		return true, t.dir.prune(m)
	}
	return false, t.dir.prune(manifest{})
}

// openCheckpoint reads a checkpoint and checks all that can be checked before
// anything is loaded.
func (t *Trainer) openCheckpoint(c CheckpointFile) (*safetensors.File, position, error) {
	var pos position
	path := t.dir.at(checkpoints, c.File)
	fail := func(format string, args ...any) (*safetensors.File, position, error) {
		return nil, pos, fault.At(fault.New(fault.Corrupt, "checkpoint: "+format, args...), fault.Place{Path: path})
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fail("%w", err)
	}
	if sum := sha256.Sum256(data); c.SHA256 != "" && hex.EncodeToString(sum[:]) != c.SHA256 {
		return fail("%d bytes are not the %d that were written", len(data), c.Bytes)
	}
	src, err := safetensors.Parse(data)
	if err != nil {
		return fail("%w", err)
	}
	if src.Metadata["format"] != checkpointFormat || src.Metadata["identity"] != t.identity {
		return fail("of another run")
	}
	if err := json.Unmarshal([]byte(src.Metadata["position"]), &pos); err != nil {
		return fail("position: %w", err)
	}
	if have, _ := t.dir.sizes(); have < pos.MetricsBytes {
		return fail("%s has %d bytes, it had %d", metricsFile, have, pos.MetricsBytes)
	}
	return src, pos, nil
}
