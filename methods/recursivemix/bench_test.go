package recursivemix

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// BenchmarkStep trains at batch 64 on 32 x 32 images, a plain step and one of a method
// in turns, and reports the method's shortest step over the shortest plain one.
func BenchmarkStep(b *testing.B) {
	for _, network := range []string{"resnet20", "resnet18_cifar"} {
		for _, arm := range []struct {
			name, method string
			options      map[string]any
		}{
			{"recursivemix", "recursivemix", map[string]any{"omega": 0.0}},
			{"recursivemix+roi", "recursivemix", nil},
			{"cutmix", "cutmix", nil},
			{"mixup", "mixup", nil},
		} {
			b.Run(network+"/"+arm.name, func(b *testing.B) {
				besidePlain(b, [2]*trial{newBenchTrial(b, network, "none", nil), newBenchTrial(b, network, arm.method, arm.options)})
			})
		}
	}
}

func besidePlain(b *testing.B, trials [2]*trial) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := numbers(rng, 64, 3, 32, 32), classesOf(rng, 64, 10)
	var best [2]time.Duration
	step := int64(0)
	run := func() {
		for i, r := range trials {
			start := time.Now()
			if err := r.step(&training.Batch{Step: step, Images: x, Labels: y}); err != nil {
				b.Fatal(err)
			}
			if d := time.Since(start); best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
		step++
	}
	run() // takes the memory; its first step mixes nothing
	clear(best[:])
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(best[0].Microseconds())/1e3, "plain-ms")
	b.ReportMetric(float64(best[1])/float64(best[0]), "method/plain")
}

// BenchmarkPrepare is what mixing itself costs a step.
func BenchmarkPrepare(b *testing.B) {
	for _, method := range []string{"recursivemix", "cutmix", "mixup"} {
		b.Run(method, func(b *testing.B) {
			r := newBenchTrial(b, "resnet20", method, nil)
			rng := rand.New(rand.NewPCG(1, 1))
			x, y := numbers(rng, 64, 3, 32, 32), classesOf(rng, 64, 10)
			best, step := time.Duration(1<<62), int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if m, ok := r.method.(*RecursiveMix); ok {
					m.history.open = false
				}
				start := time.Now()
				if err := r.method.Prepare(&training.Batch{Step: step, Images: x, Labels: y}); err != nil {
					b.Fatal(err)
				}
				best, step = min(best, time.Since(start)), step+1
			}
			b.ReportMetric(float64(best.Nanoseconds())/1e6, "least-ms")
		})
	}
}

func newBenchTrial(b *testing.B, network, method string, options map[string]any) *trial {
	m, err := training.New(method, options)
	if err != nil {
		b.Fatal(err)
	}
	net, err := zoo.New(network, zoo.Options{Classes: 10})
	if err != nil {
		b.Fatal(err)
	}
	r := &trial{e: newEngine(b), net: net.(zoo.Backbone), method: m}
	nn.Initialise(r.net, 1)
	if err := m.Begin(&training.Run{Engine: r.e, Net: r.net, Classes: 10, Batch: 64, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	r.tape = nn.NewTape(r.e)
	r.opt, err = nn.NewOptimiser(r.e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(r), LR: 0.01})
	if err != nil {
		b.Fatal(err)
	}
	return r
}
