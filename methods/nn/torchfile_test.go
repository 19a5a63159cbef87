package nn

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// typesWanted is what testdata/torch/make.py put into both forms.
var typesWanted = map[string]struct {
	shape  []int
	values []float64
}{
	"f32":        {[]int{2, 3}, []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5}},
	"f16":        {[]int{3}, []float64{1, 2, 3}},
	"bf16":       {[]int{2, 2}, []float64{2, 3, 4, 5}},
	"f64":        {[]int{2}, []float64{0.25, 1.25}},
	"i64":        {[]int{}, []float64{7}},
	"i32":        {[]int{2}, []float64{-1, 0}},
	"u8":         {[]int{3}, []float64{250, 251, 252}},
	"bool":       {[]int{2}, []float64{1, 0}},
	"empty":      {[]int{0, 4}, nil},
	"transposed": {[]int{6, 4}, []float64{0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23}},
	"part":       {[]int{2, 3}, []float64{8, 9, 10, 14, 15, 16}},
	"whole":      {[]int{4, 6}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
	"parameter":  {[]int{2}, []float64{10, 11}},
}

func TestTorchFilesOfBothFormsHoldWhatWasSaved(t *testing.T) {
	for _, name := range []string{"types.pth", "types_legacy.pth"} {
		f, err := OpenTorch(filepath.Join("testdata", "torch", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if len(f.Names()) != len(typesWanted) {
			t.Errorf("%s: %v", name, f.Names())
		}
		for tensor, want := range typesWanted {
			in, ok := f.Info(tensor)
			if !ok || !slices.Equal(in.Shape, want.shape) {
				t.Errorf("%s: %s has shape %v, want %v", name, tensor, in.Shape, want.shape)
				continue
			}
			got := make([]float64, len(want.values))
			if in.Dtype.IsFloat() {
				v := make([]float32, len(got))
				err = f.ReadFloat32(tensor, v)
				for i := range v {
					got[i] = float64(v[i])
				}
			} else {
				v := make([]int64, len(got))
				err = f.ReadInt64(tensor, v)
				for i := range v {
					got[i] = float64(v[i])
				}
			}
			if err != nil || !slices.Equal(got, want.values) {
				t.Errorf("%s: %s is %v (%v), want %v", name, tensor, got, err, want.values)
			}
		}
		if err := f.ReadFloat32("i64", make([]float32, 1)); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("integers as floats: %v", err)
		}
		if err := f.ReadFloat32("f32", make([]float32, 5)); fault.CodeOf(err) != fault.Usage {
			t.Errorf("five of six values: %v", err)
		}
		if err := f.ReadInt64("nothing", nil); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("no such tensor: %v", err)
		}
	}
}

// trainedNet is the network of make.py.
func trainedNet() Sequence {
	return Sequence{
		NewConv2d(3, 4, 3, convOf(1, 1), false), NewBatchNorm2d(4), ReLU{}, Flatten{}, NewLinear(100, 3, true),
	}
}

