package manifest

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAHistogramPutsAValueIntoItsBin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    float64
		want int
	}{
		{math.Inf(-1), 0}, {-1, 0}, {0, 0}, {9.99, 0}, {10, 1}, {math.Nextafter(20, 0), 1}, {20, 2}, {1e300, 2}, {math.Inf(1), 2},
	} {
		h := newHistogram(0, 10, 20)
		h.Add(c.v)
		if h.Counts[c.want] != 1 || h.Total() != 1 {
			t.Errorf("%v: counts %v, want bin %d", c.v, h.Counts, c.want)
		}
	}
}

func TestTheEdgesOfEveryHistogramRise(t *testing.T) {
	t.Parallel()
	s := NewSplitStatistics(3)
	for i, h := range []Histogram{s.Width, s.Height, s.Aspect, s.StoredBytes, s.ObjectsPerImage, s.RelativeArea, s.WordsPerSentence} {
		if !slices.IsSorted(h.Edges) || len(h.Edges) != len(h.Counts) || h.Edges[0] != 0 {
			t.Errorf("histogram %d: edges %v, %d counts", i, h.Edges, len(h.Counts))
		}
	}
}

// drawn makes the statistics of some examples.
func drawn(t *rapid.T, name string) *SplitStatistics {
	s := NewSplitStatistics(rapid.IntRange(0, 4).Draw(t, name+" classes"))
	for i := range s.ImagesByClass {
		s.ImagesByClass[i] = rapid.Int64Range(0, 99).Draw(t, "images")
		s.AnnotationsByClass[i] = rapid.Int64Range(0, 99).Draw(t, "annotations")
	}
	for _, v := range rapid.SliceOfN(rapid.Float64Range(-1, 9000), 0, 20).Draw(t, name+" values") {
		for _, h := range []*Histogram{&s.Width, &s.Aspect, &s.RelativeArea, &s.WordsPerSentence} {
			h.Add(v)
		}
	}
	s.Sentences = rapid.Int64Range(0, 99).Draw(t, name+" sentences")
	for _, l := range rapid.SliceOf(rapid.SampledFrom([]string{"by", "by-nc", "none"})).Draw(t, name+" licences") {
		s.ByLicense[l]++
	}
	return s
}

func merged(parts ...*SplitStatistics) *SplitStatistics {
	sum := new(SplitStatistics)
	for _, p := range parts {
		sum.Merge(p)
	}
	return sum
}

func asJSON(t interface{ Fatal(...any) }, s *SplitStatistics) string {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMergeIsASum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawn(t, "a"), drawn(t, "b"), drawn(t, "c")
		before := asJSON(t, a)
		want := asJSON(t, merged(a, b, c))
		for name, got := range map[string]*SplitStatistics{
			"(a b) c": merged(merged(a, b), c), "a (b c)": merged(a, merged(b, c)), "c b a": merged(c, b, a),
		} {
			if g := asJSON(t, got); g != want {
				t.Fatalf("%s gives %s\na b c gives %s", name, g, want)
			}
		}
		if n := merged(a, b).Width.Total(); n != a.Width.Total()+b.Width.Total() {
			t.Fatalf("%d values, want %d", n, a.Width.Total()+b.Width.Total())
		}
		if asJSON(t, a) != before {
			t.Fatal("Merge changed its argument")
		}
	})
}
