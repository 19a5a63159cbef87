//go:build linux

package coco

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

// BenchmarkPlan plans the annotation file that TAILORBIRD_BENCH_ANNOTATIONS
// names, else one of 20,000 annotations, and reports the process's CPU time and
// peak memory beside the wall clock.
func BenchmarkPlan(b *testing.B) {
	dir := b.TempDir()
	path := os.Getenv("TAILORBIRD_BENCH_ANNOTATIONS")
	if path == "" {
		path = filepath.Join(dir, "instances_train2017.json")
		if err := os.WriteFile(path, synthetic(20000), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	in := datasets.Inputs{"images": b.TempDir(), "annotations": path}
	b.SetBytes(st.Size())
	b.ReportAllocs()
	before := usage(b)
	for b.Loop() {
		if err := Plan(context.Background(), Source{}.Spec(), in, silent(), ByURL); err != nil {
			b.Fatal(err)
		}
	}
	after := usage(b)
	cpu := float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano()) / 1e9
	b.ReportMetric(float64(st.Size())*float64(b.N)/1e6/cpu, "MB/cpu-s")
	b.ReportMetric(float64(after.Maxrss)/1024, "peak-MiB")
}

func usage(b *testing.B) syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u
}

// synthetic is an annotation file of n annotations with polygons of 36 points, 13 an image.
func synthetic(n int) []byte {
	var s strings.Builder
	s.WriteString(`{"annotations": [`)
	polygon := strings.Repeat("123.45, 67.80, ", 35) + "1.00, 2.00"
	for i := range n {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, `{"bbox": [1.00, 2.00, 30.50, 4.25], "category_id": 1, "image_id": %d, "id": %d, "segmentation": [[%s]], "area": 99.50}`, i/13+1, i+1, polygon)
	}
	s.WriteString(`], "images": [`)
	for i := range n/13 + 1 {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, `{"id": %d, "height": 480, "width": 640, "coco_url": "http://images.cocodataset.org/train2017/%012d.jpg"}`, i+1, i+1)
	}
	s.WriteString(`], "categories": [{"id": 1, "name": "thing"}]}`)
	return []byte(s.String())
}
