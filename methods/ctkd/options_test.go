package ctkd

import (
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training"
)

func distiller(t *testing.T, name string, more map[string]any) *Distiller {
	t.Helper()
	o := map[string]any{"teacher": "resnet20", "teacher_weights": "t.safetensors"}
	for k, v := range more {
		o[k] = v
	}
	m, err := training.New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Distiller)
}

func TestDefaultsAreTheReleases(t *testing.T) {
	d := distiller(t, "ctkd", nil)
	if d.Range != (Range{1, 20}) || d.Curriculum != (Curriculum{From: 0, To: 1, Loops: 10}) || d.Instance || d.Fixed != 0 {
		t.Errorf("%+v", d.Options)
	}
	if d := distiller(t, "kd", nil); d.Fixed != 4 {
		t.Errorf("kd at temperature %v", d.Fixed)
	}
	for kind, want := range map[string][3]float64{
		"kd": {0.1, 0.9, 0}, "pkt": {0.1, 0.9, 30000}, "sp": {0.1, 0.9, 3000}, "vid": {0.1, 0.9, 1},
		"crd": {0.1, 0.9, 0.8}, "srrl": {0.1, 0.9, 1}, "dkd": {1, 0, 1},
	} {
		for _, method := range []string{"kd", "ctkd"} {
			d := distiller(t, method, map[string]any{"loss": kind})
			if got := [3]float64{d.Gamma, d.Alpha, d.Beta}; got != want {
				t.Errorf("%s %s: gamma, alpha, beta %v, want %v", method, kind, got, want)
			}
			if d.Name() != method || d.Target != 1 || d.NonTarget != 2 || d.CRD != (CRDOptions{128, 16384, 0.5, 0.07}) {
				t.Errorf("%s %s: %+v", method, kind, d.Options)
			}
		}
	}
}

func TestMistakesInOptionsAreUsage(t *testing.T) {
	for _, tt := range []struct {
		method string
		more   map[string]any
		says   string
	}{
		{"kd", map[string]any{"teacher": ""}, "teacher"},
		{"kd", map[string]any{"teacher": "resnet21"}, "resnet20"},
		{"kd", map[string]any{"teacher_weights": ""}, "teacher_weights"},
		{"kd", map[string]any{"loss": "fitnet"}, "fitnet"},
		{"kd", map[string]any{"beta": 2.0}, "beta is not for loss kd"},
		{"ctkd", map[string]any{"loss": "pkt", "dkd_target": 2.0}, "dkd_target is not for loss pkt"},
		{"ctkd", map[string]any{"loss": "dkd", "crd_dim": int64(3)}, "crd_dim is not for loss dkd"},
		{"ctkd", map[string]any{"loops": int64(0)}, "loops"},
		{"ctkd", map[string]any{"temperature": 4.0}, "temperature"},
		{"kd", map[string]any{"temperature": 0.0}, "temperature"},
		{"kd", map[string]any{"module": "instance"}, "module"},
		{"kd", map[string]any{"gamma": 0.0, "alpha": 0.0}, "nothing to minimise"},
	} {
		o := map[string]any{"teacher": "resnet20", "teacher_weights": "t.safetensors"}
		for k, v := range tt.more {
			o[k] = v
		}
		_, err := training.New(tt.method, o)
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %v: %v, want it to say %q", tt.method, tt.more, err, tt.says)
		}
	}
}

// TestAllOptionsAreKnownWhateverTheLoss: a sweep asks for them without values.
func TestAllOptionsAreKnownWhateverTheLoss(t *testing.T) {
	for method, names := range map[string]string{
		"kd":   "teacher teacher_weights loss gamma alpha beta temperature dkd_target dkd_nontarget crd_dim crd_negatives crd_momentum crd_temperature",
		"ctkd": "teacher teacher_weights loss gamma alpha beta module t_start t_range lambda_from lambda_to loops curriculum dkd_target crd_dim",
	} {
		known, err := training.KnownOptions(method)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range strings.Fields(names) {
			if !known[n] {
				t.Errorf("%s does not know %s", method, n)
			}
		}
	}
}
