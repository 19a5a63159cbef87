package datasettest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// lines is a source in which each line of a file is an example; flaw breaks one
// promise of the interface.
type lines struct{ flaw string }

func (lines) Spec() datasets.Spec {
	return datasets.Spec{Name: "lines", Task: datasets.Detection, Inputs: []datasets.Input{
		{Role: "images", Doc: "a directory", Required: true}, {Role: "annotations", Doc: "a file", Required: true},
	}}
}

func (s lines) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	if err := datasets.CheckInputs(s.Spec(), in); err != nil && s.flaw != "roles" {
		return err
	}
	if s.flaw == "cancel" {
		ctx = context.WithoutCancel(ctx)
	}
	for _, err := range blob.List(ctx, in["images"]) {
		if err != nil && s.flaw != "missing" {
			return err
		}
	}
	data, err := blob.ReadFile(ctx, in["annotations"], 1<<20)
	if s.flaw == "own files" {
		data, err = os.ReadFile(in["annotations"])
	}
	if err != nil {
		return err
	}
	sum := strings.Repeat("0", 64)
	p.Input(datasets.InputFile{Role: "images", Name: "images", SHA256: sum, Of: "listing"})
	p.Input(datasets.InputFile{Role: "annotations", Name: blob.Base(in["annotations"]), SHA256: sum, Of: "content"})
	return s.emit(data, p)
}

func (s lines) emit(data []byte, p *datasets.Planner) error {
	off := int64(0)
	for line := range strings.Lines(string(data)) {
		key := strings.TrimSuffix(line, "\n")
		if datasets.CheckKey(key) != nil {
			switch s.flaw {
			case "panic":
				panic("no such key")
			case "untyped":
				return errors.New("no such key")
			}
			return fault.New(fault.Corrupt, "key %q", key)
		}
		ref := datasets.Ref{Key: key, Split: "train", Label: -1, Image: datasets.Span{Length: -1}}
		ref.Rows = []datasets.Row{{Span: datasets.Span{Offset: off, Length: int64(len(line))}}}
		switch off += int64(len(line)); s.flaw {
		case "spans":
			ref.Rows[0].Offset += 3
		case "keys":
			ref.Key = "same"
		}
		if p.Want(ref.Split) || s.flaw == "splits" {
			if err := p.Emit(ref); err != nil && s.flaw != "emit" {
				return err
			}
		}
	}
	return nil
}

func (s lines) Example(ref *datasets.Ref, rows [][]byte, m *datasets.Meta) (*datasets.Example, error) {
	id, anns := int64(1), []datasets.Annotation{{ID: 1}, {ID: 2}}
	switch s.flaw {
	case "order":
		anns[0].ID = 3
	case "task":
		return &datasets.Example{Key: ref.Key, Split: ref.Split}, nil
	case "json":
		return &datasets.Example{Key: ref.Key, Split: ref.Split, ImageID: &id, Annotations: &anns, Ext: "jpg"}, nil
	}
	return &datasets.Example{Key: ref.Key, Split: ref.Split, ImageID: &id, Annotations: &anns}, nil
}

func TestTheKitPassesASoundSourceAndFindsEachFlaw(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(path, []byte("ab\ncd\nef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Case{Source: lines{}, Inputs: datasets.Inputs{"images": dir, "annotations": path}, Want: map[string]int{"train": 3}, Missing: 3}
	Run(t, c)
	for flaw, check := range map[string]string{
		"spans": "spans lie inside their files", "keys": "keys are valid and unique", "splits": "a wanted split filters",
		"order": "every example is built and survives JSON", "task": "every example is built and survives JSON", "json": "every example is built and survives JSON",
		"cancel": "a cancelled context ends the plan", "emit": "an error of Emit ends the plan", "missing": "a missing input is named",
		"roles": "a missing or unknown role is a usage error", "own files": "inputs are opened through blob",
		"panic": "damaged inputs give typed errors", "untyped": "damaged inputs give typed errors",
	} {
		t.Run("the flaw "+flaw, func(t *testing.T) {
			bad := c
			bad.Source = lines{flaw}
			k, err := newKit(bad, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, ch := range checks {
				if ch.name == check && ch.run(k) == nil {
					t.Errorf("%q finds nothing", check)
				}
			}
		})
	}
}

func TestTheKitFindsAPlanThatChangesOrMiscounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(path, []byte("ab\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := newKit(Case{Source: lines{}, Inputs: datasets.Inputs{"images": dir, "annotations": path}, Want: map[string]int{"val": 1}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if k.counts() == nil {
		t.Error("a wrong count passes")
	}
	k.plan.Refs[0].Label = 4
	if k.repeats() == nil {
		t.Error("a plan that differs passes")
	}
}
