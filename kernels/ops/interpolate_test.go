package ops

import (
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// sources returns the pixel that each place of the result shows.
func sources(t *testing.T, p Interpolation, n int) []int32 {
	t.Helper()
	_, cols, err := p.Taps(1, n)
	if err != nil {
		t.Fatal(err)
	}
	return cols.Index
}

// TestNearestPixels: the expected ones are those of torch 2.15.
func TestNearestPixels(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Interpolation
		n    int
		want []int32
	}{
		{"equal sizes copy, whatever the scale", Interpolation{Scale: [2]float64{1, 1.473}}, 2, []int32{0, 1}},
		{"double sizes double, whatever the scale", Interpolation{Scale: [2]float64{1, 2.24}}, 4, []int32{0, 0, 1, 1, 2, 2, 3, 3}},
		{"exact goes by the scale", Interpolation{Mode: NearestExact, Scale: [2]float64{1, 2.24}}, 4, []int32{0, 0, 1, 1, 2, 2, 2, 3}},
		{"exact of 3 by 1.3", Interpolation{Mode: NearestExact, Scale: [2]float64{1, 1.3}}, 3, []int32{0, 1, 1}},
	} {
		if got := sources(t, tt.p, tt.n); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTransposedTapsAreTheGradient(t *testing.T) {
	rows, _, err := Interpolation{Mode: Bicubic, Size: [2]int{9, 1}}.Taps(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	dense := func(t *Taps) [][]float32 {
		m := make([][]float32, t.Out())
		for o := range m {
			m[o] = make([]float32, t.In)
			for k := t.Start[o]; k < t.Start[o+1]; k++ {
				m[o][t.Index[k]] += t.Weight[k]
			}
		}
		return m
	}
	a, b := dense(rows), dense(rows.Transpose())
	if err := rows.Transpose().Valid(); err != nil {
		t.Fatal(err)
	}
	for o := range a {
		for i := range b {
			if a[o][i] != b[i][o] {
				t.Fatalf("weight of %d in %d is %v, transposed %v", i, o, a[o][i], b[i][o])
			}
		}
	}
}

func TestTapsOutsideAreRefused(t *testing.T) {
	for name, taps := range map[string]Taps{
		"none":           {},
		"index too high": {In: 2, Start: []int32{0, 1}, Index: []int32{2}, Weight: []float32{1}},
		"index below 0":  {In: 2, Start: []int32{0, 1}, Index: []int32{-1}, Weight: []float32{1}},
		"starts fall":    {In: 2, Start: []int32{0, 2, 1}, Index: []int32{0}, Weight: []float32{1}},
		"no weight":      {In: 2, Start: []int32{0, 1}, Index: []int32{0}},
	} {
		if err := taps.Valid(); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterpolationsThatAreNoneAreRefused(t *testing.T) {
	for name, p := range map[string]Interpolation{
		"no size":            {},
		"unknown mode":       {Mode: "lanczos", Size: [2]int{2, 2}},
		"nearest at corners": {Mode: Nearest, AlignCorners: true, Size: [2]int{2, 2}},
		"area antialiased":   {Mode: Area, Antialias: true, Size: [2]int{2, 2}},
		"negative size":      {Size: [2]int{-1, 2}},
		"negative scale":     {Scale: [2]float64{-1, 2}},
		"nothing left":       {Scale: [2]float64{0.1, 1}},
	} {
		if _, _, err := p.Taps(3, 3); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
