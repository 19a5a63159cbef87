package failpoint_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/internal/failpoint"
)

// TestHitChild is the process that dies.
func TestHitChild(t *testing.T) {
	if os.Getenv("FAILPOINT_CHILD") == "" {
		t.Skip("runs as a child of TestHit only")
	}
	for _, name := range []string{"a", "b", "a", "b", "c"} {
		failpoint.Hit(name)
	}
}

func TestHitKillsAtTheNthHitOfItsName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ point, trace string }{
		{"", "a\nb\na\nb\nc\n"},
		{"a", "a\n"},
		{"b", "a\nb\n"},
		{"b:2", "a\nb\na\nb\n"},
		{"c:1", "a\nb\na\nb\nc\n"},
		{"c:2", "a\nb\na\nb\nc\n"},
		{"none", "a\nb\na\nb\nc\n"},
	} {
		t.Run(c.point, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "trace")
			cmd := exec.Command(os.Args[0], "-test.run=^TestHitChild$", "-test.count=1")
			cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "FAILPOINT_CHILD=1", "TAILORBIRD_FAILPOINT="+c.point, "TAILORBIRD_FAILPOINT_TRACE="+file)
			err := cmd.Run()
			var exit *exec.ExitError
			killed := errors.As(err, &exit) && !exit.Exited()
			want := c.point != "" && c.point != "none" && c.point != "c:2"
			if killed != want || !killed && err != nil {
				t.Errorf("killed %v, want %v: %v", killed, want, err)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != c.trace {
				t.Errorf("trace %q, %v; want %q", got, err, c.trace)
			}
		})
	}
}
