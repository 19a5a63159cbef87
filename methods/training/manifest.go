package training

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const manifestFile = "manifest.json"

// manifest is checkpoints/manifest.json: what is there, from the first to the last.
type manifest struct {
	Format      string           `json:"format"`
	Identity    string           `json:"identity"`
	Checkpoints []CheckpointFile `json:"checkpoints"`
}

// CheckpointFile is one checkpoint of a run.
type CheckpointFile struct {
	File    string   `json:"file"`
	Step    int64    `json:"step"`
	Epoch   int64    `json:"epoch"`            // whole ones
	Unseen  bool     `json:"unseen,omitempty"` // made between an epoch's end and its evaluation
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
	Best    bool     `json:"best,omitempty"`
	Top1    *float64 `json:"top1,omitempty"` // of the best evaluation until then
	Seconds float64  `json:"seconds"`        // that the run had taken
}

// name tells all that inOrder compares: no two checkpoints of a run share one, so
// that none is written over another that is still listed.
func (c CheckpointFile) name() string {
	mark := ""
	if c.Unseen {
		mark = "-unseen"
	}
	return fmt.Sprintf("step-%010d-epoch-%05d%s.safetensors", c.Step, c.Epoch, mark)
}

// Checkpoints lists the checkpoints in a run's folder.
func Checkpoints(dir string) ([]CheckpointFile, error) {
	m, err := folder{path: dir}.manifest()
	return m.Checkpoints, err
}

// inOrder compares by when checkpoints were made.
func inOrder(a, b CheckpointFile) int {
	seen := func(c CheckpointFile) int {
		if c.Unseen {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Epoch, b.Epoch), seen(a)-seen(b))
}

// add takes a new checkpoint and keeps the last ones and the best.
func (m *manifest) add(c CheckpointFile, identity string, keep int) {
	m.Format, m.Identity = "tailorbird-checkpoints-1", identity
	m.Checkpoints = slices.DeleteFunc(m.Checkpoints, func(old CheckpointFile) bool { return inOrder(old, c) >= 0 })
	if c.Best {
		for i := range m.Checkpoints {
			m.Checkpoints[i].Best = false
		}
	}
	m.Checkpoints = append(m.Checkpoints, c)
	old := len(m.Checkpoints) - keep
	kept := m.Checkpoints[:0]
	for i, c := range m.Checkpoints {
		if i >= old || c.Best {
			kept = append(kept, c)
		}
	}
	m.Checkpoints = kept
}

// manifest reads the list; one that is not there is empty. A damaged one is
// fault.Corrupt.
func (f folder) manifest() (m manifest, err error) {
	path := f.at(checkpoints, manifestFile)
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return manifest{}, fault.At(fault.Wrap(fault.Corrupt, err), fault.Place{Path: path})
	}
	for _, c := range m.Checkpoints {
		if c.File != c.name() || len(c.SHA256) != 64 {
			return manifest{}, fault.At(fault.New(fault.Corrupt, "manifest: entry %q", c.File), fault.Place{Path: path})
		}
	}
	slices.SortFunc(m.Checkpoints, inOrder)
	return m, nil
}

// scan makes a list from the names of the files, without hashes.
func (f folder) scan() (m manifest, err error) {
	files, err := os.ReadDir(f.at(checkpoints))
	if err != nil {
		return m, err
	}
	for _, file := range files {
		c := CheckpointFile{File: file.Name(), Unseen: strings.Contains(file.Name(), "-unseen")}
		if _, err := fmt.Sscanf(c.File, "step-%d-epoch-%d", &c.Step, &c.Epoch); err == nil && c.File == c.name() {
			m.Checkpoints = append(m.Checkpoints, c)
		}
	}
	slices.SortFunc(m.Checkpoints, inOrder)
	return m, nil
}

// prune removes the files in checkpoints/ that are ours and not on the list: older
// ones, and what killed processes left.
func (f folder) prune(m manifest) error {
	files, err := os.ReadDir(f.at(checkpoints))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := file.Name()
		ours := strings.HasPrefix(name, ".tb-") || strings.HasPrefix(name, "step-") && strings.HasSuffix(name, ".safetensors")
		listed := slices.ContainsFunc(m.Checkpoints, func(c CheckpointFile) bool { return c.File == name })
		if !ours || listed {
			continue
		}
		if err := os.Remove(f.at(checkpoints, name)); err != nil {
			return err
		}
		failpoint.Hit("train.checkpoint.pruned")
	}
	return nil
}
