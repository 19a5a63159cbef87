package chart

import (
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestLinesHaveAxesAColourEachAndATitle(t *testing.T) {
	t.Parallel()
	svg := string(Lines("Loss", "train", Axes{X: "epoch"}, []Line{
		{Label: "a <b>", Points: []XY{{1, 2}, {2, 1}, {3, 0.5}}},
		{Label: "thin", Points: []XY{{1, 2}, {3, 1}}, Style: 1, Thin: true},
		{Label: "grey", Points: []XY{{1, 2}, {3, 1}}, Style: -1},
	}))
	for _, want := range []string{`class="c0"><title>a &lt;b&gt;</title><path d="M44 12`, `aria-label="Loss: a &lt;b&gt; ends at 0.5"`, `class="c1"`, `class="quiet"`, ">epoch</text>", ">0.5</text>", ">2</text>", `stroke-opacity=".4"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s in %s", want, svg)
		}
	}
}

func TestAPointThatIsNoNumberIsAGapAndALonePointIsADot(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	svg := string(Lines("T", "", Axes{}, []Line{{Points: []XY{{0, 1}, {1, 2}, {2, nan}, {3, math.Inf(1)}, {4, 1}, {5, 2}, {6, 1e40}, {7, 1}, {nan, 1}}}}))
	if strings.Count(svg, "M") < 2 || strings.Count(svg, "<circle") != 1 || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Errorf("chart %s", svg)
	}
	if svg := Lines("T", "", Axes{}, []Line{{Points: []XY{{0, nan}}}, {}}); svg != "" {
		t.Errorf("a chart of nothing: %s", svg)
	}
}

var coordinate = regexp.MustCompile(`[ML](-?[0-9.]+) (-?[0-9.]+)`)

func TestLinesOfAnyMagnitudeStayOnThePlot(t *testing.T) {
	t.Parallel()
	for _, points := range [][]XY{
		{{0, 0}, {1, 0}}, {{0, 5e-324}, {5e-324, 1e-320}}, {{1e30, -1e30}, {1e30, 1e30}}, {{-1e30, 1}, {1e30, 1 + 1e-15}}, {{0, 1e-30}, {1, 1e30}},
		{{3, 0.25}, {4, 0.26}}, {{0, -3}, {1, -3}}, {{0, 0.1}, {1, 100}},
	} {
		for _, axes := range []Axes{{}, {Log: true}, {Top: 1}} {
			svg := string(Lines("T", "", axes, []Line{{Points: points}}))
			_, line, _ := strings.Cut(svg, `<g class="c0">`)
			for _, m := range coordinate.FindAllStringSubmatch(line, -1) {
				if strings.HasPrefix(m[1], "-") || strings.HasPrefix(m[2], "-") || len(m[1]) > 5 || len(m[2]) > 5 {
					t.Errorf("%v %+v: point %s", points, axes, m[0])
				}
			}
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Count(svg, `class="rule"`) < 2 && points[0].Y != points[1].Y {
				t.Errorf("%v %+v: %s", points, axes, svg)
			}
		}
	}
}

func TestALogarithmicAxisHasTicksAtPowersOfTen(t *testing.T) {
	t.Parallel()
	svg := string(Lines("T", "", Axes{Log: true}, []Line{{Points: []XY{{0, 0.005}, {1, 300}}}}))
	for _, want := range []string{">0.01</text>", ">0.1</text>", ">1</text>", ">10</text>", ">100</text>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the axis lacks %s", want)
		}
	}
	if strings.Contains(svg, ">50</text>") {
		t.Error("an axis of five decades has ticks between them")
	}
}

func TestALongLineIsThinnedAndKeepsItsPeak(t *testing.T) {
	t.Parallel()
	points := make([]XY, 100000)
	for i := range points {
		points[i] = XY{float64(i), 1}
	}
	points[777].Y = 5
	kept := thinPoints(points)
	peak := false
	for _, p := range kept {
		peak = peak || p.Y == 5
	}
	if len(kept) > 2*linePoints || !peak || kept[0] != points[0] || kept[len(kept)-1] != points[len(points)-1] {
		t.Errorf("%d points, peak kept: %v", len(kept), peak)
	}
}

func TestStylesOfLinesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i := -1; i < LineStyles; i++ {
		if j, ok := seen[string(LineKey(i))]; ok {
			t.Errorf("styles %d and %d look the same", i, j)
		}
		seen[string(LineKey(i))] = i
	}
}

func TestRatesShareOneScale(t *testing.T) {
	t.Parallel()
	svg := string(Rates("T", "u", []Rate{{"half", 0.5, "50 %"}, {"more than all", 7, "?"}, {"none", math.NaN(), "–"}, {"less", -1, "–"}}))
	if !strings.Contains(svg, `class="bar" x="158" y="4" width="95"`) || !strings.Contains(svg, `class="bar" x="158" y="26" width="190"`) || strings.Count(svg, `class="bar"`) != 2 {
		t.Errorf("bars %s", svg)
	}
}

func square(n int, off int64) ([]string, [][]int64) {
	labels, counts := make([]string, n), make([][]int64, n)
	for i := range counts {
		labels[i] = "<" + strings.Repeat("x", i%9) + ">"
		counts[i] = make([]int64, n)
		counts[i][i] += 9
		counts[i][(i+1)%n] += off
	}
	return labels, counts
}

func TestAMatrixHasNumbersNamesOrShadesBySize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, numbers int
		names      bool
	}{{1, 1, true}, {10, 20, true}, {MatrixNumbers, 2 * MatrixNumbers, true}, {MatrixNumbers + 1, 0, true}, {MatrixLabels, 0, true}, {100, 0, false}, {MatrixClasses, 0, false}} {
		labels, counts := square(c.n, 3)
		svg := string(Matrix("T", "", labels, counts))
		if got := strings.Count(svg, ", predicted "); got != c.numbers {
			t.Errorf("%d classes: %d numbers, want %d", c.n, got, c.numbers)
		}
		if got := strings.Contains(svg, "&lt;x"); got != (c.names && c.n > 1) {
			t.Errorf("%d classes: names are there: %v", c.n, got)
		}
		if strings.Contains(svg, "<x") || len(svg) > 20000 {
			t.Errorf("%d classes: %d bytes, or not escaped", c.n, len(svg))
		}
	}
}

func TestAMatrixOfAnythingElseIsNotDrawn(t *testing.T) {
	t.Parallel()
	labels, counts := square(3, 1)
	many, manyCounts := square(MatrixClasses+1, 1)
	counts[0][0], counts[0][1] = math.MaxInt64, math.MaxInt64
	counts[1][0], counts[2] = math.MinInt64, []int64{0, 0, 0}
	if svg := string(Matrix("T", "", labels, counts)); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || svg == "" {
		t.Errorf("matrix %s", svg)
	}
	for name, svg := range map[string]string{
		"nothing": string(Matrix("T", "", nil, nil)), "too many": string(Matrix("T", "", many, manyCounts)),
		"ragged": string(Matrix("T", "", labels, [][]int64{{1, 2, 3}, {1}, {1, 2, 3}})), "without names": string(Matrix("T", "", labels[:2], counts)),
	} {
		if svg != "" {
			t.Errorf("%s: %s", name, svg)
		}
	}
}
