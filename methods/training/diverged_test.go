package training

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// breaking spoils a number of a run at step 3.
type breaking struct {
	Plain
	images, gradient, loss bool
	param                  string // spoilt between steps 2 and 3
	name                   string // whose gradient
}

func (m *breaking) value(name string) *nn.Var {
	for _, e := range nn.Entries(m.Run.Net) {
		if e.Name == name {
			return e.Var
		}
	}
	return nil
}

func (m *breaking) Prepare(b *Batch) error {
	if b.Step == 3 && m.images {
		b.Images.Float32s()[5] = float32(math.NaN())
	}
	return nil
}

func (m *breaking) Loss(t *nn.Tape, b *Batch) (*Loss, error) {
	l, err := m.Plain.Loss(t, b)
	if err == nil && b.Step == 3 && m.loss {
		l.Total = t.Affine(l.Total, float32(math.Inf(1)), 0)
	}
	return l, err
}

func (m *breaking) Gradients(b *Batch, _ []*nn.Var) error {
	if b.Step == 3 && m.gradient {
		m.value(m.name).Grad.Float32s()[0] = float32(math.Inf(-1))
	}
	return nil
}

func (m *breaking) Stepped(b *Batch) error {
	if b.Step == 2 && m.param != "" {
		m.value(m.param).Value.Float32s()[0] = 3e38
	}
	return nil
}

func TestARunWhoseNumbersAreNotFiniteFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		method             *breaking
		clip               Clip
		what, where, layer string
	}{
		{"NaN in an image", &breaking{images: true}, Clip{}, "loss", "input", ""},
		{"a weight too large", &breaking{param: "layer2.0.conv2.weight"}, Clip{}, "loss", "activation", "layer2.0.bn2"},
		{"a gradient", &breaking{gradient: true, name: "layer1.0.conv2.weight"}, Clip{}, "gradient", "gradient", "layer1.0.conv2.weight"},
		{"a gradient that is clipped", &breaking{gradient: true, name: "layer1.0.conv2.weight"}, Clip{Norm: 1}, "gradient", "gradient", "layer1.0.conv2.weight"},
		{"the method's loss", &breaking{loss: true}, Clip{}, "loss", "loss", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := small(t, t.TempDir())
			c.Use, c.Clip = test.method, test.clip
			c.Method.Name = "breaking"
			r, err := train(t, c)
			var d *Diverged
			if !errors.As(err, &d) {
				t.Fatalf("error %v", err)
			}
			if d.Step != 3 || d.Epoch != 0 || d.What != test.what || d.Where != test.where || !strings.Contains(d.Layer, test.layer) {
				t.Errorf("%v", d)
			}
			order := source(t, drawn(50, 1))
			order.o.Shuffle = true
			if err := order.Epoch(0); err != nil {
				t.Fatal(err)
			}
			for i, key := range d.Keys {
				if want := order.o.Keys[order.order[3*8+i]]; key != want || len(d.Keys) != 8 {
					t.Errorf("key %d is %s, want %s", i, key, want)
				}
			}
			if r.Status != Failed || r.Failure != d || r.Steps != 3 || r.FinalSHA256 != "" {
				t.Errorf("%+v", r)
			}
			// Called again it says the same without training.
			c = small(t, c.Dir)
			c.Use, c.Clip, c.Method.Name = test.method, test.clip, "breaking"
			again, err := train(t, c)
			var e *Diverged
			if !errors.As(err, &e) || cmp.Diff(d, e) != "" {
				t.Errorf("again: %v", err)
			}
			if d := cmp.Diff(r, again); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestALearningRateThatIsFarTooHighIsNamed(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	c.Use = nil
	c.Optimiser.Options["lr"] = 1e25
	c.Schedule = Named{}
	r, err := train(t, c)
	var d *Diverged
	if !errors.As(err, &d) || r == nil || d.Step > 3 || d.Where == "" || d.Layer == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if !strings.Contains(err.Error(), "drawn-1-") {
		t.Errorf("no keys: %v", err)
	}
}

func TestLogitsThatAreNotFiniteEndAnEvaluation(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	c.Use = &spoiling{}
	_, err := train(t, c)
	var d *Diverged
	if !errors.As(err, &d) || d.What != "evaluation" || d.Step != 6 || !slices.Equal(d.Keys, []string{"drawn-2-0000"}) || d.Layer != "fc.bias" {
		t.Errorf("%v", err)
	}
}

// spoiling writes NaN into the network at the end of an epoch.
type spoiling struct{ Plain }

func (m *spoiling) EndEpoch(int64) error {
	e := nn.Entries(m.Run.Net)
	e[len(e)-1].Var.Value.Float32s()[0] = float32(math.NaN())
	return nil
}
