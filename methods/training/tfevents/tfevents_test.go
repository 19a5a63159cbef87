package tfevents

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func sample(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, err := range []error{
		w.Begin(Stamp{Wall: 1.5}),
		w.Scalar(Stamp{10, 2.5}, "train/loss", 0.25),
		w.Text(Stamp{10, 2.5}, "config", "**lr** 0.1"),
		w.Scalar(Stamp{1 << 40, 3}, "", -1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func read(b []byte) (out []Event, errs []error) {
	for e, err := range Read(bytes.NewReader(b), int64(len(b))) {
		if err != nil {
			errs = append(errs, err)
		} else {
			out = append(out, e)
		}
	}
	return out, errs
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	got, errs := read(sample(t))
	want := []Event{
		{Stamp: Stamp{0, 1.5}, Version: "brain.Event:2"},
		{Stamp: Stamp{10, 2.5}, Tag: "train/loss", Scalar: 0.25},
		{Stamp: Stamp{10, 2.5}, Tag: "config", Text: "**lr** 0.1", IsText: true},
		{Stamp: Stamp{1 << 40, 3}, Scalar: -1},
	}
	if d := cmp.Diff(want, got); d != "" || len(errs) > 0 {
		t.Errorf("%v\n%s", errs, d)
	}
}

// The bytes of an event follow from the .proto files: wall time 1.0 as a double in
// field 1, step 2 in field 2, a summary in field 5 with one value of tag "a" and
// simple_value 1.0.
func TestAScalarHasTheBytesOfItsMessage(t *testing.T) {
	var b bytes.Buffer
	if err := NewWriter(&b).Scalar(Stamp{2, 1}, "a", 1); err != nil {
		t.Fatal(err)
	}
	const event = "09000000000000f03f" + "1002" + "2a0a" + "0a08" + "0a0161" + "150000803f"
	data := b.Bytes()
	if got := hex.EncodeToString(data[12 : len(data)-4]); got != event {
		t.Errorf("event %s, want %s", got, event)
	}
	if n := int(data[0]); n != len(data)-16 {
		t.Errorf("length %d in a record of %d bytes", n, len(data))
	}
}

func TestDamageIsAFaultWithItsOffset(t *testing.T) {
	whole := sample(t)
	all, _ := read(whole)
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		got, errs := read(b)
		if len(errs) == 0 || fault.CodeOf(errs[0]) != fault.Corrupt {
			t.Fatalf("byte %d changed: errors %v", i, errs)
		}
		if len(got) >= len(all) {
			t.Errorf("byte %d changed: %d events", i, len(got))
		}
	}
}

func TestSteadyScalarsAllocateNothing(t *testing.T) {
	var b bytes.Buffer
	b.Grow(1 << 20)
	w := NewWriter(&b)
	if n := testing.AllocsPerRun(100, func() { _ = w.Scalar(Stamp{1, 2}, "train/loss", 3) }); n > 0 {
		t.Errorf("%g allocations a scalar", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range [][]byte{sample(f), nil, {0x2a, 0x02, 0x0a, 0x7f}, {0x09, 1}, {0x2a, 0x04, 0x0a, 0x02, 0x42, 0x00}} {
		f.Add(r)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if es, err := parse(b); err != nil && (fault.CodeOf(err) != fault.Corrupt || es != nil) {
			t.Errorf("%d events and %v", len(es), err)
		}
		_, errs := read(b)
		for _, err := range errs {
			if c := fault.CodeOf(err); c != fault.Corrupt && c != fault.TooLarge {
				t.Errorf("fault %q: %v", c, err)
			}
		}
	})
}
