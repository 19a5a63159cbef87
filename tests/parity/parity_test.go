package parity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// kinds holds the runner of each kind. The areas' files fill it from init.
var kinds = map[string]func(*testing.T, *Case){}

func register(kind string, run func(*testing.T, *Case)) {
	if kinds[kind] != nil {
		panic("parity: two runners for kind " + kind)
	}
	kinds[kind] = run
}

func TestParity(t *testing.T) {
	root := os.Getenv("TAILORBIRD_GOLDENS")
	if root == "" {
		root = "testdata"
	} else if !filepath.IsAbs(root) {
		// go test runs in the package's folder; the user named it from the repository's root.
		root = filepath.Join("..", "..", root)
	}
	paths, err := filepath.Glob(filepath.Join(root, "*", "*", "case.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no AREA/NAME/case.json under %s (%v)", root, err)
	}
	for _, path := range paths { // Glob sorts
		dir := filepath.Dir(path)
		name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir)
		t.Run(name, func(t *testing.T) { runCase(t, dir) })
	}
}

func runCase(t *testing.T, dir string) {
	c, err := loadCase(dir)
	if err != nil {
		t.Fatal(err)
	}
	run := kinds[c.Kind]
	if run == nil {
		t.Skipf("kind %s is unknown", c.Kind)
	}
	if c.tensors != nil {
		defer c.tensors.Close()
	}
	run(t, c)
	for _, o := range c.Outputs {
		if !c.checked[o.Name] && !t.Failed() {
			t.Errorf("output %s was not checked", o.Name)
		}
	}
}

// Case is one reference case.
type Case struct {
	Dir     string          `json:"-"` // its folder
	Kind    string          `json:"kind"`
	Config  json.RawMessage `json:"config"`
	Inputs  []Tensor        `json:"inputs"`
	Outputs []Tensor        `json:"outputs"`

	tensors *safetensors.File
	checked map[string]bool
}

// Tensor names an input or an output; of an output it also says how near is
// near enough.
type Tensor struct {
	Name  string            `json:"name"`
	Dtype safetensors.Dtype `json:"dtype"`
	Shape []int             `json:"shape"`
	Exact bool              `json:"exact"`
	Rtol  float64           `json:"rtol"`
	Atol  float64           `json:"atol"`
}

func loadCase(dir string) (*Case, error) {
	text, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		return nil, err
	}
	c := &Case{Dir: dir, checked: map[string]bool{}}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if len(c.Inputs)+len(c.Outputs) == 0 {
		return c, nil
	}
	c.tensors, err = safetensors.Open(filepath.Join(dir, "tensors.safetensors"))
	return c, err
}

// DecodeConfig fills v from the case's config.
func (c *Case) DecodeConfig(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(c.Config, v); err != nil {
		t.Fatalf("config: %v", err)
	}
}

// DecodeFile fills v from a JSON file of the case, such as expected.json.
func (c *Case) DecodeFile(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(c.File(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// File returns the bytes of a file of the case.
func (c *Case) File(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Weights opens the case's weights.safetensors for the length of the test.
func (c *Case) Weights(t *testing.T) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(c.Dir, "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Has tells whether the case has an input of this name.
func (c *Case) Has(name string) bool {
	for _, in := range c.Inputs {
		if in.Name == name {
			return true
		}
	}
	return false
}

// Output returns the declaration of the named output, nil where there is none.
func (c *Case) Output(name string) *Tensor {
	for i := range c.Outputs {
		if c.Outputs[i].Name == name {
			return &c.Outputs[i]
		}
	}
	return nil
}

// U8 returns the values and the shape of an unsigned byte tensor.
func (c *Case) U8(t *testing.T, name string) ([]byte, []int) {
	t.Helper()
	v, err := c.tensors.Bytes(name)
	in, _ := c.tensors.Info(name)
	if err != nil || in.Dtype != safetensors.U8 {
		t.Fatalf("tensor %s of type %s as U8: %v", name, in.Dtype, err)
	}
	return v, in.Shape
}

// F32 returns the values and the shape of a float tensor.
func (c *Case) F32(t *testing.T, name string) ([]float32, []int) {
	t.Helper()
	v, shape, err := c.tensors.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	return v, shape
}

// I64 returns the values and the shape of an integer tensor.
func (c *Case) I64(t *testing.T, name string) ([]int64, []int) {
	t.Helper()
	v, shape, err := c.tensors.Int64(name)
	if err != nil {
		t.Fatal(err)
	}
	return v, shape
}
