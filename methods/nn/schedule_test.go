package nn

import (
	"math"
	"testing"
)

func TestSchedulesAtTheirTurningPoints(t *testing.T) {
	cosine := Cosine{LR: 2.4e-3, Period: 190}
	restarts := CosineRestarts{LR: 1, Min: 0.1, Period: 4, Mult: 2, Decay: 0.5, Limit: 3}
	for _, tt := range []struct {
		name string
		s    Schedule
		at   map[float64]float64
	}{
		{"fixed", Fixed(0.3), map[float64]float64{0: 0.3, 1e9: 0.3}},
		// specs/um_mae.md, section 6
		{"half cosine", Warmup{Steps: 10, Then: cosine}, map[float64]float64{0: 0, 5: 1.2e-3, 10: 2.4e-3, 105: 1.2e-3, 200: 0}},
		{"warm-up by epoch", WarmupByEpoch(5, 0.2, Cosine{LR: 0.2, Period: 300}), map[float64]float64{0: 0.2 / 6, 4: 1.0 / 6, 5: 0.1 * (1 + math.Cos(math.Pi/60))}},
		{"restarts", restarts, map[float64]float64{0: 1, 2: 0.55, 4: 0.5, 8: 0.3, 12: 0.25, 20: 0.175, 28: 0.1, 1000: 0.1}},
		{"restarts of one length", CosineRestarts{LR: 1, Period: 3}, map[float64]float64{0: 1, 1.5: 0.5, 3: 1, 300: 1}},
		{"steps", StepDecay{LR: 1, Every: 3, Gamma: 0.1}, map[float64]float64{2.9: 1, 3: 0.1, 6: 0.01}},
		{"milestones", MultiStep{LR: 1, Gamma: 0.5, Milestones: []float64{2, 2, 5}}, map[float64]float64{1: 1, 2: 0.25, 5: 0.125}},
		{"polynomial", Polynomial{LR: 1, Min: 0.5, Total: 10, Power: 2}, map[float64]float64{0: 1, 5: 0.625, 10: 0.5, 20: 0.5}},
		{"line", Polynomial{LR: 1, Total: 10}, map[float64]float64{2.5: 0.75}},
		{"phases", Phases{{2, Fixed(1)}, {3, Polynomial{LR: 4, Total: 4}}, {1, Fixed(9)}}, map[float64]float64{1: 1, 2: 4, 4: 2, 5: 9, 50: 9}},
		{"no phases", Phases{}, map[float64]float64{1: 0}},
		{"one cycle", OneCycle{Max: 1, Total: 11, Rise: 0.5}, map[float64]float64{0: 0.04, 4.5: 1, 10: 4e-6, 12: 4e-6}},
		{"one cycle of three lines", OneCycle{Max: 1, Total: 21, Rise: 0.4, Linear: true, ThreePhase: true, Div: 10, FinalDiv: 10},
			map[float64]float64{0: 0.1, 7.4: 1, 14.8: 0.1, 20: 0.01, 3.7: 0.55}},
	} {
		for at, want := range tt.at {
			if got := tt.s.At(at); math.Abs(got-want) > 1e-8 {
				t.Errorf("%s at %v: %v, want %v", tt.name, at, got, want)
			}
		}
	}
}

func TestEveryCycleBeginsAtItsTop(t *testing.T) {
	for _, m := range []float64{1, 1.5, 2, 3} {
		s := CosineRestarts{LR: 1, Period: 7, Mult: m}
		at, length := 0.0, 7.0
		for range 12 {
			if got := s.At(at); math.Abs(got-1) > 1e-6 {
				t.Errorf("mult %v at %v: %v", m, at, got)
			}
			at, length = at+length, length*m
		}
	}
}
