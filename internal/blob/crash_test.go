package blob_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/blob/blobtest"
)

// crashBytes take more than one write.
var crashBytes = payload(300_000)

// TestCrashChild is the process that dies: it publishes crashBytes at the path in
// BLOB_CRASH, without links where BLOB_CRASH_LINKS says off.
func TestCrashChild(t *testing.T) {
	addr := os.Getenv("BLOB_CRASH")
	if addr == "" {
		t.Skip("runs as a child of TestFault01 only")
	}
	in := none
	if os.Getenv("BLOB_CRASH_LINKS") == "off" {
		in = noLinks(syscall.EPERM)
	}
	if _, err := put(blob.NewLocal(blobtest.New(blobtest.Quick(), in)), addr, crashBytes); err != nil {
		t.Fatal(err)
	}
}

// crashChild runs TestCrashChild and reports whether it was killed.
func crashChild(t *testing.T, addr, links string, env ...string) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), append([]string{"GORACE=atexit_sleep_ms=0", "BLOB_CRASH=" + addr, "BLOB_CRASH_LINKS=" + links}, env...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return true
	}
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	return false
}

func TestFault01KilledAtAnyStepARerunPublishesTheSameBytes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a process a step")
	}
	for _, links := range []string{"on", "off"} {
		t.Run("links "+links, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			trace := filepath.Join(dir, "trace")
			if crashChild(t, filepath.Join(dir, "x"), links, "TAILORBIRD_FAILPOINT_TRACE="+trace) {
				t.Fatal("killed without a failpoint")
			}
			text, err := os.ReadFile(trace)
			if err != nil {
				t.Fatal(err)
			}
			steps := strings.Fields(string(text))
			if len(steps) < 8 {
				t.Fatalf("only %d steps: %v", len(steps), steps)
			}
			hits := map[string]int{}
			for _, step := range steps {
				hits[step]++
				killAt(t, links, fmt.Sprintf("%s:%d", step, hits[step]))
			}
		})
	}
}

func killAt(t *testing.T, links, step string) {
	t.Helper()
	dir := t.TempDir()
	addr := filepath.Join(dir, "out", "x")
	if !crashChild(t, addr, links, "TAILORBIRD_FAILPOINT="+step) {
		t.Errorf("%s: the child was not killed", step)
	}
	holds(t, addr, crashBytes) // absent or whole
	for _, n := range names(t, filepath.Dir(addr)) {
		if n != "x" && !strings.HasPrefix(n, ".tb-") {
			t.Errorf("%s: orphan %s is visible", step, n)
		}
	}
	if _, err := blob.Sweep(context.Background(), dir); err != nil {
		t.Errorf("%s: %v", step, err)
	}
	if crashChild(t, addr, links) {
		t.Errorf("%s: the rerun was killed", step)
	}
	if !holds(t, addr, crashBytes) {
		t.Errorf("%s: nothing after the rerun", step)
	}
	if left, err := blob.Sweep(context.Background(), dir); err != nil || len(left) != 0 {
		t.Errorf("%s: after the rerun there is %v, %v", step, left, err)
	}
}
