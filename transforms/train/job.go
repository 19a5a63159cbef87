package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// Job is what every worker must know.
type Job struct {
	RunID       string // names this launch
	Out         string
	Hash        string            // of all configurations
	Names       []string          // of the runs, in the order of the sweep
	Keys        []string          // that the sweep changes
	From        map[string]string // of each run: the dataset
	Evals       map[string]string // of each run: the split it is evaluated on
	Workers     int               // cores of one process; 0: all
	Together    int               // runs at a time in one process; 0: one
	MemoryBytes int64
	Steps       int64 // of all runs, for the progress display
	Fresh       bool
	StartedUnix int64
	Runner      string
	RecipeYAML  string
}

// cores is what one run may use.
func (j *Job) cores() int {
	n := j.Workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return max(1, n/j.together())
}

func (j *Job) together() int { return max(1, j.Together) }

// ResultsFile holds a row a run, ReportFile what people read.
const (
	ResultsFile = "results.json"
	ReportFile  = "report.html"
	RunFile     = "run.json" // how long it took, beside results.json, which does not say
	sweepFile   = "sweep.json"
)

// Result is what came of one configuration: a row of results.json. It says nothing
// of time, so that two runs of one configuration give one row.
type Result struct {
	Name        string             `json:"name"`
	Hash        string             `json:"hash"` // of the configuration and its data
	Config      map[string]any     `json:"config"`
	Sweep       map[string]any     `json:"sweep,omitempty"`
	OK          bool               `json:"ok"`
	Error       string             `json:"error,omitempty"`
	Metrics     map[string]float64 `json:"metrics,omitempty"` // of the last evaluation
	Best        map[string]float64 `json:"best,omitempty"`    // of the best one
	Steps       int64              `json:"steps"`
	Parameters  int64              `json:"parameters"`
	FinalSHA256 string             `json:"final_sha256,omitempty"`
	Artefacts   []Artefact         `json:"artefacts,omitempty"`
}

// Artefact is a file of a run's folder.
type Artefact struct {
	Path   string `json:"path"` // below Out
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Cost is what a run took.
type Cost struct {
	Name            string  `json:"name"`
	Seconds         float64 `json:"seconds"`
	ImagesPerSecond float64 `json:"images_per_second"`
	PeakRSSBytes    int64   `json:"peak_rss_bytes"`
}

// Results is results.json.
type Results struct {
	Hash string   `json:"hash"` // of all configurations
	Keys []string `json:"keys"` // that the sweep changes
	Runs []Result `json:"runs"` // in the order of the sweep
}

// maxResults bounds results.json: ten thousand runs of a few kB.
const maxResults = 1 << 30

// ReadResults reads the results of a finished sweep; fault.NotFound without one.
func ReadResults(ctx context.Context, out string) (*Results, error) {
	b, err := blob.ReadFile(ctx, blob.Join(out, ResultsFile), maxResults)
	if err != nil {
		return nil, err
	}
	r := new(Results)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fault.At(fault.New(fault.Corrupt, "%w", err), fault.Place{Path: blob.Join(out, ResultsFile)})
	}
	return r, nil
}

// Claim makes out this sweep's: sweep.json holds its hash. A place that holds
// another sweep, or something else, is fault.Occupied.
func Claim(ctx context.Context, job *Job) error {
	text := []byte(fmt.Sprintf("{\"hash\": %q}\n", job.Hash))
	at := blob.Join(job.Out, shards.StateDir, sweepFile)
	old, err := blob.ReadFile(ctx, at, 1<<20)
	switch {
	case err == nil && string(old) == string(text):
		return nil
	case err == nil:
		return fault.At(fault.New(fault.Occupied, "holds the runs of another recipe or of other data. Nothing was overwritten; choose another --out, or --fresh"), fault.Place{Path: job.Out})
	case fault.CodeOf(err) != fault.NotFound:
		return err
	}
	for info, err := range blob.List(ctx, job.Out) {
		if fault.CodeOf(err) == fault.NotFound {
			break
		}
		if err != nil {
			return err
		}
		if !strings.HasPrefix(info.Name, shards.StateDir+"/") {
			return fault.At(fault.New(fault.Occupied, "is not empty: it holds %s. Nothing was overwritten; choose another --out", info.Name), fault.Place{Path: job.Out})
		}
	}
	_, err = blob.Put(ctx, at, text)
	return err
}

func hashOf(parts []string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%q\n", p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// HashOf is the hash of a sweep whose runs have these names and hashes.
func HashOf(names, hashes []string) string {
	return hashOf(append(append([]string{}, names...), hashes...))
}

func jsonText(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", " ")
	return append(b, '\n'), fault.Wrap(fault.Bug, err)
}
