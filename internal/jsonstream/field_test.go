package jsonstream

import (
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestIntIsExactOverInt64(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"-0", 0, true}, {"391895", 391895, true}, {"9007199254740993", 9007199254740993, true},
		{"9223372036854775807", 1<<63 - 1, true}, {"-9223372036854775808", -1 << 63, true},
		{"9223372036854775808", 0, false}, {"1.0", 1, true}, {"1e3", 1000, true}, {"1.5", 0, false},
		{"9007199254740993.0", 1 << 53, true}, {"1e30", 0, false}, {"1e999", 0, false},
		{"01", 0, false}, {"", 0, false}, {"-", 0, false}, {"1x", 0, false}, {"1.", 0, false}, {"0x10", 0, false},
		{"1_0", 0, false}, {`"5"`, 0, false}, {"null", 0, false}, {"NaN", 0, false}, {"1 ", 0, false},
	} {
		got, err := Int([]byte(c.in))
		if got != c.want || (err == nil) != c.ok || (err != nil && fault.CodeOf(err) != fault.Corrupt) {
			t.Errorf("Int(%q) = %d, %v", c.in, got, err)
		}
	}
}

func TestFloatAndTextTakeOnlyTheirKind(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{"12.08": 12.08, "-1e-3": -1e-3, "0": 0, "-0.5": -0.5, "123456789012345": 123456789012345, "0.12345678901234": 0.12345678901234, "1234567890123456": 1234567890123456, "702.1057499999998": 702.1057499999998} {
		if got, err := Float([]byte(in)); got != want || err != nil {
			t.Errorf("Float(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "1e999", "Infinity", "NaN", "0x1p4", "1_0", "1.", "-", "-.5", ".5", "00.5", "01", "1.2.3", "[1]", `"1"`, "1 2"} {
		if got, err := Float([]byte(in)); err == nil {
			t.Errorf("Float(%q) = %v", in, got)
		}
	}
	for in, want := range map[string]string{`""`: "", `"a\/\u00e9\n"`: "a/é\n", `"é"`: "é", "\"\xff\"": "\ufffd"} {
		if got, err := Text([]byte(in)); got != want || err != nil {
			t.Errorf("Text(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", `"`, `"a`, `"a"b"`, `1`, "\"\n\"", `"\u12"`} {
		if got, err := Text([]byte(in)); err == nil {
			t.Errorf("Text(%q) = %q", in, got)
		}
	}
}

func TestFieldsAndElementsRefuseWhatIsNoContainer(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", " ", "1", "[]", `{"a":1`, `{"a":1} x`, `{"a":[1}`, `{"a" 1}`} {
		if f, err := Fields(nil, []byte(in)); err == nil {
			t.Errorf("Fields(%q) = %v", in, f)
		}
	}
	for _, in := range []string{"", " ", "1", "{}", "[1", "[1,]", "[1] x", "[1 2]", "[,]"} {
		if err := Elements([]byte(in), func(int, []byte) error { return nil }); err == nil {
			t.Errorf("Elements(%q) is accepted", in)
		}
	}
	sum := int64(0)
	err := Elements([]byte(" [1, 20 ,300] "), func(i int, e []byte) error {
		v, err := Int(e)
		sum += v
		return err
	})
	if sum != 321 || err != nil {
		t.Errorf("sum %d, %v", sum, err)
	}
}
