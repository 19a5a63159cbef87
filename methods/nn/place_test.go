package nn

import (
	"bytes"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/cpu"
)

func TestAPlacedModuleLiesInTheEnginesMemoryAndComesBack(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	m := small(3)
	var before, after bytes.Buffer
	if err := SaveState(&before, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := Place(e, m); err != nil {
		t.Fatal(err)
	}
	held := int64(0)
	for _, p := range Entries(m) {
		held += int64(p.Var.Value.DataSize())
	}
	if e.InUse() < 4*held {
		t.Errorf("%d bytes of the engine's memory in use for %d values", e.InUse(), held)
	}
	if err := Fetch(e, m); err != nil {
		t.Fatal(err)
	}
	if err := SaveState(&after, m, nil); err != nil {
		t.Fatal(err)
	}
	if e.InUse() != 0 || !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Errorf("%d bytes in use, values the same: %v", e.InUse(), bytes.Equal(before.Bytes(), after.Bytes()))
	}
}
