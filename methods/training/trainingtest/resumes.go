package trainingtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tailorbird/tailorbird/methods/training"
)

// childEnv names the folder that a process trains in before it is killed.
const childEnv = "TRAININGTEST_CHILD"

// end is what two runs must agree on.
type end struct{ final, metrics string }

// Run trains and returns the result.
func Run(t testing.TB, c training.Config) *training.Result {
	t.Helper()
	r, err := run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func run(ctx context.Context, c training.Config) (*training.Result, error) {
	tr, err := training.NewTrainer(c)
	if err != nil {
		return nil, err
	}
	defer tr.Close()
	return tr.Run(ctx)
}

// ended trains to the end and returns what it left.
func ended(c training.Config) (end, error) {
	r, err := run(context.Background(), c)
	if err != nil {
		return end{}, err
	}
	lines, err := os.ReadFile(filepath.Join(c.Dir, "metrics.jsonl"))
	return end{r.FinalSHA256, string(lines)}, err
}

// Resumes checks that a method keeps all of its state in its Collect: a run of
// Config that was broken off or killed, and one with other threads, ends with the
// same weights and the same metrics as one that was not. method returns a new one
// at each call.
func Resumes(t *testing.T, method func() training.Method) {
	t.Helper()
	if dir := os.Getenv(childEnv); dir != "" {
		Run(t, Config(t, dir, method()))
		return
	}
	dir := t.TempDir()
	want, err := ended(Config(t, dir, method()))
	if err != nil {
		t.Fatal(err)
	}
	same := func(t *testing.T, c training.Config) {
		t.Helper()
		got, err := ended(c)
		switch {
		case err != nil:
			t.Error(err)
		case got.metrics != want.metrics:
			t.Errorf("metrics.jsonl:\n%swant:\n%s", got.metrics, want.metrics)
		case got.final != want.final:
			t.Error("the final weights differ")
		}
	}
	t.Run("three workers", func(t *testing.T) {
		c := Config(t, t.TempDir(), method())
		c.Workers = 3
		same(t, c)
	})
	t.Run("two at once", func(t *testing.T) {
		var both sync.WaitGroup
		for range 2 {
			c := Config(t, t.TempDir(), method())
			both.Go(func() { same(t, c) })
		}
		both.Wait()
	})
	stride, points := int64(2), []string{"train.step:5", "train.step:11", "train.checkpoint.renamed:2", "train.final.begin"}
	if testing.Short() {
		stride, points = 5, points[1:2]
	}
	t.Run("broken off again and again", func(t *testing.T) {
		dir := t.TempDir()
		for step := int64(1); step < Steps; step += stride {
			breakOff(t, Config(t, dir, method()), step)
		}
		same(t, Config(t, dir, method()))
	})
	name := t.Name()
	for _, point := range points {
		t.Run("killed at "+point, func(t *testing.T) {
			dir := t.TempDir()
			kill(t, name, dir, point)
			same(t, Config(t, dir, method()))
		})
	}
}

// breakOff ends a run's context after a step.
func breakOff(t *testing.T, c training.Config, step int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.Progress = func(p training.Progress) {
		if p.Step == step {
			cancel()
		}
	}
	if _, err := run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("step %d: %v", step, err)
	}
}

// kill trains in another process that dies at a failpoint.
func kill(t *testing.T, test, dir, point string) {
	t.Helper()
	pattern := "^" + strings.Join(strings.Split(test, "/"), "$/^") + "$"
	cmd := exec.Command(os.Args[0], "-test.run="+pattern, "-test.count=1")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childEnv+"="+dir, "TAILORBIRD_FAILPOINT="+point)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		t.Fatal(fmt.Errorf("%s: it was not killed: %w\n%s", point, err, out))
	}
}
