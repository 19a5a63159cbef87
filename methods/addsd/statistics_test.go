package addsd

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

func TestStatisticsOfAScene(t *testing.T) {
	var s Statistics
	table := datasets.Annotation{CategoryID: 1, BBox: datasets.Box{0, 50, 100, 40}, Area: 4000}
	plate := datasets.Annotation{CategoryID: 2, BBox: datasets.Box{30, 55, 40, 20}, Area: 800}
	cake := datasets.Annotation{CategoryID: 3, BBox: datasets.Box{40, 40, 20, 20}, Area: 400}
	lamp := datasets.Annotation{CategoryID: 3, BBox: datasets.Box{70, 0, 10, 10}, Area: 100}
	s.Add(100, 100, []datasets.Annotation{table, plate, cake, lamp,
		{CategoryID: 4, BBox: datasets.Box{0, 0, 50, 50}, Area: 2500, IsCrowd: 1},
		{CategoryID: 4, BBox: datasets.Box{0, 0, 50, 50}},
		{CategoryID: 4, BBox: datasets.Box{0, 0, 50, 0.5}, Area: 25}})
	if s.Images != 1 || len(s.ByID) != 3 {
		t.Fatalf("%d images, %d classes", s.Images, len(s.ByID))
	}
	c := s.ByID[3]
	if c.Images != 1 || c.Instances != 2 || c.With[1] != 1 || c.With[2] != 1 || c.With[3] != 0 {
		t.Errorf("class 3: %+v", c)
	}
	// The cake's foot (50, 60) is on plate and table, of which the plate is smaller.
	if !reflect.DeepEqual(c.Support, map[int64]int64{2: 1, 0: 1}) || s.ByID[2].Support[1] != 1 || s.ByID[1].Support[0] != 1 {
		t.Errorf("support: %v, %v, %v", c.Support, s.ByID[2].Support, s.ByID[1].Support)
	}
	if c.Bottom[12] != 1 || c.Bottom[2] != 1 || c.Centre[10] != 1 || c.Centre[15] != 1 || s.ByID[1].Bottom[18] != 1 {
		t.Errorf("bottom %v, centre %v", c.Bottom, c.Centre)
	}
	mean, sd, ok := c.MeanScale()
	a, b := math.Log(0.2), math.Log(0.1)
	if !ok || math.Abs(mean-(a+b)/2) > 1e-6 || math.Abs(sd-(a-b)/2) > 1e-5 {
		t.Errorf("scale %v +- %v, want %v +- %v", mean, sd, (a+b)/2, (a-b)/2)
	}
}

func randomScene(rng *rand.Rand) []datasets.Annotation {
	list := make([]datasets.Annotation, rng.IntN(8))
	for i := range list {
		b := datasets.Box{float64(rng.IntN(80)), float64(rng.IntN(80)), float64(rng.IntN(40)), float64(rng.IntN(40))}
		list[i] = datasets.Annotation{CategoryID: int64(rng.IntN(6)), BBox: b, Area: b[2] * b[3] * rng.Float64(), IsCrowd: rng.IntN(9) / 8}
	}
	return list
}

func TestStatisticsDoNotDependOnOrderOrGrouping(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		scenes := make([][]datasets.Annotation, 30)
		var want Statistics
		for i := range scenes {
			scenes[i] = randomScene(rng)
			want.Add(100, 90, scenes[i])
		}
		parts := make([]Statistics, 4)
		for _, i := range rng.Perm(len(scenes)) {
			rng.Shuffle(len(scenes[i]), func(a, b int) { scenes[i][a], scenes[i][b] = scenes[i][b], scenes[i][a] })
			parts[rng.IntN(4)].Add(100, 90, scenes[i])
		}
		var got Statistics
		for _, i := range rng.Perm(4) {
			text, err := json.Marshal(&parts[i])
			if err != nil {
				t.Fatal(err)
			}
			var back Statistics
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			got.Merge(&back)
		}
		got.Merge(nil)
		a, _ := json.Marshal(&got)
		b, _ := json.Marshal(&want)
		if string(a) != string(b) {
			t.Fatalf("got %s\nwant %s", a, b)
		}
	}
}

func TestMergedStatisticsShareNothing(t *testing.T) {
	var a, b Statistics
	b.Add(10, 10, []datasets.Annotation{{CategoryID: 1, BBox: datasets.Box{0, 0, 5, 5}, Area: 25}})
	a.Merge(&b)
	a.Merge(&b)
	if a.Images != 2 || a.ByID[1].Support[0] != 2 || b.ByID[1].Support[0] != 1 || b.Images != 1 {
		t.Errorf("%+v and %+v", a.ByID[1], b.ByID[1])
	}
}

func TestLnIsTheLogarithm(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100000 {
		x := math.Ldexp(0.5+rng.Float64()/2, rng.IntN(120)-100)
		if got, want := ln(x), math.Log(x); math.Abs(got-want) > 1e-15*max(1, math.Abs(want)) {
			t.Fatalf("ln(%v) = %v, want %v", x, got, want)
		}
	}
	if ln(1) != 0 {
		t.Errorf("ln(1) = %v", ln(1))
	}
}
