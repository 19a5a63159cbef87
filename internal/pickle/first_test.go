package pickle

import (
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestPicklesOneAfterTheOther(t *testing.T) {
	data := []byte("\x80\x02K\x01.\x80\x02]K\x02a.rest")
	first, n, err := ParseFirst(data, Options{})
	if err != nil || n != 5 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if v, _ := first.Root().Int(); v != 1 {
		t.Errorf("the first holds %d", v)
	}
	second, m, err := ParseFirst(data[n:], Options{})
	if err != nil || string(data[n+m:]) != "rest" || second.Root().Kind() != List {
		t.Errorf("%d bytes, %v", m, err)
	}
	if _, _, err := ParseFirst(data[n+m:], Options{}); fault.CodeOf(err) == "" {
		t.Errorf("what is no pickle: %v", err)
	}
	if _, err := Parse(data, Options{}); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("two pickles for one: %v", err)
	}
}
