package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// watchdog ends a process that would hang a test.
const watchdog = 100 * time.Second

// ended is how a process ended.
type ended struct {
	status int // -1 when a signal ended it
	signal syscall.Signal
	stdout string
	stderr string
}

// process is a command that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr syncBuffer
	timer  *time.Timer
	waited bool
}

// syncBuffer may be read while a process writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// environ is what every process sees: nothing of the tester's own settings but
// what finds programs and native libraries. Later settings win.
func environ(extra ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch, "TMPDIR=" + scratch}
	for _, name := range []string{"TAILORBIRD_NATIVE", "LD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, extra...)
}

// launch starts a command in a process group of its own; it is gone when the
// test ends.
func launch(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...)}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = environ(env...), scratch, &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.timer = time.AfterFunc(watchdog, func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	t.Cleanup(func() {
		if !p.waited {
			_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
			p.wait()
		}
	})
	return p
}

// wait returns how the process ended.
func (p *process) wait() ended {
	p.waited = true
	err := p.cmd.Wait()
	p.timer.Stop()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what it may have left
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		p.t.Errorf("%v: %v", p.cmd.Args, err)
	}
	st := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	e := ended{status: st.ExitStatus(), stdout: p.stdout.String(), stderr: p.stderr.String()}
	if st.Signaled() {
		e.signal = st.Signal()
	}
	return e
}

// tailorbird runs the command to its end.
func tailorbird(t *testing.T, env []string, args ...string) ended {
	t.Helper()
	return launch(t, env, program, args...).wait()
}

// buildArgs are the arguments of a build that reports in JSON.
func buildArgs(recipe, out string, more ...string) []string {
	return append([]string{"build", recipe, "--out", out, "--json", "--progress", "none"}, more...)
}

// report is the JSON object that build prints.
type report struct {
	OK            bool           `json:"ok"`
	Out           string         `json:"out"`
	RootHash      string         `json:"root_hash"`
	RecipeHash    string         `json:"recipe_hash"`
	Examples      int            `json:"examples"`
	Quarantined   int            `json:"quarantined"`
	Splits        map[string]int `json:"splits"`
	PeakRSSBytes  int64          `json:"peak_rss_bytes"`
	ResumedShards int            `json:"resumed_shards"`
	Runner        string         `json:"runner"`
	Error         string         `json:"error"`
	ExitStatus    int            `json:"exit_status"`
}

// report parses stdout, which must be exactly one JSON object on one line.
func (e ended) report(t *testing.T) report {
	t.Helper()
	var r report
	if strings.Count(e.stdout, "\n") != 1 || !strings.HasSuffix(e.stdout, "}\n") {
		t.Fatalf("stdout is not one JSON object:\n%s\nstderr:\n%s", e.stdout, e.stderr)
	}
	if err := json.Unmarshal([]byte(e.stdout), &r); err != nil {
		t.Fatalf("stdout: %v\n%s", err, e.stdout)
	}
	return r
}

// build runs a build that must succeed.
func build(t *testing.T, recipe, out string, more ...string) report {
	t.Helper()
	return buildIn(t, nil, recipe, out, more...)
}

func buildIn(t *testing.T, env []string, recipe, out string, more ...string) report {
	t.Helper()
	e := tailorbird(t, env, buildArgs(recipe, out, more...)...)
	if e.status != 0 {
		t.Fatalf("exit status %d (signal %d)\n%s%s", e.status, e.signal, e.stdout, e.stderr)
	}
	return e.report(t)
}
