package jpeg

import (
	"strings"
	"testing"
)

func TestOurCodecAndLibturbojpegHaveOneName(t *testing.T) {
	own := fingerprint(true)
	if own != fingerprint(true) || Codec() != Codec() || Codec() != fingerprint(false) {
		t.Error("a name that changes")
	}
	if !strings.HasPrefix(own, "libjpeg-turbo/") || len(own) != len("libjpeg-turbo/")+8 {
		t.Errorf("codec %q", own)
	}
	path, detail := Library()
	if path == "" && detail == "" {
		t.Error("no reason why there is no library")
	}
	if Codec() != own {
		t.Errorf("with %s: %s, and %s without", path, Codec(), own)
	}
}

func BenchmarkCodec(b *testing.B) {
	for b.Loop() {
		fingerprint(false)
	}
}
