package build

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The worker is a process of its own, started by a job server from the staged
// binary: nothing may depend on memory that it shares with the submitter.
func TestPortableWorkerProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two commands of Beam and starts a job server")
	}
	t.Parallel()
	dir := t.TempDir()
	prism, boot := filepath.Join(dir, "prism"), filepath.Join(dir, "boot")
	for out, pkg := range map[string]string{prism: "cmd/prism", boot: "container"} {
		if err := goBuild(out, "github.com/apache/beam/sdks/v2/go/"+pkg); err != nil {
			t.Fatal(err)
		}
	}
	// Prism passes --id='ID' with its quotes, which boot refuses.
	wrapper := filepath.Join(dir, "boot.sh")
	deadly := filepath.Join(dir, "failpoint") // where there is one, a worker dies at the step that it names
	script := fmt.Sprintf(`#!/bin/sh
set -e
n=$#
for a; do set -- "$@" "$(printf %%s "$a" | tr -d "'")"; done
shift $n
export TMPDIR=%s TAILORBIRD_FAILPOINT=$(cat %s 2>/dev/null || true)
exec %s "$@"
`, dir, deadly, boot)
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	environment, err := json.Marshal(map[string]string{"command": wrapper})
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	server := launch(t, []string{"TMPDIR=" + dir}, prism, "--job_port="+strconv.Itoa(port), "--serve_http=false", "--log_level=warn")
	waitForPort(t, server, port)
	portable := []string{"--runner", "portable", "--", fmt.Sprintf("--endpoint=localhost:%d", port),
		"--environment_type=PROCESS", "--environment_config=" + string(environment), "--worker_binary=" + program}

	r, recipe := shapeNamed(t, "coco").layOut(t)
	build(t, recipe, r.path("in-process"))
	// The step is one of the worker's: it does not kill the submitter.
	res := buildIn(t, []string{"TAILORBIRD_FAILPOINT=shard.example"}, recipe, r.path("portable"), portable...)
	if res.Runner != "portable" {
		t.Errorf("%+v", res)
	}
	again(t, recipe, r.path("in-process"), r.path("portable"))

	if err := os.WriteFile(deadly, []byte("shard.done:1"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := tailorbird(t, nil, buildArgs(recipe, r.path("killed"), portable...)...)
	if e.status != 1 || hasManifest(r.path("killed")) {
		t.Errorf("worker killed: exit status %d, signal %d\n%s%s", e.status, e.signal, e.stdout, e.stderr)
	}
	if err := os.Remove(deadly); err != nil {
		t.Fatal(err)
	}
	again(t, recipe, r.path("in-process"), r.path("killed"), portable...)
	if t.Failed() {
		t.Logf("server: %s", server.stderr.String())
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func waitForPort(t *testing.T, server *process, port int) {
	t.Helper()
	for end := time.Now().Add(watchdog); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("localhost:%d", port)); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("nothing listens at port %d: %s", port, server.stderr.String())
}
