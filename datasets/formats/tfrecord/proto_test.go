package tfrecord

import (
	"bytes"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
)

func TestBytesEqualThoseOfTensorFlow(t *testing.T) {
	t.Parallel()
	want := []([]feature){
		{
			{name: "bytes", kind: bytesList, bytes: [][]byte{{}, []byte("abc"), {0, 0xff}}},
			{name: "floats", kind: floatList, floats: []float32{0, -1.5, 3.25e10}},
			{name: "ints", kind: int64List, ints: []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 300}},
			{name: "no_bytes", kind: bytesList}, {name: "no_floats", kind: floatList}, {name: "no_ints", kind: int64List},
		},
		nil,
		{{name: "ж", kind: bytesList, bytes: [][]byte{bytes.Repeat([]byte("x"), 300)}}},
	}
	shard, err := os.ReadFile("testdata/tensorflow.tfrecord")
	if err != nil {
		t.Fatal(err)
	}
	win := shardio.NewWindow(bytes.NewReader(shard), int64(len(shard)), 64)
	i := 0
	for f, err := range frames(win) {
		if err != nil {
			t.Fatal(err)
		}
		data, err := f.read(win)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeExample(data)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want[i], got, cmp.AllowUnexported(feature{})); d != "" {
			t.Errorf("record %d differs:\n%s", i, d)
		}
		// TensorFlow leaves out Example.features where there are none.
		if again := appendExample(nil, got); len(got) > 0 && !bytes.Equal(again, data) {
			t.Errorf("record %d is encoded as\n%x, by TensorFlow as\n%x", i, again, data)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d records, want %d", i, len(want))
	}
}

func TestNumbersThatAreNotPackedAreRead(t *testing.T) {
	t.Parallel()
	// features { feature { key: "i" value { int64_list { value: 5 value: 6 } } } } and floats, unpacked.
	data := []byte("\x0a\x1b" + "\x0a\x0b\x0a\x01i\x12\x06\x1a\x04\x08\x05\x08\x06" + "\x0a\x0c\x0a\x01f\x12\x07\x12\x05\x0d\x00\x00\x80\x3f")
	got, err := decodeExample(data)
	want := []feature{{name: "i", kind: int64List, ints: []int64{5, 6}}, {name: "f", kind: floatList, floats: []float32{1}}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(feature{})); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func FuzzDecodeExample(f *testing.F) {
	f.Add([]byte("\x0a\x0d\x0a\x0b\x0a\x01i\x12\x06\x1a\x04\x08\x05\x08\x06"))
	f.Add(appendExample(nil, []feature{{name: "b", kind: bytesList, bytes: [][]byte{{1}}}, {name: "f", kind: floatList, floats: []float32{1}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decodeExample(data)
		if err != nil {
			return
		}
		for i := range got {
			if got[i].kind == 0 {
				return // a Feature without a list has no form in ours
			}
		}
		again, err := decodeExample(appendExample(nil, got))
		if err != nil {
			t.Fatal(err)
		}
		equal := cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
		// A message may name a list twice; what is kept must come back.
		for i := range got {
			keepKind(&got[i])
		}
		if d := cmp.Diff(got, again, cmp.AllowUnexported(feature{}), equal); d != "" {
			t.Error(d)
		}
	})
}

func keepKind(f *feature) {
	if f.kind != bytesList {
		f.bytes = nil
	}
	if f.kind != floatList {
		f.floats = nil
	}
	if f.kind != int64List {
		f.ints = nil
	}
}
