//go:build (darwin || linux) && (amd64 || arm64)

package jpeg

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestAnotherLibraryIsNotTakenForTurboJPEG(t *testing.T) {
	other := "libc.so.6"
	if runtime.GOOS == "darwin" {
		other = "/usr/lib/libSystem.B.dylib"
	}
	tests := []struct {
		name   string
		names  []string
		reason string
	}{
		{"nothing there", []string{"libtailorbird-none.so.0", "libtailorbird-none.so"}, "libtailorbird-none.so.0"},
		{"another library", []string{other}, "no tjInitDecompress"},
		{"the one that is there is named", []string{"libtailorbird-none.so", other, "libtailorbird-none.so"}, "no tjInitDecompress"},
	}
	for _, tt := range tests {
		if lib, reason := load(tt.names); lib != nil || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %+v, reason %q", tt.name, lib, reason)
		}
	}
}

func TestNativeOffKeepsTheLibraryUnloaded(t *testing.T) {
	if os.Getenv("TAILORBIRD_NATIVE") == "off" {
		if path, reason := Library(); path != "" || reason != "TAILORBIRD_NATIVE=off" {
			t.Errorf("%q, %q", path, reason)
		}
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestNativeOffKeepsTheLibraryUnloaded$")
	cmd.Env = append(os.Environ(), "TAILORBIRD_NATIVE=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A header that TurboJPEG refuses must not colour the next file.
func TestARefusedHeaderLeavesNothingBehind(t *testing.T) {
	lib, reason := library()
	if lib == nil {
		t.Skip(reason)
	}
	h, err := lib.open(lib.initDecompress)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	file := baseline(t, 24, 16)
	for range 2 {
		if _, _, _, err := h.readHeader(insert(file, 2, seg(0xF0, "what")...)); err == nil {
			t.Error("an unknown marker is accepted")
		}
		if w, ht, _, err := h.readHeader(file); err != nil || w != 24 || ht != 16 {
			t.Errorf("%dx%d, %v", w, ht, err)
		}
	}
}
