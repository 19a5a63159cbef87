package trained_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/datasets/report/trained"
)

// patch is a small picture of stripes.
func patch(t *testing.T, n int) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			m.Set(x, y, color.NRGBA{uint8(x * 8), uint8(y * 8), uint8(n * 20), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPagesToLookAt writes pages of made-up runs where -write says so; without it
// the test checks that they are made.
func TestPagesToLookAt(t *testing.T) {
	one := trained.Input{Title: "one run", Hash: "0123456789abcdef", Runs: []trained.Run{run("run", 0.83, 20, 10)}}
	hundred := trained.Input{Title: "a hundred classes", Runs: []trained.Run{run("run", 0.62, 30, 100)}}
	thousand := trained.Input{Title: "a thousand classes", Runs: []trained.Run{run("run", 0.71, 30, 1000)}}
	nine, sixty := trained.Input{Title: "nine", Keys: []string{"method.name", "seed"}}, trained.Input{Title: "sixty", Keys: []string{"method.name", "optimizer.lr", "seed"}}
	add := func(in *trained.Input, top1 float64, seed int, sweep ...trained.KeyValue) {
		name := ""
		for _, kv := range append(sweep, trained.KeyValue{Key: "seed", Value: fmt.Sprint(seed)}) {
			name += kv.Key + "=" + kv.Value + ","
		}
		r := run(name[:len(name)-1], top1, 20, 10, append(sweep, trained.KeyValue{Key: "seed", Value: fmt.Sprint(seed)})...)
		for i := range r.Curve {
			wave := math.Sin(float64(i*7+seed*13)) * 0.02
			r.Curve[i].Top1 += wave
			r.Curve[i].Loss *= 1 + wave
		}
		in.Runs = append(in.Runs, r)
	}
	methods := []string{"none", "cutmix", "recursivemix", "mixup"}
	for i, m := range methods {
		for seed := range 3 {
			if i < 3 {
				add(&nine, 0.78+0.02*float64(i)+0.006*float64(seed), seed, trained.KeyValue{Key: "method.name", Value: m})
			}
			for k, lr := range []string{"0.01", "0.03", "0.1", "0.3", "1"} {
				add(&sixty, 0.7+0.02*float64(i)+0.006*float64(seed)-0.01*float64((k-2)*(k-2)), seed, trained.KeyValue{Key: "method.name", Value: m}, trained.KeyValue{Key: "optimizer.lr", Value: lr})
			}
		}
	}
	for _, i := range []int{4, 14, 59} {
		r := &sixty.Runs[i]
		r.OK, r.Error, r.Final, r.Best, r.Curve = false, "training: loss is NaN at step 312 (epoch 4), layer layer2.0.conv1.weight; keys 000123, 004711, 009000", nil, nil, r.Curve[:12]
	}
	for _, in := range []*trained.Input{&one, &nine} {
		r := &in.Runs[len(in.Runs)-1]
		for i := range 12 {
			r.Mistakes = append(r.Mistakes, trained.Mistake{Key: fmt.Sprintf("test-%06d", i*37), Truth: r.Classes[i%10], Predicted: r.Classes[(i+3)%10], Confidence: 0.99 - 0.02*float64(i), Image: patch(t, i), Ext: "png", Width: 32, Height: 32})
		}
	}
	for name, in := range map[string]trained.Input{"one": one, "hundred": hundred, "thousand": thousand, "nine": nine, "sixty": sixty} {
		text := page(t, in)
		if len(text) < 10000 {
			t.Errorf("%s: %d bytes", name, len(text))
		}
		if *write == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(*write, name+".html"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
