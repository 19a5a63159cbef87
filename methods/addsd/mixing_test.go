package addsd

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestRepeatFactorsAreThoseOfTheGolden(t *testing.T) {
	var golden struct {
		Images      [][]int64
		ClassFactor map[int64]float64 `json:"class_factor"`
		ImageFactor []float64         `json:"image_factor"`
		Mixed       struct {
			Real    int
			Factors []float64
		}
		Tolerance float64
	}
	readJSON(t, "rfs.json", &golden)
	var images []Labelled
	for i, c := range golden.Images {
		images = append(images, Labelled{int64(i), c})
	}
	classes, factors := RepeatFactors(images, 0.2) // t of the golden's config
	for id, want := range golden.ClassFactor {
		if math.Abs(classes[id]-want) > golden.Tolerance {
			t.Errorf("class %d: %v, want %v", id, classes[id], want)
		}
	}
	n := golden.Mixed.Real
	mixed := WeighFactors(factors[:n], factors[n:], DatasetFactors{0.8, 0.2})
	for i := range images {
		if math.Abs(factors[i]-golden.ImageFactor[i]) > golden.Tolerance || math.Abs(mixed[i]-golden.Mixed.Factors[i]) > golden.Tolerance {
			t.Errorf("image %d: %v and %v, want %v and %v", i, factors[i], mixed[i], golden.ImageFactor[i], golden.Mixed.Factors[i])
		}
	}
}

// The figures of spec 4.4 for LVIS's 100,170 images.
func TestRepeatFactorsOfLVIS(t *testing.T) {
	for count, want := range map[int]float64{1: 10.008, 2: 7.077, 10: 3.165, 100: 1.0008, 101: 1, 50000: 1} {
		images := make([]Labelled, 100170)
		for i := range count {
			images[i].Categories = []int64{5, 5} // given twice, shown once
		}
		classes, factors := RepeatFactors(images, 0.001)
		if math.Abs(classes[5]-want) > 5e-4 || factors[0] != classes[5] || factors[100169] != 1 {
			t.Errorf("%d images: class %v, images %v and %v; want %v", count, classes[5], factors[0], factors[100169], want)
		}
	}
}

func TestEveryDatasetHasItsOwnRepeatFactors(t *testing.T) {
	real := []Labelled{{1, []int64{7}}, {2, []int64{8}}, {3, []int64{8}}, {4, []int64{8}}}
	made := []Labelled{{10, []int64{7}}, {11, []int64{7}}}
	m, factors, err := Mix(real, made, 0.5, DatasetFactors{0.8, 0.2})
	if err != nil {
		t.Fatal(err)
	}
	if m.CategoryFactors.Real[7] != math.Sqrt2 || m.CategoryFactors.Synthetic[7] != 1 {
		t.Errorf("class 7 has %v and %v", m.CategoryFactors.Real[7], m.CategoryFactors.Synthetic[7])
	}
	for i, want := range []float64{4 * math.Sqrt2, 4, 4, 4, 1, 1} {
		if math.Abs(factors[i]-want) > 1e-12 {
			t.Errorf("factor %d is %v, want %v", i, factors[i], want)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Mixing
	if err := json.Unmarshal(text, &back); err != nil || back.ImageFactors[1] != factors[0] || len(back.ImageFactors) != 6 || back.DatasetFactors.Real != 0.8 {
		t.Errorf("%s came back as %+v, %v", text, back, err)
	}
}

func TestMixturesThatCannotBeAreRefused(t *testing.T) {
	one := []Labelled{{ID: 1}}
	for name, c := range map[string]struct {
		t    float64
		by   DatasetFactors
		made []Labelled
		want fault.Code
	}{
		"a negative threshold": {-1, DatasetFactors{0.8, 0.2}, nil, fault.Usage},
		"no threshold":         {math.NaN(), DatasetFactors{0.8, 0.2}, nil, fault.Usage},
		"no synthetic factor":  {0.1, DatasetFactors{0.8, 0}, nil, fault.Usage},
		"an id twice":          {0.1, DatasetFactors{0.8, 0.2}, one, fault.Conflict},
	} {
		if _, _, err := Mix(one, c.made, c.t, c.by); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, f, err := Mix(nil, nil, 0.1, DatasetFactors{0.8, 0.2}); err != nil || len(f) != 0 {
		t.Errorf("no images: %v, %v", f, err)
	}
}

func TestAnEpochDrawsEveryImageAsOftenAsItsFactorSays(t *testing.T) {
	const n = 40000
	factors := make([]float64, n)
	for i := range factors {
		factors[i] = []float64{1, 2.25, 0.5, 4}[i%4]
	}
	drawn := Epoch(factors, 11, 3)
	if !slices.Equal(drawn, Epoch(factors, 11, 3)) || slices.Equal(drawn, Epoch(factors, 11, 4)) || slices.Equal(drawn, Epoch(factors, 12, 3)) {
		t.Error("an epoch does not depend on seed and epoch alone")
	}
	times := make([]int, n)
	for _, i := range drawn {
		times[i]++
	}
	var total [4]int
	for i, k := range times {
		total[i%4] += k
		if f := factors[i]; k != int(math.Floor(f)) && k != int(math.Ceil(f)) {
			t.Fatalf("image %d of factor %v is drawn %d times", i, f, k)
		}
	}
	// 10,000 Bernoulli draws have a standard deviation of at most 50.
	for i, want := range [4]int{10000, 22500, 5000, 40000} {
		if d := total[i] - want; d > 250 || d < -250 {
			t.Errorf("images of factor %v are drawn %d times, want about %d", factors[i], total[i], want)
		}
	}
	if !slices.Equal(Epoch(factors[:100], 11, 3), drawn[:len(Epoch(factors[:100], 11, 3))]) {
		t.Error("what an image gets depends on the images after it")
	}
}
