package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// moment is one hit of a named step.
type moment struct {
	name string
	hit  int // from 1
	at   int // position among all hits of a run
}

// trace runs a build and returns its steps, and the position of the one that
// makes the manifest visible.
func trace(t *testing.T, recipe, out string, more ...string) (steps []string, manifest int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	buildIn(t, []string{"TAILORBIRD_FAILPOINT_TRACE=" + file}, recipe, out, more...)
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

// moments picks of each step its first hit and, where there are more, one in
// the middle and the last.
func moments(steps []string) []moment {
	at := map[string][]int{}
	var names []string
	for i, s := range steps {
		if at[s] == nil {
			names = append(names, s)
		}
		at[s] = append(at[s], i)
	}
	var out []moment
	for _, n := range names {
		hits := at[n]
		last := 0
		for _, k := range []int{1, len(hits)/2 + 1, len(hits)} {
			if k > last {
				out = append(out, moment{n, k, hits[k-1]})
				last = k
			}
		}
	}
	return out
}

// A build that is killed at any step leaves no manifest, or the whole dataset;
// the same command then finishes it with the same bytes and nothing besides.
func TestFault01KillAtEveryStep(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.coco()
	recipe := r.recipe("coco", `
dataset: coco
inputs: {images: train2017, annotations: instances_train2017.json}
formats: [webdataset, tfrecord, coco]
shards: 2
error_budget: 50%`)
	r.write("train2017/000000000030.jpg", []byte("<html>quota exceeded</html>"))
	flags := []string{"--runner", "direct", "--workers", "1"}
	steps, manifest := trace(t, recipe, r.path("clean"), flags...)
	all := moments(steps)
	if manifest < 0 || len(all) < 30 {
		t.Fatalf("%d moments, the manifest at %d of %v", len(all), manifest, steps)
	}
	for _, m := range all {
		if testing.Short() && m.hit > 1 {
			continue
		}
		t.Run(fmt.Sprintf("%s-%d", m.name, m.hit), func(t *testing.T) {
			t.Parallel()
			out := r.path(fmt.Sprintf("out-%s-%d", m.name, m.hit))
			kill(t, fmt.Sprintf("%s:%d", m.name, m.hit), recipe, out, flags...)
			if had := hasManifest(out); had != (m.at >= manifest) {
				t.Errorf("step %d of %d, the manifest comes at %d: there is one: %t", m.at, len(steps), manifest, had)
			}
			again(t, recipe, r.path("clean"), out, flags...)
		})
	}
}

// kill runs a build that ends by SIGKILL at a step.
func kill(t *testing.T, step, recipe, out string, more ...string) {
	t.Helper()
	e := tailorbird(t, []string{"TAILORBIRD_FAILPOINT=" + step}, buildArgs(recipe, out, more...)...)
	if e.signal != syscall.SIGKILL {
		t.Fatalf("%s: exit status %d, signal %d, want a SIGKILL\n%s", step, e.status, e.signal, e.stderr)
	}
}

// again finishes a build and compares it with a clean one.
func again(t *testing.T, recipe, clean, out string, more ...string) report {
	t.Helper()
	res := build(t, recipe, out, more...)
	if want := manifestOf(t, clean).RootHash; res.RootHash != want {
		t.Errorf("root hash %s, want %s", res.RootHash, want)
	}
	sameTree(t, clean, out)
	noLeavings(t, out)
	return res
}

// One death follows another: every attempt gets one step further, and the last
// one finishes.
func TestFault01KillAgainAndAgain(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "imagenet-tar-of-tars").layOut(t)
	build(t, recipe, r.path("clean"))
	out := r.path("out")
	for _, step := range []string{"plan.rejections", "plan.published:1", "shard.file:2", "shard.done:1", "shard.done:1", "finish.merged", "finish.pages", "finish.manifest", "finish.removed"} {
		kill(t, step, recipe, out)
	}
	again(t, recipe, r.path("clean"), out)
}

// A later attempt takes over the shards that an earlier one finished, also on
// another runner.
func TestFault01ResumeTakesOverFinishedShards(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "imagenet-directory").layOut(t)
	build(t, recipe, r.path("clean"))
	out := r.path("out")
	kill(t, "shard.done:2", recipe, out, "--runner", "direct")
	done, err := filepath.Glob(filepath.Join(out, ".tailorbird", "done", "[^.]*.json"))
	if err != nil {
		t.Fatal(err)
	}
	res := again(t, recipe, r.path("clean"), out, "--runner", "prism")
	if res.ResumedShards != len(done) || len(done) < 2 {
		t.Errorf("%d shards were resumed, %d had finished", res.ResumedShards, len(done))
	}
}

// --fresh makes every shard again and says what it removes.
func TestFault01FreshMakesEveryShardAgain(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "imagenet-directory").layOut(t)
	build(t, recipe, r.path("clean"))
	kill(t, "shard.done:2", recipe, r.path("out"))
	res := again(t, recipe, r.path("clean"), r.path("out"), "--fresh")
	if res.ResumedShards != 0 {
		t.Errorf("%d shards were resumed", res.ResumedShards)
	}
}

// --fresh also makes way for another recipe, and leaves what is not a build's.
func TestFault01FreshMakesWayForAnotherRecipe(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "coco").layOut(t)
	other := r.recipe("other", "dataset: coco\ninputs: {images: train2017, annotations: instances_train2017.json}\nformats: [webdataset, coco]\nshards: 2")
	build(t, other, r.path("clean"))
	out := r.path("out")
	kill(t, "shard.done:2", recipe, out)
	r.write("out/notes.txt", []byte("mine"))
	e := tailorbird(t, nil, buildArgs(other, out, "--fresh")...)
	if e.status != 0 || !strings.Contains(e.stderr, "removing ") {
		t.Fatalf("exit status %d\n%s", e.status, e.stderr)
	}
	if err := os.Remove(r.path("out/notes.txt")); err != nil {
		t.Error(err)
	}
	sameTree(t, r.path("clean"), out)
}

// An image that changes between two attempts, without its size, is not mixed
// with what the first one wrote.
func TestFault01ImageChangesBetweenAttempts(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "imagenet-directory").layOut(t)
	out := r.path("out")
	flags := []string{"--set", "build.error_budget=50%", "--set", "build.shards=1"}
	kill(t, "shard.file:1", recipe, out, flags...)
	const victim = "train/n01440764/n01440764_10.JPEG"
	data := read(t, r.path(victim))
	data[len(data)/2] ^= 1
	r.write(victim, data)
	build(t, recipe, r.path("clean"), flags...)
	e := tailorbird(t, nil, buildArgs(recipe, out, flags...)...)
	if e.status != 5 || !strings.Contains(e.stderr, "--fresh") || hasManifest(out) {
		t.Errorf("exit status %d, manifest %t\n%s", e.status, hasManifest(out), e.stderr)
	}
	again(t, recipe, r.path("clean"), out, append(flags, "--fresh")...)
}
