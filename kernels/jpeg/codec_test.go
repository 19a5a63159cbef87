package jpeg

import (
	"strings"
	"testing"
)

func TestCodecsOfOtherBitsHaveOtherNames(t *testing.T) {
	portable := fingerprint(true)
	if portable != fingerprint(true) || Codec() != Codec() || Codec() != fingerprint(false) {
		t.Error("a name that changes")
	}
	if !strings.HasPrefix(portable, "go/") || len(portable) != len("go/")+8 {
		t.Errorf("portable codec %q", portable)
	}
	path, detail := Library()
	if path == "" {
		if Codec() != portable || detail == "" {
			t.Errorf("without a library: %s, reason %q", Codec(), detail)
		}
		return
	}
	if !strings.HasPrefix(Codec(), "libjpeg-turbo/") || Codec()[len("libjpeg-turbo/"):] == portable[len("go/"):] {
		t.Errorf("with %s: %s, and %s without", path, Codec(), portable)
	}
}

func BenchmarkCodec(b *testing.B) {
	for b.Loop() {
		fingerprint(false)
	}
}
