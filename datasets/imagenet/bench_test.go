package imagenet

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

// BenchmarkPlan plans a tar of four tars of 1,300 images each, as large in names
// as ImageNet's largest classes.
func BenchmarkPlan(b *testing.B) {
	var inner []string
	for c := range 4 {
		var files []string
		for i := range 1300 {
			files = append(files, fmt.Sprintf("n9000000%d_%d.JPEG=%s", c+1, i, strings.Repeat("x", 900)))
		}
		inner = append(inner, fmt.Sprintf("n9000000%d.tar=%s", c+1, archive(b, files...)))
	}
	in := inputs(b, write(b, "train.tar", archive(b, inner...)))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		n := 0
		p := &datasets.Planner{
			Emit:   func(datasets.Ref) error { n++; return nil },
			Reject: func(r datasets.Rejection) error { b.Fatal(r.Message); return nil },
			Input:  func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {},
		}
		if err := (source{}).Plan(context.Background(), in, p); err != nil || n != 5200 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(5200*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
