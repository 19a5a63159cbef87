package build

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An interrupted build ends within five seconds with status 130, says how to go
// on, and goes on from the shards that were finished.
func TestFault13Interrupt(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.imagenetDir(96)
	recipe := r.recipe("slow", `
dataset: imagenet
inputs: {images: train, synsets: LOC_synset_mapping.txt}
transforms: decode | resize(short=600, filter=lanczos3) | encode(jpeg)
shards: 16`)
	flags := []string{"--workers", "1"}
	want := build(t, recipe, r.path("clean"), flags...)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		runner string
	}{
		{"SIGINT", syscall.SIGINT, "prism"}, {"SIGTERM", syscall.SIGTERM, "direct"}, {"SIGHUP", syscall.SIGHUP, "prism"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := r.path("out-" + c.name)
			p := launch(t, nil, program, buildArgs(recipe, out, append(flags, "--runner", c.runner)...)...)
			finished := waitForShards(t, out, 2)
			start := time.Now()
			if err := p.cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			e := p.wait()
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v to end", took)
			}
			res := e.report(t)
			if e.status != 130 || res.OK || res.ExitStatus != 130 || !strings.Contains(e.stderr, "same command") {
				t.Errorf("exit status %d, signal %d\n%s%s", e.status, e.signal, e.stdout, e.stderr)
			}
			if hasManifest(out) {
				t.Fatal("it had finished before the signal")
			}
			got := again(t, recipe, r.path("clean"), out, append(flags, "--runner", c.runner)...)
			if got.RootHash != want.RootHash || got.ResumedShards < finished {
				t.Errorf("%+v, %d shards had finished", got, finished)
			}
		})
	}
}

// waitForShards returns when n shards are finished.
func waitForShards(t *testing.T, out string, n int) int {
	t.Helper()
	for end := time.Now().Add(watchdog); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		done, err := filepath.Glob(filepath.Join(out, ".tailorbird", "done", "[^.]*.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(done) >= n {
			return len(done)
		}
	}
	t.Fatal(fmt.Sprintf("no %d shards in time", n))
	return 0
}
