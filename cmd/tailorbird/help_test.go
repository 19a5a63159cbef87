package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// parser is the command line without anything that runs.
func parser(t *testing.T) *kong.Kong {
	t.Helper()
	k, err := kong.New(new(cli), kong.Name("tailorbird"), flagGroups, kong.Exit(func(int) { t.Error("it exits") }))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func verbs(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, n := range parser(t).Model.Children {
		names = append(names, n.Name)
	}
	return names
}

func TestEveryVerbHasExamplesAndNothingElseHas(t *testing.T) {
	t.Parallel()
	want := append(verbs(t), "")
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(examples)); !slices.Equal(got, want) {
		t.Errorf("examples of %q, verbs are %q", got, want)
	}
}

// assignment is a setting of the environment before a command.
var assignment = regexp.MustCompile(`^[A-Z_]+=`)

func TestEveryExampleIsACommandOfItsVerb(t *testing.T) {
	t.Parallel()
	for verb, list := range examples {
		for _, line := range list {
			words := strings.Fields(line)
			for assignment.MatchString(words[0]) {
				words = words[1:]
			}
			if words[0] != "tailorbird" || verb != "" && (len(words) < 2 || words[1] != verb) {
				t.Errorf("%q is no example of %q", line, verb)
			}
			args := words[1:]
			if help := slices.Index(args, "--help"); help >= 0 { // it exits
				args = slices.Delete(slices.Clone(args), help, help+1)
			}
			if _, err := parser(t).Parse(args); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}

// In every help the simple flags come first, then the advanced ones, then three
// examples, then the exit status.
func TestHelpHasItsPartsInOrder(t *testing.T) {
	t.Parallel()
	for _, verb := range append(verbs(t), "") {
		var out, errs bytes.Buffer
		args := []string{verb, "--help"}
		if verb == "" {
			args = args[1:]
		}
		if status := run(args, &out, &errs); status != exitDone || errs.Len() > 0 {
			t.Errorf("%q: exit status %d, stderr %q", verb, status, &errs)
		}
		text, last := out.String(), 0
		parts := []string{"Usage: tailorbird " + verb, "\nFlags:", "\nAdvanced flags:", "\nEXAMPLES\n", "\nEXIT STATUS\n"}
		if !hasAdvanced(t, verb) {
			parts = slices.Delete(parts, 2, 3)
		}
		for _, part := range parts {
			at := strings.Index(text, part)
			if at < last || strings.Count(text, part) != 1 {
				t.Errorf("%q: %q is not in its place:\n%s", verb, part, text)
			}
			last = at
		}
		_, tail, _ := strings.Cut(text, "\nEXAMPLES\n")
		shown, status, _ := strings.Cut(tail, "\n\nEXIT STATUS\n")
		if want := examples[verb]; shown != "  "+strings.Join(want[:], "\n  ") {
			t.Errorf("%q: examples %q", verb, shown)
		}
		for _, code := range []int{exitDone, exitFailed, exitUsage, exitBudget, exitDamage, exitOccupied, exitInterrupted} {
			if !strings.Contains("\n"+status, fmt.Sprintf("\n  %-4d ", code)) {
				t.Errorf("%q: nothing about exit status %d", verb, code)
			}
		}
	}
}

// hasAdvanced reports whether a verb has a flag of that group, and that they
// come last.
func hasAdvanced(t *testing.T, verb string) bool {
	for _, n := range parser(t).Model.Children {
		if n.Name == verb {
			seen := false
			for _, f := range n.Flags {
				is := f.Group != nil && f.Group.Key == advanced
				if seen && !is {
					t.Errorf("%s: --%s comes after the advanced flags", verb, f.Name)
				}
				seen = seen || is
			}
			return seen
		}
	}
	return false
}

func TestEveryVerbTakesJSON(t *testing.T) {
	t.Parallel()
	for _, n := range parser(t).Model.Children {
		if !slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == "json" }) {
			t.Errorf("%s has no --json", n.Name)
		}
	}
}

func TestACommandLineThatIsWrongIsAnObjectToo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"buidl", "--json"}, {"build", "--json", "--nosuch"}, {"verify", "--json"}, {"list", "nothing", "--json"}} {
		var out, errs bytes.Buffer
		if status := run(args, &out, &errs); status != exitUsage {
			t.Errorf("%q: exit status %d", args, status)
		}
		var got struct {
			OK         *bool  `json:"ok"`
			Error      string `json:"error"`
			ExitStatus int    `json:"exit_status"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.OK == nil || *got.OK || got.Error == "" || got.ExitStatus != exitUsage {
			t.Errorf("%q: %v: %s", args, err, &out)
		}
		if !strings.Contains(errs.String(), got.Error) {
			t.Errorf("%q: stderr %q does not say it", args, &errs)
		}
	}
}

func TestBeamsFlagsFollowTwoDashes(t *testing.T) {
	t.Parallel()
	ours, beam := splitBeamFlags([]string{"build", "--", "--endpoint=h:1", "--", "x"})
	if !slices.Equal(ours, []string{"build"}) || !slices.Equal(beam, []string{"--endpoint=h:1", "--", "x"}) {
		t.Errorf("%q and %q", ours, beam)
	}
	if ours, beam = splitBeamFlags([]string{"list"}); len(ours) != 1 || beam != nil {
		t.Errorf("%q and %q", ours, beam)
	}
}
