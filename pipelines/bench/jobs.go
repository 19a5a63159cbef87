package bench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/build"
)

// wnid names the one class that the images of the case build get.
const wnid = "n00000000"

// raw lays the images out as ImageNet does, by links, repeated up to the count.
func (b *bencher) raw() (images, synsets string, err error) {
	if err := b.load(); err != nil {
		return "", "", err
	}
	images, synsets = filepath.Join(b.dir, "raw"), filepath.Join(b.dir, "synsets.txt")
	if _, err := os.Stat(images); err == nil {
		return images, synsets, nil
	}
	dir := filepath.Join(images, wnid)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	for i := range b.opt.Count {
		f, err := filepath.Abs(b.files[i%len(b.files)])
		if err != nil {
			return "", "", err
		}
		if err := os.Symlink(f, filepath.Join(dir, fmt.Sprintf("%s_%06d.JPEG", wnid, i))); err != nil {
			return "", "", err
		}
	}
	return images, synsets, os.WriteFile(synsets, []byte(wnid+" anything\n"), 0o644)
}

// imagesPerShard follows the usual size of a benchmark's shards.
const imagesPerShard = 100

func (b *bencher) build() (Result, error) {
	images, synsets, err := b.raw()
	if err != nil {
		return Result{}, err
	}
	text := fmt.Sprintf("version: 1\nbuild:\n  dataset: imagenet\n  inputs: {images: %q, synsets: %q}\n  splits: [train]\n  transforms: %q\n  shards: %d\n",
		images, synsets, prepChain, (b.opt.Count+imagesPerShard-1)/imagesPerShard)
	r, err := recipe.Parse("bench", b.dir, []byte(text), nil)
	if err != nil {
		return Result{}, err
	}
	out := filepath.Join(b.dir, "out")
	if err := os.RemoveAll(out); err != nil {
		return Result{}, err
	}
	if err := r.Place(out); err != nil {
		return Result{}, err
	}
	cpu, _ := progress.Usage()
	begin := time.Now()
	job, err := build.Resolve(b.ctx, &r.Builds[0])
	if err != nil {
		return Result{}, err
	}
	job.Workers = b.opt.Threads
	m, err := build.Run(b.ctx, job, b.opt.Execute)
	if err != nil {
		return Result{}, err
	}
	s := time.Since(begin).Seconds()
	used, peak := progress.Usage()
	return Result{Value: float64(m.Examples()) / s, Unit: "images/s", Threads: b.opt.Threads, Better: "higher", Seconds: s,
		Extra: perCPU(map[string]float64{"peak_rss_mb": float64(peak) / (1 << 20), "images": float64(m.Examples())}, int64(m.Examples()), used-cpu)}, nil
}

func (b *bencher) verify() (Result, error) {
	dir := filepath.Join(b.dir, "out")
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		if _, err := b.build(); err != nil {
			return Result{}, err
		}
	}
	var bytes int64
	begin := time.Now()
	for bytes == 0 || time.Since(begin) < b.opt.Duration {
		res, err := verify.Run(b.ctx, dir, verify.Options{Quick: true, Workers: b.opt.Threads}, func(verify.Problem) {})
		if err != nil {
			return Result{}, err
		}
		if res.Problems > 0 {
			return Result{}, fault.New(fault.Bug, "%d problems in a dataset just built", res.Problems)
		}
		bytes += res.Bytes
	}
	s := time.Since(begin).Seconds()
	return Result{Value: float64(bytes) / 1e6 / s, Unit: "MB/s", Threads: b.opt.Threads, Better: "higher", Seconds: s}, nil
}

// lvisParse plans over an annotation file, on one thread.
func (b *bencher) lvisParse() (Result, error) {
	file := b.opt.Annotations
	if file == "" {
		file = filepath.Join(b.dir, "lvis_v1_train.json")
		if err := writeLVIS(file, 20_000); err != nil {
			return Result{}, err
		}
	}
	st, err := os.Stat(file)
	if err != nil {
		return Result{}, fault.New(fault.Usage, "--annotations: %w", err)
	}
	empty := filepath.Join(b.dir, "none")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		return Result{}, err
	}
	src, _ := datasets.Lookup("lvis")
	var n, bytes int64
	begin := time.Now()
	for bytes == 0 || time.Since(begin) < b.opt.Duration {
		p := datasets.Planner{Emit: func(r datasets.Ref) error { n++; return nil }, Reject: func(datasets.Rejection) error { return nil },
			Input: func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {}}
		if err := src.Plan(b.ctx, datasets.Inputs{"images": empty, "annotations": file}, &p); err != nil {
			return Result{}, err
		}
		bytes += st.Size()
	}
	s := time.Since(begin).Seconds()
	return Result{Value: float64(bytes) / 1e6 / s, Unit: "MB/s", Threads: 1, Better: "higher", Seconds: s, Extra: map[string]float64{"file_mb": float64(st.Size()) / 1e6}}, nil
}

// writeLVIS writes an LVIS-shaped file of n images and 12 annotations each.
func writeLVIS(file string, n int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, `{"info":{},"licenses":[],"categories":[{"id":1,"name":"thing","frequency":"f","synset":"thing.n.01","synonyms":["thing"],"def":"anything","image_count":1,"instance_count":1}],"images":[`)
	for i := range n {
		fmt.Fprintf(w, `%s{"id":%d,"width":640,"height":480,"license":1,"coco_url":"http://images.cocodataset.org/train2017/%012d.jpg","neg_category_ids":[],"not_exhaustive_category_ids":[]}`, comma(i), i+1, i+1)
	}
	fmt.Fprint(w, `],"annotations":[`)
	points := make([]string, 0, 120)
	for _, v := range outline(0, 40) {
		points = append(points, fmt.Sprintf("%.2f", v))
	}
	polygon := strings.Join(points, ", ")
	for i := range 12 * n {
		fmt.Fprintf(w, `%s{"id":%d,"image_id":%d,"category_id":1,"bbox":[190.0, 110.0, 260.0, 260.0],"area":25000.5,"segmentation":[[%s]]}`, comma(i), i+1, i%n+1, polygon)
	}
	fmt.Fprint(w, "]}")
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
