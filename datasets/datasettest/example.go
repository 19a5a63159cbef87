package datasettest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func (k *kit) examples() error {
	for i := range k.plan.Refs {
		ref := &k.plan.Refs[i]
		rows, err := k.rows(k.Inputs, ref)
		if err != nil {
			return err
		}
		ex, err := k.example(ref, rows, &k.plan.Meta)
		if err == nil {
			err = k.fields(ref, ex)
		}
		if err == nil {
			err = roundTrip(ex)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", ref.Key, err)
		}
	}
	return nil
}

// example is Source.Example; a panic is an error that no check accepts.
func (k *kit) example(ref *datasets.Ref, rows [][]byte, m *datasets.Meta) (ex *datasets.Example, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{r}
		}
	}()
	return k.Source.Example(ref, rows, m)
}

// rows reads the rows of ref as a shard would.
func (k *kit) rows(in datasets.Inputs, ref *datasets.Ref) ([][]byte, error) {
	rows := make([][]byte, len(ref.Rows))
	for i, row := range ref.Rows {
		if rows[i] = row.Data; row.Data != nil {
			continue
		}
		o, err := blob.Open(context.Background(), (&kit{Case: Case{Inputs: in}}).address("annotations", row.Span))
		if err != nil {
			return nil, err
		}
		rows[i] = make([]byte, row.Length)
		_, err = io.ReadFull(io.NewSectionReader(o, row.Offset, row.Length), rows[i])
		o.Close()
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// fields checks what an example of the source's task must have.
func (k *kit) fields(ref *datasets.Ref, ex *datasets.Example) error {
	task := k.Source.Spec().Task
	if ex.Key != ref.Key || ex.Split != ref.Split || ex.Task() != task {
		return fmt.Errorf("example of key %q, split %q, task %s; want %q, %q, %s", ex.Key, ex.Split, ex.Task(), ref.Key, ref.Split, task)
	}
	switch task {
	case datasets.Classification:
		n := len(k.plan.Meta.Classes)
		if ex.Label == nil || *ex.Label != ref.Label || *ex.Label < 0 || *ex.Label >= n || ex.Name == "" {
			return fmt.Errorf("label %v named %q; the ref's is %d of %d classes", ex.Label, ex.Name, ref.Label, n)
		}
	case datasets.Detection:
		if ex.ImageID == nil || ref.Label != -1 {
			return fmt.Errorf("image id %v, label %d, want an id and no label", ex.ImageID, ref.Label)
		}
		return ordered(*ex.Annotations)
	case datasets.Referring:
		if ex.ImageID == nil || len(*ex.Refs) == 0 {
			return fmt.Errorf("image id %v, %d refs, want an id and at least one", ex.ImageID, len(*ex.Refs))
		}
		for _, r := range *ex.Refs {
			if len(r.Sentences) == 0 {
				return fmt.Errorf("ref %d has no sentences", r.RefID)
			}
		}
	}
	return nil
}

func ordered(anns []datasets.Annotation) error {
	for i := 1; i < len(anns); i++ {
		if anns[i].ID <= anns[i-1].ID {
			return fmt.Errorf("annotation %d after %d, want them by id", anns[i].ID, anns[i-1].ID)
		}
	}
	return nil
}

func roundTrip(ex *datasets.Example) error {
	b, err := json.Marshal(ex)
	if err != nil {
		return err
	}
	var back datasets.Example
	if err := json.Unmarshal(b, &back); err != nil {
		return err
	}
	if !reflect.DeepEqual(ex, &back) {
		return fmt.Errorf("the example changes through JSON: %s", b)
	}
	return nil
}

// typed tells whether err is one that a source may give for bad data.
func typed(err error) bool {
	c := fault.CodeOf(err)
	return !panicked(err) && c != "" && c != fault.Bug
}