func TestATorchCheckpointComputesWhatTorchComputed(t *testing.T) {
	f, err := OpenCheckpoint(filepath.Join("testdata", "torch", "net.pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	net := trainedNet()
	if _, err := LoadState(net, f, LoadOptions{Rename: StripPrefix("state_dict.")}); err != nil {
		t.Fatal(err)
	}
	if n := net[1].(*BatchNorm2d).NumBatchesTracked.Value.Int64s()[0]; n != 1 {
		t.Errorf("%d batches tracked, want 1", n)
	}
	want := make([]float32, 6)
	if err := f.ReadFloat32("output", want); err != nil {
		t.Fatal(err)
	}
	tp := newTape(t)
	tp.Training = false
	x := make([]float32, 2*3*5*5)
	for i := range x {
		x[i] = float32(-1 + 2*float64(i)/float64(len(x)-1))
	}
	near(t, "output", tp.Host(net.Forward(tp, tp.Upload(x, 2, 3, 5, 5))), want, 1e-5)
	if err := tp.Err(); err != nil {
		t.Fatal(err)
	}
	var state [432 / 4]float32
	if err := f.ReadFloat32("optimizer.state.0.exp_avg", state[:]); err != nil {
		t.Errorf("the optimiser's state: %v", err)
	}
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// entry is an entry of a zip file.
type zipEntry struct {
	name   string
	data   string
	method uint16
}

func zipOf(entries ...zipEntry) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err == nil {
			_, err = io.WriteString(w, e.data)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// tensorPickle is a pickle of {"w": tensor} with the numbers that matter, each as
// a little-endian LONG1 of eight bytes.
func tensorPickle(elements, offset int64, sizes, strides []int64) string {
	num := func(n int64) string {
		return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
	tuple := func(v []int64) string {
		var s strings.Builder
		s.WriteString("(")
		for _, n := range v {
			s.WriteString(num(n))
		}
		return s.String() + "t"
	}
	text := func(s string) string { return fmt.Sprintf("X%c\x00\x00\x00%s", len(s), s) }
	return "\x80\x02}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n(" +
		"(" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") + num(elements) + "tQ" +
		num(offset) + tuple(sizes) + tuple(strides) + "\x89Nt" + "Rs."
}

func TestHostileTorchFilesAreTypedErrors(t *testing.T) {
	const store, deflate = zip.Store, zip.Deflate
	data := func(n int) zipEntry { return zipEntry{"a/data/0", strings.Repeat("\x00", n), store} }
	pkl := func(s string) zipEntry { return zipEntry{"a/data.pkl", s, store} }
	good := tensorPickle(4, 0, []int64{2, 2}, []int64{2, 1})
	genuine, err := os.ReadFile(filepath.Join("testdata", "torch", "types_legacy.pth"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		file []byte
		code fault.Code
	}{
		{"nothing", nil, fault.Corrupt},
		{"text", []byte("hello, world, and more of it"), fault.Corrupt},
		{"a call of os.system", zipOf(pkl("\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."), data(16)), fault.Unsupported},
		{"a call of eval", zipOf(pkl("\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.")), fault.Unsupported},
		{"no pickle", zipOf(data(16)), fault.Corrupt},
		{"two pickles", zipOf(pkl(good), zipEntry{"b/data.pkl", good, store}, data(16)), fault.Conflict},
		{"an entry twice", zipOf(pkl(good), data(16), data(16)), fault.Conflict},
		{"a compressed entry", zipOf(pkl(good), zipEntry{"a/data/0", strings.Repeat("\x00", 1<<20), deflate}), fault.Unsupported},
		{"big-endian", zipOf(pkl(good), data(16), zipEntry{"a/byteorder", "big", store}), fault.Unsupported},
		{"no storage", zipOf(pkl(good)), fault.Corrupt},
		{"a short storage", zipOf(pkl(good), data(12)), fault.Corrupt},
		{"a storage of 2^61 elements", zipOf(pkl(tensorPickle(1<<61, 0, []int64{2}, []int64{1})), data(16)), fault.Corrupt},
		{"an offset beyond the storage", zipOf(pkl(tensorPickle(4, 3, []int64{2}, []int64{1})), data(16)), fault.Corrupt},
		{"a negative offset", zipOf(pkl(tensorPickle(4, -1, []int64{2}, []int64{1})), data(16)), fault.Corrupt},
		{"a negative stride", zipOf(pkl(tensorPickle(4, 3, []int64{2}, []int64{-1})), data(16)), fault.Corrupt},
		{"a stride that overflows", zipOf(pkl(tensorPickle(4, 1, []int64{2, 2}, []int64{math.MaxInt64, 1})), data(16)), fault.Corrupt},
		{"a shape of stride 0 that is huge", zipOf(pkl(tensorPickle(4, 0, []int64{1 << 31, 1 << 31}, []int64{0, 0})), data(16)), fault.Unsupported},
		{"more strides than sizes", zipOf(pkl(tensorPickle(4, 0, []int64{2}, []int64{2, 1})), data(16)), fault.Corrupt},
		{"seventeen axes", zipOf(pkl(tensorPickle(4, 0, make([]int64, 17), make([]int64, 17))), data(16)), fault.Corrupt},
		{"an older file cut short", genuine[:len(genuine)-1], fault.Corrupt},
		{"an older file of another byte order", bytes.Replace(genuine, []byte("endianq\x02\x88"), []byte("endianq\x02\x89"), 1), fault.Unsupported},
		{"an older file of another version", bytes.Replace(genuine, []byte("M\xe9\x03."), []byte("M\xe8\x03."), 1), fault.Unsupported},
	} {
		f, err := ReadTorch(bytes.NewReader(tt.file), int64(len(tt.file)))
		if err == nil {
			for _, name := range f.Names() {
				in, _ := f.Info(name)
				err = errors.Join(err, f.ReadFloat32(name, make([]float32, in.Elements())))
			}
		}
		if fault.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	if f, err := ReadTorch(bytes.NewReader(zipOf(pkl(good), data(16))), int64(len(zipOf(pkl(good), data(16))))); err != nil || len(f.Names()) != 1 {
		t.Errorf("the file that the others are made from: %v", err)
	}
}

// readAll reads every tensor of a file that may be anything.
func readAll(t *testing.T, data []byte) {
	t.Helper()
	file, err := ReadTorch(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		if fault.CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
		return
	}
	for _, name := range file.Names() {
		in, _ := file.Info(name)
		if in.Size > int64(8*len(data)) {
			t.Fatalf("%s: %d bytes from a file of %d", name, in.Size, len(data))
		}
		if in.Dtype.IsFloat() {
			err = file.ReadFloat32(name, make([]float32, in.Elements()))
		} else {
			err = file.ReadInt64(name, make([]int64, in.Elements()))
		}
		if err != nil && fault.CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
	}
}

func FuzzTorchFile(f *testing.F) {
	for _, name := range []string{"types.pth", "types_legacy.pth"} {
		b, err := os.ReadFile(filepath.Join("testdata", "torch", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(zipOf(zipEntry{"a/data.pkl", tensorPickle(4, 0, []int64{2, 2}, []int64{2, 1}), 0}, zipEntry{"a/data/0", "0123456789abcdef", 0}))
	f.Fuzz(func(t *testing.T, data []byte) {
		readAll(t, data)
	})
}

// FuzzTorchPickle changes the pickle of a zip file alone, whose checksum would stop
// most changes of FuzzTorchFile.
func FuzzTorchPickle(f *testing.F) {
	f.Add(tensorPickle(4, 0, []int64{2, 2}, []int64{2, 1}))
	f.Add(tensorPickle(16, 2, []int64{2, 3}, []int64{1, 4}))
	r, err := zip.OpenReader(filepath.Join("testdata", "torch", "types.pth"))
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	text, err := fs.ReadFile(r, "types/data.pkl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	storages := []zipEntry{{}}
	for i := range 13 {
		storages = append(storages, zipEntry{fmt.Sprint("a/data/", i), strings.Repeat("\x01", 96), zip.Store})
	}
	f.Fuzz(func(t *testing.T, text string) {
		storages[0] = zipEntry{"a/data.pkl", text, zip.Store}
		readAll(t, zipOf(storages...))
	})
}
