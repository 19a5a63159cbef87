package teskd

import (
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/methods/zoo"
)

// BenchmarkStep compares steps of training of a ResNet-18 of width 16 at batch 64 on
// 32 x 32 images with those of plain training, in turns, and reports the shortest of
// each.
func BenchmarkStep(b *testing.B) {
	trials := make([]*trial, 2)
	for i, method := range []string{"none", "teskd"} {
		net, err := zoo.NewResNet(zoo.ResNetConfig{Layers: []int{2, 2, 2, 2}, Planes: []int{16, 32, 64, 128}, CIFAR: true, Classes: 10})
		if err != nil {
			b.Fatal(err)
		}
		trials[i] = newTrial(b, net, method, nil)
	}
	x := batchOf(0, 64, 32, 10)
	best := make([]time.Duration, len(trials))
	run := func() {
		for i, r := range trials {
			start := time.Now()
			if err := r.step(x); err != nil {
				b.Fatal(err)
			}
			if d := time.Since(start); best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
	}
	run() // takes the memory
	clear(best)
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(best[0].Microseconds())/1e3, "plain-ms")
	b.ReportMetric(float64(best[1])/float64(best[0]), "teskd/plain")
	b.ReportMetric(float64(trials[1].e.Held())/(1<<20), "teskd-MiB")
	b.ReportMetric(float64(trials[0].e.Held())/(1<<20), "plain-MiB")
}
