package parity

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	register("parameter_shapes", parameterShapesCase)
}

// archs builds a network of a family from a case's config. The families' files
// fill it from init.
var archs = map[string]func(cfg json.RawMessage) (nn.Layer, error){}

func registerArch(arch string, build func(cfg json.RawMessage) (nn.Layer, error)) {
	if archs[arch] != nil {
		panic("parity: two builders for arch " + arch)
	}
	archs[arch] = build
}

// models builds networks of published size that the zoo does not list.
var models = map[string]func(cfg json.RawMessage) (nn.Module, error){}

func registerModel(arch string, build func(cfg json.RawMessage) (nn.Module, error)) {
	if models[arch] != nil {
		panic("parity: two builders for model " + arch)
	}
	models[arch] = build
}

// parameterShapesCase compares the names, shapes and number of a published
// network's parameters and buffers.
func parameterShapesCase(t *testing.T, c *Case) {
	var cfg struct {
		Arch       string
		NumClasses int `json:"num_classes"`
	}
	c.DecodeConfig(t, &cfg)
	var want struct {
		Count, Tensors      int
		Parameters, Buffers map[string][]int
	}
	c.DecodeFile(t, "expected.json", &want)
	net := published(t, c, cfg.Arch, cfg.NumClasses)
	seen := map[string]bool{}
	for _, e := range nn.Entries(net) {
		seen[e.Name] = true
		where, what := want.Parameters, "parameter"
		if e.Buffer {
			where, what = want.Buffers, "buffer"
		}
		switch shape, ok := where[e.Name]; {
		case !ok:
			t.Errorf("%s %s is not in the reference", what, e.Name)
		case !slices.Equal(shape, e.Var.Shape()):
			t.Errorf("%s %s: shape %v, want %v", what, e.Name, e.Var.Shape(), shape)
		}
	}
	for _, where := range []map[string][]int{want.Parameters, want.Buffers} {
		for name := range where {
			if !seen[name] {
				t.Errorf("the network has no %s", name)
			}
		}
	}
	if n := nn.CountParams(net); n != want.Count {
		t.Errorf("%d trained values, want %d", n, want.Count)
	}
	if len(seen) != want.Tensors {
		t.Errorf("%d tensors, want %d", len(seen), want.Tensors)
	}
}

// published returns a network by its published name. It skips the case where
// nobody has that network yet.
func published(t *testing.T, c *Case, arch string, classes int) nn.Module {
	t.Helper()
	if build := models[arch]; build != nil {
		net, err := build(c.Config)
		if err != nil {
			t.Fatal(err)
		}
		return net
	}
	if _, err := zoo.Lookup(arch); err != nil {
		t.Skipf("network %s is unknown", arch)
	}
	net, err := zoo.New(arch, zoo.Options{Classes: classes})
	if err != nil {
		t.Fatal(err)
	}
	return net
}
