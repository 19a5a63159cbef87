package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// oneOfEach has a tensor of every type, each of the values 1 and 2, or true and false.
func oneOfEach(t *testing.T) []byte {
	t.Helper()
	le := func(size int, values ...uint64) []byte {
		var b []byte
		for _, v := range values {
			for i := range size {
				b = append(b, byte(v>>(8*i)))
			}
		}
		return b
	}
	var ts []Tensor
	for d, data := range map[Dtype][]byte{
		F64: le(8, math.Float64bits(1), math.Float64bits(2)), F32: le(4, 0x3f800000, 0x40000000),
		F16: le(2, 0x3c00, 0x4000), BF16: le(2, 0x3f80, 0x4000),
		I64: le(8, 1, 2), I32: le(4, 1, 2), I16: le(2, 1, 2), I8: le(1, 1, 2),
		U64: le(8, 1, 2), U32: le(4, 1, 2), U16: le(2, 1, 2), U8: le(1, 1, 2), Bool: le(1, 1, 0),
	} {
		ts = append(ts, Tensor{Name: string(d), Dtype: d, Shape: []int{2}, Data: data})
	}
	var b bytes.Buffer
	if err := Write(&b, ts, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryTypeIsReadMappedAndFromTheFile(t *testing.T) {
	path := put(t, t.TempDir(), "all", oneOfEach(t))
	for name, open := range map[string]func(string) (*File, error){"mapped": OpenMapped, "read": Open} {
		f, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Names() {
			var ints [2]int64
			var floats [2]float32
			errInt, errFloat := f.ReadInt64(d, ints[:]), f.ReadFloat32(d, floats[:])
			wantFloat := Dtype(d).IsFloat()
			switch {
			case wantFloat && (errFloat != nil || floats != [2]float32{1, 2} || fault.CodeOf(errInt) != fault.Unsupported):
				t.Errorf("%s %s: %v, %v, %v", name, d, floats, errFloat, errInt)
			case d == "U64" && fault.CodeOf(errInt) != fault.Unsupported:
				t.Errorf("%s %s: %v", name, d, errInt)
			case !wantFloat && d != "U64" && (errInt != nil || ints[0] != 1 || fault.CodeOf(errFloat) != fault.Unsupported):
				t.Errorf("%s %s: %v, %v, %v", name, d, ints, errInt, errFloat)
			}
			if err := f.ReadFloat32(d, make([]float32, 3)); err == nil {
				t.Errorf("%s %s: three of two values", name, d)
			}
		}
		if err := f.ReadInt64("nothing", nil); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
		if v, ok := f.View("I8"); ok && !bytes.Equal(v, []byte{1, 2}) {
			t.Errorf("%s: view %v", name, v)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileLargerThanAChunkIsReadWhole(t *testing.T) {
	want := make([]float32, chunk) // four chunks
	for i := range want {
		want[i] = float32(i % 1000)
	}
	var b bytes.Buffer
	if err := Write(&b, []Tensor{Float32View("w", want, len(want))}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(want))
	if err := f.ReadFloat32("w", got); err != nil || !slices.Equal(got, want) {
		t.Errorf("other values, %v", err)
	}
	if _, ok := f.View("w"); ok {
		t.Error("a view of a file that is not in memory")
	}
	short, err := Read(bytes.NewReader(b.Bytes()[:b.Len()-chunk]), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if err := short.ReadFloat32("w", got); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("a file that has become shorter: %v", err)
	}
}

func TestOpenMappedOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenMapped(filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := OpenMapped(put(t, dir, "empty", nil)); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := OpenMapped(put(t, dir, "text", []byte("no safetensors"))); err == nil || !strings.Contains(err.Error(), "text") {
		t.Errorf("text: %v", err)
	}
}

func TestAnIndexIsHeldAgainstItsShards(t *testing.T) {
	dir := t.TempDir()
	one := func(names ...string) []byte {
		var ts []Tensor
		for _, n := range names {
			ts = append(ts, Float32Tensor(n, []float32{1, 2}, 2))
		}
		var b bytes.Buffer
		if err := Write(&b, ts, nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	put(t, dir, "1.safetensors", one("a", "b"))
	put(t, dir, "2.safetensors", one("c"))
	put(t, dir, "3.safetensors", []byte("broken, and too short to be anything"))
	put(t, filepath.Dir(dir), "outside.safetensors", one("a"))
	for _, tt := range []struct {
		name  string
		index any
		code  fault.Code
	}{
		{"good", map[string]any{"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"}, ""},
		{"no map", nil, fault.Corrupt},
		{"a tensor that no shard holds", map[string]any{"a": "1.safetensors", "b": "1.safetensors", "d": "2.safetensors"}, fault.Corrupt},
		{"a tensor left out", map[string]any{"a": "1.safetensors"}, fault.Corrupt},
		{"a shard that is missing", map[string]any{"a": "9.safetensors"}, fault.NotFound},
		{"a shard that is broken", map[string]any{"a": "3.safetensors"}, fault.TooLarge},
		{"a shard outside", map[string]any{"a": "../outside.safetensors"}, fault.Corrupt},
		{"a shard above", map[string]any{"a": ".."}, fault.Corrupt},
		{"a shard by path", map[string]any{"a": filepath.Join(dir, "1.safetensors")}, fault.Corrupt},
		{"no text", map[string]any{"a": 7}, fault.Corrupt},
	} {
		text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 24}, "weight_map": tt.index})
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenIndex(put(t, dir, "model.safetensors.index.json", text))
		if fault.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.code)
		}
		if err != nil {
			continue
		}
		v := make([]float32, 2)
		if err := s.ReadFloat32("c", v); err != nil || v[1] != 2 || !slices.Equal(s.Names(), []string{"a", "b", "c"}) {
			t.Errorf("%s: %v, %v, %v", tt.name, v, s.Names(), err)
		}
		if in, ok := s.Info("b"); !ok || !slices.Equal(in.Shape, []int{2}) {
			t.Errorf("%s: %v", tt.name, in)
		}
		for _, err := range []error{s.ReadFloat32("x", v), s.ReadInt64("x", nil)} {
			if fault.CodeOf(err) != fault.NotFound {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := OpenIndex(filepath.Join(dir, "nothing.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no index: %v", err)
	}
}
