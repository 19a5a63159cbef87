package nn

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func convOf(stride, padding int) ops.Conv {
	return ops.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{padding, padding}}
}

// small is a module with each kind of entry.
func small(seed uint64) Sequence {
	s := Sequence{NewConv2d(2, 3, 1, ops.Conv{}, true), NewBatchNorm2d(3)}
	Initialise(s, seed)
	return s
}

func saved(t *testing.T, m Module) *safetensors.File {
	t.Helper()
	var b bytes.Buffer
	if err := SaveState(&b, m, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sameEntries compares all entries bit for bit.
func sameEntries(t *testing.T, a, b Module) {
	t.Helper()
	x, y := Entries(a), Entries(b)
	if len(x) != len(y) {
		t.Fatalf("%d and %d entries", len(x), len(y))
	}
	var first, second bytes.Buffer
	for i := range x {
		if x[i].Name != y[i].Name {
			t.Fatalf("entry %d: %s and %s", i, x[i].Name, y[i].Name)
		}
	}
	if err := SaveState(&first, a, nil); err != nil {
		t.Fatal(err)
	}
	if err := SaveState(&second, b, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		for i := range x {
			p, q := x[i].Var.Value, y[i].Var.Value
			if p.Data() != nil && !slices.Equal(bits(p.Data()), bits(q.Data())) {
				t.Errorf("%s: %v and %v", x[i].Name, p, q)
			}
		}
		t.Fatal("the states differ")
	}
}

func bits(data any) []byte {
	b, _ := json.Marshal(data)
	return b
}

func TestSavedStateLoadsBitForBit(t *testing.T) {
	a, b := small(1), small(2)
	f := saved(t, a)
	if f.Metadata["format"] != "pt" {
		t.Errorf("metadata %v", f.Metadata)
	}
	report, err := LoadState(b, f, LoadOptions{})
	if err != nil || len(report.Loaded) != 7 {
		t.Fatalf("%v, %v", report, err)
	}
	sameEntries(t, a, b)
}

// relabelled is a Source of other names.
type relabelled struct {
	*safetensors.File
	names []string
}

func (r relabelled) Names() []string { return r.names }

func TestLoadStateSaysWhatDoesNotFitAndChangesNothing(t *testing.T) {
	wide := Sequence{NewConv2d(2, 4, 1, ops.Conv{}, true), NewBatchNorm2d(3)}
	for _, tt := range []struct {
		name string
		m    Module
		src  func() Source
		o    LoadOptions
		want []string // parts of the message; none: no error
	}{
		{"another shape", wide, func() Source { return saved(t, small(1)) }, LoadOptions{},
			[]string{"0.weight has shape [3 2 1 1], want [4 2 1 1]", "0.bias has shape [3], want [4]"}},
		{"missing", small(1), func() Source { return saved(t, small(1)[:1]) }, LoadOptions{},
			[]string{"missing 1.weight, 1.bias, 1.running_mean, 1.running_var"}},
		{"missing, allowed", small(1), func() Source { return saved(t, small(2)[:1]) }, LoadOptions{AllowMissing: true}, nil},
		{"unexpected", small(1)[:1], func() Source { return saved(t, small(1)) }, LoadOptions{},
			[]string{"unexpected 1.bias, 1.num_batches_tracked, 1.running_mean, 1.running_var, 1.weight"}},
		{"unexpected, allowed", small(1)[:1], func() Source { return saved(t, small(1)) }, LoadOptions{AllowUnexpected: true}, nil},
		{"renamed", small(1)[:1], func() Source { return saved(t, small(1)) }, LoadOptions{Rename: func(n string) string {
			if strings.HasPrefix(n, "1.") {
				return ""
			}
			return n
		}}, nil},
		{"renamed to one name", small(1), func() Source { return saved(t, small(1)) }, LoadOptions{Rename: func(string) string { return "0.bias" }},
			[]string{"both renamed to 0.bias"}},
		{"skipped", wide, func() Source { return saved(t, small(1)) }, LoadOptions{Skip: func(n string) bool { return strings.HasPrefix(n, "0.") }}, nil},
		{"no count of batches", small(1), func() Source {
			f := saved(t, small(1))
			return relabelled{f, slices.DeleteFunc(slices.Clone(f.Names()), func(n string) bool { return strings.HasSuffix(n, "tracked") })}
		}, LoadOptions{}, nil},
	} {
		before := saved(t, tt.m)
		_, err := LoadState(tt.m, tt.src(), tt.o)
		if tt.want == nil {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", tt.name, err, part)
			}
		}
		after := saved(t, tt.m)
		for _, name := range before.Names() {
			a, _ := before.View(name)
			b, _ := after.View(name)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: %s has changed", tt.name, name)
			}
		}
	}
}

func TestWideFloatsAreRoundedOnlyWhenAllowed(t *testing.T) {
	m := Sequence{&Linear{Weight: NewParam(nil, 2)}}
	var b bytes.Buffer
	wide := safetensors.Tensor{Name: "0.weight", Dtype: safetensors.F64, Shape: []int{2}, Data: make([]byte, 16)}
	if err := safetensors.Write(&b, []safetensors.Tensor{wide}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadState(m, f, LoadOptions{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a double: %v", err)
	}
	if _, err := LoadState(m, f, LoadOptions{AllowRounding: true}); err != nil {
		t.Error(err)
	}
	whole := Sequence{&BatchNorm2d{NumBatchesTracked: NewCounter()}}
	if _, err := LoadState(whole, f, LoadOptions{Rename: func(string) string { return "0.num_batches_tracked" }}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("floats as a count: %v", err)
	}
}

func TestOpenCheckpointKnowsTheFormats(t *testing.T) {
	dir := t.TempDir()
	a := small(1)
	var b bytes.Buffer
	if err := SaveState(&b, a, nil); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("shard.safetensors", b.Bytes())
	weights := map[string]string{}
	for _, e := range Entries(a) {
		weights[e.Name] = "shard.safetensors"
	}
	index, err := json.Marshal(map[string]any{"weight_map": weights})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{write("model.safetensors", b.Bytes()), write("model.safetensors.index.json", index)} {
		f, err := OpenCheckpoint(path)
		if err != nil {
			t.Fatal(err)
		}
		m := small(2)
		if _, err := LoadState(m, f, LoadOptions{}); err != nil {
			t.Fatal(err)
		}
		sameEntries(t, a, m)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if f, err := OpenCheckpoint(filepath.Join(dir, "nothing")); f != nil || fault.CodeOf(err) != fault.NotFound {
		t.Errorf("no file: %v, %v", f, err)
	}
	if f, err := OpenCheckpoint(write("bad", []byte("PK\x03\x04 and no more"))); f != nil || fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("half a zip file: %v, %v", f, err)
	}
}
