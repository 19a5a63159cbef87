package chart

import (
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/manifest"
)

func TestNumbersAreWrittenForReaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"}, {Count(999), "999"}, {Count(1000), "1,000"}, {Count(1281167), "1,281,167"}, {Count(-1234), "-1,234"},
		{Bytes(0), "0 B"}, {Bytes(1023), "1023 B"}, {Bytes(1024), "1.00 KiB"}, {Bytes(1<<20 - 1), "1.00 MiB"}, {Bytes(150 << 30), "150 GiB"},
		{Short(0.25), "0.25"}, {Short(1200), "1.2k"}, {Short(5e6), "5M"},
		{Percent(1, 3), "33.3 %"}, {Percent(0, 0), "0.0 %"},
		{Duration(12), "12 ns"}, {Duration(12_500_000), "12.5 ms"}, {Duration(3.2e9), "3.20 s"}, {Duration(125e9), "2 min 5 s"}, {Duration(7500e9), "2 h 5 min"},
		{Clip("abc", 3), "abc"}, {Clip("äbcd", 3), "äb…"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestHistogramsShowOnlyWhatHoldsSomething(t *testing.T) {
	t.Parallel()
	label := func(v float64) string { return Short(v) }
	h := manifest.Histogram{Edges: []float64{0, 10, 20, 30}, Counts: []int64{0, 5, 2, 0}}
	svg := string(Histogram("T", "pixels", h, label))
	if n := strings.Count(svg, `class="bar"`); n != 2 {
		t.Errorf("%d bars, want 2", n)
	}
	for _, want := range []string{`role="img"`, `aria-label="T: pixels, 2 bins, most in 10 to 20: 5"`, "<title>20 to 30: 2</title>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s", want)
		}
	}
	for name, h := range map[string]manifest.Histogram{"empty": {}, "all zero": {Edges: []float64{0}, Counts: []int64{0}}, "of unequal length": {Counts: []int64{1}}} {
		if got := Histogram("T", "x", h, label); got != "" {
			t.Errorf("a histogram that is %s draws %s", name, got)
		}
	}
}

func TestChartsOfNothingAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, svg := range []string{string(Bars("T", "u", nil)), string(Stacked("T", "u", nil)), string(Bars("T", "u", []Bar{{Label: "a", Value: -1}}))} {
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || !strings.HasSuffix(svg, "</svg></figure>\n") {
			t.Errorf("chart %s", svg)
		}
	}
	if RankFrequency("T", "u", []int64{0, 0}) != "" {
		t.Error("a rank curve of nothing draws something")
	}
	if svg := string(RankFrequency("T", "u", []int64{1})); strings.Contains(svg, "NaN") {
		t.Errorf("chart %s", svg)
	}
}

func TestALargeRankCurveIsSmall(t *testing.T) {
	t.Parallel()
	counts := make([]int64, 21841)
	for i := range counts {
		counts[i] = int64(1e6 / (i + 1))
	}
	if n := len(RankFrequency("T", "images", counts, Mark{10, "10"})); n > 8000 {
		t.Errorf("%d bytes, want at most 8000", n)
	}
}
