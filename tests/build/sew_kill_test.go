package build

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// stepOfSew is a step that no build has.
func stepOfSew(step string) bool {
	return strings.HasPrefix(step, "survey.") || strings.HasPrefix(step, "sew.")
}

// Sewing that is killed at any step leaves no manifest, or the whole dataset; the
// same command then finishes it with the same bytes and nothing besides.
func TestSewKillAtEveryStep(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	sewing.killed(t, r, recipe, stepOfSew, "--runner", "direct", "--workers", "1")
}

// One death follows another, on both runners, and the last attempt finishes.
func TestSewKillAgainAndAgain(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	sewing.run(t, recipe, r.path("clean"))
	out := r.path("out")
	for i, step := range []string{"survey.bank", "survey.done:1", "sew.planned", "sew.pictures:1", "sew.batch:1", "sew.selected", "plan.rows", "shard.done:1", "finish.merged", "finish.pages", "finish.manifest"} {
		sewing.kill(t, step, recipe, out, "--runner", []string{"direct", "prism"}[i%2])
	}
	sewing.again(t, recipe, r.path("clean"), out)
}

// durable counts the pictures of the batches that are durable: asked for and
// judged.
func durable(t *testing.T, out string) (pictures int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(out, ".tailorbird", "sew", "made", "[^.]*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var b struct {
			Samples []struct{ Tries, Accepted json.RawMessage }
		}
		if err := json.Unmarshal(read(t, name), &b); err != nil {
			t.Fatal(err)
		}
		for _, s := range b.Samples {
			var tries []json.RawMessage
			if s.Tries != nil {
				if err := json.Unmarshal(s.Tries, &tries); err != nil {
					t.Fatal(err)
				}
			}
			pictures += len(tries)
			if s.Accepted != nil {
				pictures++
			}
		}
	}
	return pictures
}

// A picture is the expensive thing: once its batch is durable it is never asked
// for again, wherever the run is killed.
func TestSewAsksForNoPictureOfAFinishedBatchAgain(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	server := &fake.Server{Faults: fake.Some(1, fake.Shares{Refuse: 0.1, Black: 0.1})}
	recipe := r.section("served", "sew", asked(serve(t, server)))
	clean := sewing.run(t, recipe, r.path("clean"))
	all := items(server)
	if all != clean.generated() || all < 30 {
		t.Fatalf("the server was asked for %d pictures, %d are counted", all, clean.generated())
	}
	steps := []string{"sew.sample:1", "sew.sample:7", "sew.pictures:1", "sew.pictures:4", "sew.batch:1", "sew.batch:3", "sew.batch:5", "sew.selected", "shard.done:1", "finish.pages"}
	if testing.Short() {
		steps = []string{"sew.pictures:4", "sew.selected"}
	}
	for _, step := range steps { // one after the other: they share a server
		out := r.path("out-" + step)
		before := items(server)
		sewing.kill(t, step, recipe, out)
		first, kept := items(server)-before, durable(t, out)
		if strings.HasPrefix(step, "sew.batch") && kept == 0 {
			t.Errorf("%s: no batch is durable", step)
		}
		before = items(server)
		sewing.again(t, recipe, r.path("clean"), out)
		if got := items(server) - before; got != all-kept {
			t.Errorf("%s: %d pictures asked for, then %d; %d of %d were durable", step, first, got, kept, all)
		}
	}
}

// What a generator makes that gives another picture each time is kept too: what
// was durable before the kill is in the dataset.
func TestSewKeepsThePicturesOfAGeneratorThatIsNotDeterministic(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	info := fake.DefaultInfo()
	info.Deterministic = false
	server := &fake.Server{Info: info}
	recipe := r.section("served", "sew", asked(serve(t, server)))
	out := r.path("out")
	sewing.kill(t, "sew.batch:2", recipe, out)
	files, err := filepath.Glob(filepath.Join(out, ".tailorbird", "sew", "made", "[^.]*.json"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d batches are durable: %v", len(files), err)
	}
	before := items(server)
	res := sewing.run(t, recipe, out)
	if got := items(server) - before; got >= res.generated() {
		t.Errorf("%d of %d pictures were asked for again", got, res.generated())
	}
	verifyClean(t, out)
	noLeavings(t, out)
}

// An interrupt ends the command with status 130 within five seconds; the same
// command goes on from the batches that were finished.
func TestSewInterrupt(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	server := &fake.Server{}
	url := serve(t, server)
	recipe := r.section("served", "sew", asked(url))
	clean := sewing.run(t, recipe, r.path("clean"))
	slow := &fake.Server{Faults: func(c fake.Call) fake.Fault {
		if c.N > 4 {
			return fake.Fault{Break: fake.Hang} // until the client goes
		}
		return fake.Fault{}
	}}
	hanging := serve(t, slow)
	for _, runner := range []string{"direct", "prism"} {
		t.Run(runner, func(t *testing.T) {
			out := r.path("out-" + runner)
			flags := []string{"--runner", runner, "--workers", "1"}
			p := launch(t, nil, program, sewing.args(recipe, out, append(flags, "--set", "sew.generator.url="+hanging)...)...)
			waitForBatches(t, out, 1)
			start := time.Now()
			if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			e := p.wait()
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v to end", took)
			}
			if res := e.report(t); e.status != 130 || res.OK || !strings.Contains(e.stderr, "same command") {
				t.Errorf("exit status %d, signal %d\n%s%s", e.status, e.signal, e.stdout, e.stderr)
			}
			kept, before := durable(t, out), items(server)
			sewing.again(t, recipe, r.path("clean"), out, flags...)
			if got := items(server) - before; kept == 0 || got != clean.generated()-kept {
				t.Errorf("%d pictures were asked for, %d of %d were durable", got, kept, clean.generated())
			}
		})
	}
}

// waitForBatches returns when n batches are durable.
func waitForBatches(t *testing.T, out string, n int) {
	t.Helper()
	for end := time.Now().Add(watchdog); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		made, err := filepath.Glob(filepath.Join(out, ".tailorbird", "sew", "made", "[^.]*.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(made) >= n {
			return
		}
	}
	t.Fatal(fmt.Sprintf("no %d batches in time", n))
}
