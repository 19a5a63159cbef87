package build

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
	"github.com/tailorbird/tailorbird/transforms/sew"
)

// verb is a command that makes a dataset of a recipe, as build does.
type verb string

const (
	sewing   verb = "sew"
	removing verb = "remove"
)

func (v verb) args(recipe, out string, more ...string) []string {
	return append([]string{string(v), recipe, "--out", out, "--json", "--progress", "none"}, more...)
}

// run runs a command that must succeed.
func (v verb) run(t *testing.T, recipe, out string, more ...string) sewReport {
	t.Helper()
	return v.runIn(t, nil, recipe, out, more...)
}

func (v verb) runIn(t *testing.T, env []string, recipe, out string, more ...string) sewReport {
	t.Helper()
	e := tailorbird(t, env, v.args(recipe, out, more...)...)
	if e.status != 0 {
		t.Fatalf("exit status %d (signal %d)\n%s%s", e.status, e.signal, e.stdout, e.stderr)
	}
	return e.sewReport(t)
}

// refused runs a command that must end with that exit status and say why.
func (v verb) refused(t *testing.T, status int, says, recipe, out string, more ...string) ended {
	t.Helper()
	e := tailorbird(t, nil, v.args(recipe, out, more...)...)
	res := e.report(t)
	if e.status != status || res.OK || res.ExitStatus != status || !strings.Contains(res.Error, says) {
		t.Errorf("exit status %d (signal %d), want %d and %q\n%s%s", e.status, e.signal, status, says, e.stdout, e.stderr)
	}
	return e
}

// trace is trace of build, for v.
func (v verb) trace(t *testing.T, recipe, out string, more ...string) (steps []string, manifest int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	v.runIn(t, []string{"TAILORBIRD_FAILPOINT_TRACE=" + file}, recipe, out, more...)
	steps = strings.Fields(string(read(t, file)))
	manifest = -1
	for i, s := range steps {
		if s == "finish.manifest" {
			break
		}
		if s == "publish.exposed" {
			manifest = i
		}
	}
	return steps, manifest
}

// kill runs a command that ends by SIGKILL at a step.
func (v verb) kill(t *testing.T, step, recipe, out string, more ...string) {
	t.Helper()
	e := tailorbird(t, []string{"TAILORBIRD_FAILPOINT=" + step}, v.args(recipe, out, more...)...)
	if e.signal != syscall.SIGKILL {
		t.Fatalf("%s: exit status %d, signal %d, want a SIGKILL\n%s", step, e.status, e.signal, e.stderr)
	}
}

// again finishes a dataset and compares it with a clean one.
func (v verb) again(t *testing.T, recipe, clean, out string, more ...string) sewReport {
	t.Helper()
	res := v.run(t, recipe, out, more...)
	if want := manifestOf(t, clean).RootHash; res.RootHash != want {
		t.Errorf("root hash %s, want %s", res.RootHash, want)
	}
	sameTree(t, clean, out)
	noLeavings(t, out)
	return res
}

// killed kills a command at every step (with -short at the first hit of those
// that short names) and wants the same command to finish the same dataset.
func (v verb) killed(t *testing.T, r *raw, recipe string, short func(step string) bool, flags ...string) {
	steps, manifest := v.trace(t, recipe, r.path("clean"), flags...)
	all := moments(steps)
	if manifest < 0 || len(all) < 30 {
		t.Fatalf("%d moments, the manifest at %d of %v", len(all), manifest, steps)
	}
	for _, m := range all {
		if testing.Short() && (m.hit > 1 || !short(m.name)) {
			continue
		}
		t.Run(fmt.Sprintf("%s-%d", m.name, m.hit), func(t *testing.T) {
			t.Parallel()
			out := r.path(fmt.Sprintf("out-%s-%d", m.name, m.hit))
			v.kill(t, fmt.Sprintf("%s:%d", m.name, m.hit), recipe, out, flags...)
			if had := hasManifest(out); had != (m.at >= manifest) {
				t.Errorf("step %d of %d, the manifest comes at %d: there is one: %t", m.at, len(steps), manifest, had)
			}
			v.again(t, recipe, r.path("clean"), out, flags...)
		})
	}
}

// sewReport is the JSON object that sew prints.
type sewReport struct {
	report
	Synthetic  int                          `json:"synthetic"`
	Acceptance map[string]*sew.ClassOutcome `json:"acceptance"`
	Notes      []string                     `json:"notes"`
}

func (e ended) sewReport(t *testing.T) sewReport {
	t.Helper()
	res := sewReport{report: e.report(t)}
	if err := json.Unmarshal([]byte(e.stdout), &res); err != nil {
		t.Fatalf("stdout: %v\n%s", err, e.stdout)
	}
	return res
}

// generated is how many pictures were asked for.
func (s *sewReport) generated() (n int) {
	for _, c := range s.Acceptance {
		n += int(c.Generated)
	}
	return n
}

// section writes a recipe with one section and returns its path. body is what
// follows the section's name, indented by two.
func (r *raw) section(name, section, body string) string {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nseed: 3\n%s:\n", section)
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, " "))
	}
	r.write(name+".yaml", []byte(b.String()))
	return r.path(name + ".yaml")
}

// built builds the LVIS fixtures: what is sewn into.
func (r *raw) built() string {
	r.t.Helper()
	r.lvis()
	recipe := r.recipe("lvis", "dataset: lvis\ninputs: {images: coco, annotations: lvis_v1_train.json}\nformats: [webdataset, coco]\nshards: 2")
	build(r.t, recipe, r.path("from"))
	return r.path("from")
}

// pasted is a recipe that pastes: several batches and shards.
const pasted = `
from: from
plan: {classes: all, images_per_class: 3}
batch: 4
shards: 2`

// asked is a recipe that asks a server.
func asked(url string) string {
	return fmt.Sprintf(`
from: from
plan: {classes: all, images_per_class: 1, attempts: 2}
generator: {kind: served, url: "%s", geometry: none, retries: 1, timeout: 20s}
batch: 4
shards: 2`, url)
}

// serve starts a fake server that ends with the test.
func serve(t *testing.T, s *fake.Server) (url string) {
	t.Helper()
	url, stop, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// items counts the items that a server was asked for.
func items(s *fake.Server) (n int) {
	for _, times := range s.Stats().Items {
		n += times
	}
	return n
}

// sewnExamples reads the examples of a dataset, real and synthetic, by key.
func sewnExamples(t *testing.T, out string) (real, synthetic map[string]*datasets.Example) {
	t.Helper()
	real, synthetic = map[string]*datasets.Example{}, map[string]*datasets.Example{}
	m := manifestOf(t, out)
	f, _ := formats.Lookup("webdataset")
	for _, split := range m.SplitNames() {
		for _, x := range m.Splits[split].Shards {
			if x.Format != f.Name() {
				continue
			}
			for _, ex := range examplesOf(t, f, filepath.Join(out, x.Path)) {
				into := real
				if ex.Synthetic != nil {
					into = synthetic
				}
				if into[ex.Key] != nil {
					t.Errorf("%s: twice", ex.Key)
				}
				into[ex.Key] = ex
			}
		}
	}
	return real, synthetic
}
