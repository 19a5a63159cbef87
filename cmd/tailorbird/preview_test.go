package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/datasets/scenes"
)

// tiny builds a small dataset and returns its directory.
func tiny(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	raw, err := scenes.Write(filepath.Join(dir, "raw"), 5, scenes.Size{Scenes: 24, Referred: 16, PerClass: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	cmd := exec.Command("tailorbird", "build", "--dataset", "imagenet", "--images", raw.Val.Inputs["images"], "--input", "labels="+raw.Val.Inputs["labels"],
		"--input", "synsets="+raw.Val.Inputs["synsets"], "--set", "build.error_budget=100%", "--set", "build.class_error_budget=100%", "--out", out, "--progress", "none")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func TestPreviewServesThisMachineUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	out := tiny(t)
	for _, mode := range []string{"--json", ""} {
		cmd := exec.Command("tailorbird", strings.Fields("preview "+mode)...)
		cmd.Args = append(cmd.Args, out)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer watchdog.Stop()
		lines := bufio.NewReader(stdout)
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%v\n%s", err, &errs)
		}
		if page := get(t, address(t, mode, line)); !strings.Contains(page, "<html") {
			t.Errorf("the page is %.200q", page)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		rest, err := io.ReadAll(lines)
		if err != nil || len(rest) > 0 {
			t.Errorf("stdout goes on with %q (%v)", rest, err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &errs)
		}
	}
}

// address finds the URL in what preview prints.
func address(t *testing.T, mode, line string) string {
	t.Helper()
	if mode == "--json" {
		var up struct {
			OK  bool
			URL string
		}
		if err := json.Unmarshal([]byte(line), &up); err != nil || !up.OK {
			t.Fatalf("%v: %s", err, line)
		}
		return up.URL
	}
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ';' }) {
		if strings.HasPrefix(word, "http://127.0.0.1:") {
			return word
		}
	}
	t.Fatalf("no address in %q", line)
	return ""
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s: %s %v", url, res.Status, err)
	}
	return string(b)
}
