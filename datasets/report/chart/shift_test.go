package chart

import (
	"math"
	"strings"
	"testing"
)

var lvisBands = []Band{{10, "rare"}, {100, "common"}, {0, "frequent"}}

func TestAShiftSaysInWordsHowGroupsMove(t *testing.T) {
	t.Parallel()
	svg := string(Shift("T", "images", []Change{{"a<b", 150, 150}, {"b", 11, 11}, {"c", 10, 11}, {"d", 0, 3}}, lvisBands))
	for _, want := range []string{
		"4 classes; before 1 rare 1 common 1 frequent; after 1 rare 2 common 1 frequent",
		"<title>a&lt;b: 150 before, 150 after</title>", `class="line before"`, `class="band b2"`, ">a&lt;b</text>",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s", want)
		}
	}
}

func TestAShiftOfManyIsSmallAndOfNothingIsNothing(t *testing.T) {
	t.Parallel()
	rows := make([]Change, 21841)
	for i := range rows {
		rows[i] = Change{"c", int64(1e6 / (i + 1)), int64(1e6/(i+1) + i%97)}
	}
	svg := string(Shift("T", "images", rows, lvisBands))
	if len(svg) > 64<<10 {
		t.Errorf("%d bytes, want at most 64 KiB", len(svg))
	}
	if strings.Contains(svg, "before 0 rare") || !strings.Contains(svg, "21841 classes") {
		t.Error("joined rows are counted as classes")
	}
	if Shift("T", "u", nil, lvisBands) != "" {
		t.Error("a shift of nothing draws something")
	}
	for _, c := range []Change{{"a", 0, 0}, {"a", -5, 1}, {"a", math.MaxInt64, 0}} {
		if svg := string(Shift("T", "u", []Change{c}, nil)); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%v draws %s", c, svg)
		}
	}
}

func TestTheStepsOfAShiftFallWithTheCounts(t *testing.T) {
	t.Parallel()
	p := &shift{most: 1000}
	last := math.Inf(1)
	for _, v := range []float64{0, 1, 2, 10, 11, 100, 1000} {
		y := p.y(v)
		if y >= last || y < shiftTop || y > shiftBottom {
			t.Errorf("count %v lies at %v, the one before at %v", v, y, last)
		}
		last = y
	}
}

func TestPairsDrawBothBarsOfARow(t *testing.T) {
	t.Parallel()
	svg := string(Pairs("T", "classes", []Change{{"rare", 337, 12}, {"none", 0, -1}}))
	if n := strings.Count(svg, `<rect class="bar`); n != 6 || !strings.Contains(svg, "rare 337 before and 12 after") {
		t.Errorf("%d bars with those of the key, want 6: %s", n, svg)
	}
}

func TestSharesCountEveryNumberOnce(t *testing.T) {
	t.Parallel()
	svg := string(Shares("T", "overlap", []float64{-1, 0, 0.049, 0.05, 1, 2, math.NaN(), math.Inf(1)}, Quartiles{0.1, 0.5, 0.9}))
	for _, want := range []string{"<title>0.00 to 0.05: 3</title>", "<title>0.05 to 0.10: 1</title>", "<title>0.95 to 1.00: 3</title>", "7 · median 0.50, quartiles 0.10 and 0.90"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s", want)
		}
	}
	if Shares("T", "overlap", []float64{math.NaN()}, Quartiles{}) != "" {
		t.Error("shares of nothing draw something")
	}
}
