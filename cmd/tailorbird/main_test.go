package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tailorbird/tailorbird/datasets/scenes"
)

// TestMain makes this program run as tailorbird where a test starts it under
// that name: Beam's flags can be set once a process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tailorbird": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"TAILORBIRD_NATIVE", "LD_LIBRARY_PATH"} {
				if v, ok := os.LookupEnv(name); ok {
					e.Setenv(name, v)
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"draw": draw, "exits": exits, "object": object, "lines": lines, "flip": flip, "selfcontained": selfContained, "runexamples": runExamples,
		},
	})
}

// draw DIR writes small raw datasets with accidents in them.
func draw(ts *testscript.TestScript, _ bool, args []string) {
	_, err := scenes.Write(ts.MkAbs(args[0]), 3, scenes.Size{Scenes: 24, Referred: 16, PerClass: 1})
	ts.Check(err)
}

// exits STATUS PROGRAM ARGS runs a program that must end with that status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// object [NAME=VALUE..] checks that the last command printed one JSON object on
// one line and nothing else, with those members.
func object(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile("stdout")
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "}\n") {
		ts.Fatalf("stdout is not one JSON object on a line")
	}
	var got map[string]any
	ts.Check(json.Unmarshal([]byte(text), &got))
	for _, a := range args {
		name, want, _ := strings.Cut(a, "=")
		if v, ok := got[name]; !ok || want != "" && fmt.Sprint(v) != want {
			ts.Fatalf("%s is %v, want %s", name, v, want)
		}
	}
}

// lines CASE.. checks that the last command printed the bench lines of the cases.
func lines(ts *testscript.TestScript, _ bool, cases []string) {
	texts := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	if len(texts) != len(cases) {
		ts.Fatalf("%d lines, want %d", len(texts), len(cases))
	}
	for i, text := range texts {
		var got map[string]any
		ts.Check(json.Unmarshal([]byte(text), &got))
		for _, name := range []string{"case", "value", "unit", "threads", "better"} {
			if got[name] == nil {
				ts.Fatalf("%s has no %s", text, name)
			}
		}
		if v, ok := got["value"].(float64); got["case"] != cases[i] || !ok || v <= 0 {
			ts.Fatalf("%s, want a rate of %s", text, cases[i])
		}
		if got["better"] != "higher" && got["better"] != "lower" {
			ts.Fatalf("%s: better is %v", text, got["better"])
		}
	}
}

// runExamples VERB.. runs the examples of the verbs as they are printed.
func runExamples(ts *testscript.TestScript, _ bool, verbs []string) {
	for _, verb := range verbs {
		for _, line := range examples[verb] {
			words := strings.Fields(line)
			if assignment.MatchString(words[0]) {
				words = append([]string{"env"}, words...)
			}
			if err := ts.Exec(words[0], words[1:]...); err != nil {
				ts.Fatalf("%s: %v", line, err)
			}
		}
	}
}

// flip FILE OFFSET changes one byte of a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := []byte(ts.ReadFile(args[0]))
	b[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// references are what a page may load from elsewhere.
var references = regexp.MustCompile(`(?i)(https?:|\bsrc=["']?[^"'d]|\bsrc=["']?d[^a]|<link|<script src|@import|url\((?:["'])?[^d"'#])`)

// selfcontained FILE checks that a page loads nothing.
func selfContained(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if at := references.FindStringIndex(text); at != nil {
		ts.Fatalf("%s refers to %q", args[0], text[at[0]:min(at[0]+80, len(text))])
	}
	if !strings.Contains(text, `src="data:image/`) && !strings.Contains(text, `href="data:image/`) {
		ts.Fatalf("%s shows no picture", args[0])
	}
}
