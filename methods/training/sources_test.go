package training

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// odd changes what a source delivers.
type odd struct {
	*InMemory
	change func(d *InMemory, dst *Batch) error
}

func (d odd) Next(ctx context.Context, dst *Batch) error {
	if err := d.InMemory.Next(ctx, dst); err != nil {
		return err
	}
	return d.change(d.InMemory, dst)
}

func TestALabelThatIsNoClassNamesItsSample(t *testing.T) {
	t.Parallel()
	spoil := func(d *InMemory, dst *Batch) error {
		if d.next == 24 || d.next == 20 { // the third of training, the second of evaluation
			dst.Labels.Int64s()[2] = -1
		}
		return nil
	}
	c := small(t, t.TempDir())
	c.Train = odd{c.Train.(*InMemory), spoil}
	_, err := train(t, c)
	if fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), "drawn-1-") {
		t.Errorf("training: %v", err)
	}
	c = small(t, t.TempDir())
	c.Eval = odd{c.Eval.(*InMemory), spoil}
	_, err = train(t, c)
	if fault.CodeOf(err) != fault.InvalidAnnotation || fault.PlaceOf(err).Key != "drawn-2-0012" {
		t.Errorf("evaluation: %v", err)
	}
}

func TestAnEpochMayBeShorterThanItsSamples(t *testing.T) {
	t.Parallel()
	short := func(d *InMemory, _ *Batch) error {
		if d.next > 30 {
			return io.EOF
		}
		return nil
	}
	c := small(t, t.TempDir())
	c.Train = odd{c.Train.(*InMemory), short}
	if r := trained(t, c); r.Steps != 9 || r.Epochs != 3 {
		t.Errorf("%+v", r)
	}
	none := func(*InMemory, *Batch) error { return io.EOF }
	c = small(t, t.TempDir())
	c.Train = odd{c.Train.(*InMemory), none}
	if _, err := train(t, c); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("error %v", err)
	}
}

// twofold counts how many images of the second view differ from the first.
type twofold struct {
	Plain
	seen, differ int
}

func (m *twofold) Views() int { return 2 }

func (m *twofold) Prepare(b *Batch) error {
	if b.Second == nil || b.Second == b.Images {
		return fault.New(fault.Bug, "no second view")
	}
	one, two := b.Images.Float32s(), b.Second.Float32s()
	for i := range b.Keys {
		m.seen++
		if !slices.Equal(one[i*192:(i+1)*192], two[i*192:(i+1)*192]) {
			m.differ++
		}
	}
	return nil
}

func TestAMethodMayAskForTwoViews(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	m := &twofold{}
	c.Use = m
	trained(t, c)
	if m.seen != 144 || m.differ < 100 {
		t.Errorf("%d of %d second views differ", m.differ, m.seen)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":"tailorbird-checkpoints-1","checkpoints":[{"file":"step-0000000001-epoch-00000.safetensors","step":1}]}`))
	f.Add([]byte(`{"checkpoints":[{"file":"../x","step":1,"sha256":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, checkpoints), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, checkpoints, manifestFile), b, 0o644); err != nil {
			t.Fatal(err)
		}
		all, err := Checkpoints(dir)
		if err != nil && fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("fault %q: %v", fault.CodeOf(err), err)
		}
		for _, c := range all {
			if filepath.Base(c.File) != c.File || !strings.HasPrefix(c.File, "step-") {
				t.Errorf("file %q", c.File)
			}
		}
	})
}
