package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// file joins a header and data as the format does.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	tensors := []Tensor{
		{Name: "mask", Dtype: Bool, Shape: []int{3}, Data: []byte{1, 0, 1}},
		Float32Tensor("w", []float32{1, -2.5, float32(math.Inf(1)), 0}, 2, 2),
		Int64Tensor("step", []int64{-7}),
		Float32Tensor("empty", nil, 0, 5),
		{Name: "half", Dtype: F16, Shape: []int{4}, Data: []byte{0, 0x3c, 1, 0, 0, 0xfc, 0xff, 0x7b}},
		{Name: "brain", Dtype: BF16, Shape: []int{1}, Data: []byte{0x49, 0x40}},
	}
	var b bytes.Buffer
	meta := map[string]string{"format": "pt", "epoch": "3"}
	if err := Write(&b, tensors, meta); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Metadata, meta) {
		t.Errorf("metadata %v", f.Metadata)
	}
	if want := []string{"brain", "empty", "half", "mask", "step", "w"}; !reflect.DeepEqual(f.Names(), want) {
		t.Errorf("names %q", f.Names())
	}
	for _, w := range tensors {
		in, ok := f.Info(w.Name)
		got, err := f.Bytes(w.Name)
		if !ok || err != nil || in.Dtype != w.Dtype || !reflect.DeepEqual(in.Shape, w.Shape) && len(w.Shape) > 0 || !bytes.Equal(got, w.Data) {
			t.Errorf("%s: %+v %x (%v), want %+v", w.Name, in, got, err, w)
		}
		if in.Offset%int64(in.Dtype.Size()) != 0 {
			t.Errorf("%s is not aligned: byte %d", w.Name, in.Offset)
		}
	}
	checkValues(t, f)
}

func checkValues(t *testing.T, f *File) {
	for name, want := range map[string][]float32{
		"w":     {1, -2.5, float32(math.Inf(1)), 0},
		"half":  {1, 1.0 / (1 << 24), float32(math.Inf(-1)), 65504},
		"brain": {3.140625},
	} {
		if got, _, err := f.Float32(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, want)
		}
	}
	if got, shape, err := f.Int64("step"); err != nil || len(shape) != 0 || got[0] != -7 {
		t.Errorf("step: %v %v %v", got, shape, err)
	}
	if _, _, err := f.Float32("step"); fault.CodeOf(err) != fault.Unsupported {
		t.Errorf("float32 of an int64 tensor: %v", err)
	}
	if _, err := f.Bytes("nobody"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("missing name: %v", err)
	}
}

func TestTheOrderOfTheArgumentDoesNotMatter(t *testing.T) {
	t.Parallel()
	a, b := Float32Tensor("a", []float32{1}, 1), Int64Tensor("b", []int64{2}, 1)
	var x, y bytes.Buffer
	if err := Write(&x, []Tensor{a, b}, nil); err != nil {
		t.Fatal(err)
	}
	if err := Write(&y, []Tensor{b, a}, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x.Bytes(), y.Bytes()) {
		t.Error("bytes differ")
	}
}

func TestAFileWithoutTensorsIsValid(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Write(&b, nil, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(b.Bytes())
	if err != nil || len(f.Names()) != 0 {
		t.Errorf("%v, %v", f, err)
	}
}

func TestBrokenFilesAreRefusedByCode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		data []byte
		want fault.Code
	}{
		{"an empty file", nil, fault.Corrupt},
		{"a header longer than the file", append([]byte{9, 0, 0, 0, 0, 0, 0, 0}, "{}"...), fault.Corrupt},
		{"a header over the limit", []byte{0, 0, 0, 0, 1, 0, 0, 0}, fault.TooLarge},
		{"a header length with the sign bit", []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, fault.TooLarge},
		{"a header that is a list", file(`[]`), fault.Corrupt},
		{"a header cut short", file(`{"a":`), fault.Corrupt},
		{"an object that does not end", file(`{`), fault.Corrupt},
		{"text after the object", file(`{} x`), fault.Corrupt},
		{"a dtype nobody knows", file(`{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}`, 0), fault.Unsupported},
		{"a name given twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 0, 0), fault.Corrupt},
		{"metadata given twice", file(`{"__metadata__":{},"__metadata__":{}}`), fault.Corrupt},
		{"metadata that is no text", file(`{"__metadata__":{"a":1}}`), fault.Corrupt},
		{"data past the end", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 0), fault.Corrupt},
		{"offsets that run backwards", file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,0]}}`, 0), fault.Corrupt},
		{"negative offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 0), fault.Corrupt},
		{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, 0), fault.Corrupt},
		{"a shape larger than its range", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, 0), fault.Corrupt},
		{"a shape that overflows", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, 0, 0, 0, 0), fault.Corrupt},
		{"a negative dimension", file(`{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, 0), fault.Corrupt},
		{"two tensors that overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 0, 0, 0), fault.Corrupt},
		{"a hole between two tensors", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 0, 0, 0), fault.Corrupt},
		{"bytes after the last tensor", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 0, 0), fault.Corrupt},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.data); fault.CodeOf(err) != tt.want {
			t.Errorf("%s: %v (code %q), want %q", tt.name, err, fault.CodeOf(err), tt.want)
		}
	}
}

func TestWriteRefusesTensorsThatDisagreeWithThemselves(t *testing.T) {
	t.Parallel()
	tests := map[string][]Tensor{
		"too few bytes":    {{Name: "a", Dtype: F32, Shape: []int{2}, Data: make([]byte, 4)}},
		"no dtype":         {{Name: "a"}},
		"name given twice": {Float32Tensor("a", nil, 0), Float32Tensor("a", nil, 0)},
		"name reserved":    {Float32Tensor("__metadata__", nil, 0)},
		"name not UTF-8":   {Float32Tensor("\xff", nil, 0)},
	}
	for name, tensors := range tests {
		var b bytes.Buffer
		if err := Write(&b, tensors, nil); fault.CodeOf(err) != fault.Bug || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
}

func TestOpenNamesTheFileOfAFault(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, file(`{"a"`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	if p := fault.PlaceOf(err); p.Path != path || fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 5), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := f.Bytes("a"); err != nil || b[0] != 5 {
		t.Errorf("%v %v", b, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{}`))
	f.Add(file(`{"__metadata__":{"a":"b"},"a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}} `, 1, 2, 3, 4))
	f.Add(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I64","shape":[0],"data_offsets":[2,2]}}`, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			if fault.CodeOf(err) == "" {
				t.Fatalf("a fault without a code: %v", err)
			}
			return
		}
		var tensors []Tensor
		for _, name := range file.Names() {
			in, _ := file.Info(name)
			b, err := file.Bytes(name)
			if err != nil {
				t.Fatal(err)
			}
			tensors = append(tensors, Tensor{name, in.Dtype, in.Shape, b})
		}
		var out bytes.Buffer
		if err := Write(&out, tensors, file.Metadata); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(out.Bytes()); err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
	})
}
