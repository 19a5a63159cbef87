package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tailorbird/tailorbird/datasets/scenes"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/build"
)

// Result is one line of the output.
type Result struct {
	Case    string             `json:"case"`
	Value   float64            `json:"value"`
	Unit    string             `json:"unit"`
	Threads int                `json:"threads"`
	Better  string             `json:"better"` // "higher" or "lower"
	Seconds float64            `json:"seconds"`
	Extra   map[string]float64 `json:"extra,omitempty"`
}

// Options of a run.
type Options struct {
	Images      string        // directory of image files; empty: drawn ones
	Annotations string        // LVIS- or COCO-shaped JSON; empty: a generated one
	Count       int           // images of the case build; 0: 1,000
	Threads     int           // 0: all cores
	Duration    time.Duration // of each kernel case; 0: 2 s
	Execute     build.Execute // runs the pipeline of the case build
}

// benchCase is one case.
type benchCase struct {
	name, doc string
	run       func(*bencher) (Result, error)
}

var cases = []benchCase{
	{"jpeg_decode", "JPEG files in memory to planes", (*bencher).jpegDecode},
	{"jpeg_encode", "planes to JPEG, quality 90", (*bencher).jpegEncode},
	{"resize256", "planes to short side 256, bicubic", (*bencher).resize256},
	{"prep", "decode, short side 256, encode at 90, in memory", (*bencher).prep},
	{"build", "the same as a whole job, directory to manifest", (*bencher).build},
	{"verify", "hashes of a built dataset", (*bencher).verify},
	{"rle_encode", "bitmaps to COCO run lengths", (*bencher).rleEncode},
	{"rle_decode", "COCO run lengths to bitmaps", (*bencher).rleDecode},
	{"lvis_parse", "plan over an LVIS-shaped annotation file", (*bencher).lvisParse},
	{"matmul_1024", "product of two 1024 x 1024 matrices", (*bencher).matmul},
	{"conv3x3_fwd", "3x3 convolution, 64 to 64 channels at 32 x 32, 64 images", (*bencher).conv3x3Forward},
	{"conv3x3_fwdbwd", "the same with both gradients", (*bencher).conv3x3ForwardBackward},
	{"attention_1024", "attention, 12 heads of 64, 1,024 tokens", (*bencher).attention},
	{"layernorm", "65,536 rows of 768", (*bencher).layerNorm},
	{"softmax", "16,384 rows of 1,000", (*bencher).softmax},
	{"train_resnet18_cifar", "a training step, 64 images of 32 x 32", (*bencher).trainResNet18},
	{"train_wrn16_2", "a training step, 64 images of 32 x 32", (*bencher).trainWRN162},
	{"train_vit_tiny", "a training step, 64 images of 64 x 64, 64 tokens and the class token", (*bencher).trainViTTiny},
	{"infer_resnet18_cifar", "forward, batch norm folded", (*bencher).inferResNet18},
	{"infer_wrn16_2", "forward, batch norm folded", (*bencher).inferWRN162},
	{"infer_vit_tiny", "forward", (*bencher).inferViTTiny},
}

// Cases lists names and what they time.
func Cases() [][2]string {
	out := make([][2]string, len(cases))
	for i, c := range cases {
		out[i] = [2]string{c.name, c.doc}
	}
	return out
}

// Run times the named cases, all where none is named, and reports each result.
func Run(ctx context.Context, names []string, o Options, report func(Result)) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	b := &bencher{ctx: ctx, opt: o}
	if b.opt.Threads <= 0 {
		b.opt.Threads = runtime.GOMAXPROCS(0)
	}
	if b.opt.Duration <= 0 {
		b.opt.Duration = 2 * time.Second
	}
	if b.opt.Count <= 0 {
		b.opt.Count = 1000
	}
	if b.dir, err = os.MkdirTemp("", "tailorbird-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, c := range chosen {
		r, err := c.run(b)
		if err != nil {
			return fmt.Errorf("bench %s: %w", c.name, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.Case = c.name
		report(r)
	}
	return nil
}

func choose(names []string) ([]benchCase, error) {
	if len(names) == 0 {
		return cases, nil
	}
	var out []benchCase
	var known []string
	for _, c := range cases {
		known = append(known, c.name)
	}
next:
	for _, n := range names {
		for _, c := range cases {
			if c.name == n {
				out = append(out, c)
				continue next
			}
		}
		return nil, fault.New(fault.Usage, "bench: no case %q%s", n, recipe.Suggest(n, known))
	}
	return out, nil
}

// bencher holds what the cases share.
type bencher struct {
	ctx   context.Context
	opt   Options
	dir   string // temporary
	files []string
	data  [][]byte
	bytes int64
}

// maxLoaded bounds the image files held in memory.
const maxLoaded = 256 << 20

// load finds the image files and reads them.
func (b *bencher) load() error {
	if b.data != nil {
		return nil
	}
	dir := b.opt.Images
	if dir == "" {
		dir = filepath.Join(b.dir, "scenes")
		l, err := scenes.Write(dir, 0, scenes.Size{})
		if err != nil {
			return err
		}
		dir = l.LVIS.Inputs["images"]
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".jpg", ".jpeg":
			b.files = append(b.files, path)
		}
		return nil
	})
	if err != nil {
		return fault.New(fault.Usage, "--images: %w", err)
	}
	sort.Strings(b.files)
	var good []string
	for _, f := range b.files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if !decodes(data) {
			continue
		}
		good = append(good, f)
		b.data = append(b.data, data)
		if b.bytes += int64(len(data)); b.bytes > maxLoaded {
			break
		}
	}
	b.files = good
	if len(b.data) == 0 {
		return fault.New(fault.Usage, "no JPEG file below %s", dir)
	}
	return nil
}

// each runs one step over and over on every thread, until the time is over, and
// returns how many steps and units were done. start makes a thread's own state;
// step returns the units that it did.
func (b *bencher) each(start func() (step func(i int) (int64, error), stop func())) (steps, units int64, took time.Duration, err error) {
	var next, done, total atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, b.opt.Threads)
	begin := time.Now()
	for t := range b.opt.Threads {
		wg.Add(1)
		go func() {
			defer wg.Done()
			step, stop := start()
			defer stop()
			// One step at least: a rate of nothing says nothing.
			for did := false; (!did || time.Since(begin) < b.opt.Duration) && b.ctx.Err() == nil; did = true {
				n, err := step(int(next.Add(1) - 1))
				if err != nil {
					errs[t] = err
					return
				}
				done.Add(1)
				total.Add(n)
			}
		}()
	}
	wg.Wait()
	for _, e := range errs {
		if e != nil {
			return 0, 0, 0, e
		}
	}
	return done.Load(), total.Load(), time.Since(begin), nil
}

// rate times a case that counts images and bytes.
func (b *bencher) rate(unit string, start func() (func(int) (int64, error), func())) (Result, error) {
	before, _ := progress.Usage()
	steps, n, took, err := b.each(start)
	after, _ := progress.Usage()
	s := took.Seconds()
	return Result{Value: float64(steps) / s, Unit: unit, Threads: b.opt.Threads, Better: "higher", Seconds: s,
		Extra: perCPU(map[string]float64{"mb_per_second": float64(n) / 1e6 / s}, steps, after-before)}, err
}

// perCPU adds the rate of n a CPU second, where the system counts those: a
// quotient by nothing is no JSON.
func perCPU(extra map[string]float64, n int64, seconds float64) map[string]float64 {
	if seconds > 0 {
		extra["per_cpu_second"] = float64(n) / seconds
	}
	return extra
}
