// Package failpoint kills the process at a named step, so that tests can prove
// what a SIGKILL leaves behind.
//
// The environment variable TAILORBIRD_FAILPOINT=NAME or NAME:N makes the N-th
// Hit of NAME (default the first) end the process as kill -9 would: no deferred
// call, no flush. TAILORBIRD_FAILPOINT_TRACE=FILE appends each name that is hit,
// which is how a test learns the steps. Without either a Hit costs one load.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

var (
	active = os.Getenv("TAILORBIRD_FAILPOINT") != "" || os.Getenv("TAILORBIRD_FAILPOINT_TRACE") != ""
	target string
	left   atomic.Int64
)

func init() {
	name, n, ok := strings.Cut(os.Getenv("TAILORBIRD_FAILPOINT"), ":")
	target = name
	left.Store(1)
	if ok {
		if v, err := strconv.ParseInt(n, 10, 64); err == nil {
			left.Store(v)
		}
	}
}

// Hit marks a step.
func Hit(name string) {
	if active {
		hit(name)
	}
}

func hit(name string) {
	if f := os.Getenv("TAILORBIRD_FAILPOINT_TRACE"); f != "" {
		if w, err := os.OpenFile(f, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			_, _ = w.WriteString(name + "\n")
			_ = w.Close()
		}
	}
	if name == target && left.Add(-1) == 0 {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // the signal is on its way
	}
}
