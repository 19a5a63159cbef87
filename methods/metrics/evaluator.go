package metrics

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// Evaluator compares detections with a ground truth, image by image.
type Evaluator struct {
	rules
	classes []Category // by id, each once
	classOf map[int64]int32
	images  []Image // by id, each once
	imageOf map[int64]int32
	truths  []truth    // by image, then class, then as given
	masks   []rle.Mask // of truths, where masks are compared
	from    []int      // truths of image i: from[i] to from[i+1]
	targets []int      // [class][size]: truths that are to be found

	mu   sync.Mutex
	done []bool
	kept []judged // [image]
}

// truth is an annotation as matching needs it.
type truth struct {
	box    [4]float64
	area   float64
	class  int32 // index into classes
	crowd  bool
	ignore bool
}

func newEvaluator(gt *GroundTruth, r rules) (*Evaluator, error) {
	r.defaults()
	if err := r.check(); err != nil {
		return nil, err
	}
	e := &Evaluator{rules: r}
	if err := e.list(gt); err != nil {
		return nil, err
	}
	e.done, e.kept = make([]bool, len(e.images)), make([]judged, len(e.images))
	return e, e.group(gt.Annotations)
}

func (r *rules) check() error {
	switch {
	case len(r.ious) == 0 || len(r.ious) > 32:
		return fault.New(fault.Usage, "metrics: %d thresholds of IoU, want 1 to 32", len(r.ious))
	case !slices.IsSorted(r.ious) || !(r.ious[0] > 0) || !(r.ious[len(r.ious)-1] <= 1):
		return fault.New(fault.Usage, "metrics: thresholds of IoU %v do not rise from 0 to 1", r.ious)
	case len(r.sizes) == 0:
		return fault.New(fault.Usage, "metrics: no range of sizes")
	case len(r.maxDets) == 0 || slices.Min(r.maxDets) < 1:
		return fault.New(fault.Usage, "metrics: maximal numbers of detections %v, want positive ones", r.maxDets)
	}
	r.maxDets = slices.Sorted(slices.Values(r.maxDets))
	return nil
}

// list orders images and classes by id. Detections of one score in different
// images keep the order of the images, and so do the tools that this follows.
func (e *Evaluator) list(gt *GroundTruth) error {
	e.images = slices.Clone(gt.Images)
	slices.SortStableFunc(e.images, func(a, b Image) int { return cmp.Compare(a.ID, b.ID) })
	e.imageOf = make(map[int64]int32, len(e.images))
	for i, im := range e.images {
		if _, twice := e.imageOf[im.ID]; twice {
			return fault.New(fault.Conflict, "metrics: two images of id %d", im.ID)
		}
		e.imageOf[im.ID] = int32(i)
	}
	e.classes = slices.Clone(gt.Categories)
	slices.SortStableFunc(e.classes, func(a, b Category) int { return cmp.Compare(a.ID, b.ID) })
	e.classOf = make(map[int64]int32, len(e.classes))
	for i, c := range e.classes {
		if _, twice := e.classOf[c.ID]; twice {
			return fault.New(fault.Conflict, "metrics: two categories of id %d", c.ID)
		}
		e.classOf[c.ID] = int32(i)
	}
	return nil
}

// group sorts the annotations that count into images and classes, makes their
// masks and counts what is to be found.
func (e *Evaluator) group(all []Annotation) error {
	type place struct{ image, class, at int32 }
	var order []place
	for i := range all {
		image, known := e.imageOf[all[i].Image]
		class, listed := e.classOf[all[i].Category]
		if known && listed && (all[i].Area > 0 || !e.federated) {
			order = append(order, place{image, class, int32(i)})
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.image, b.image), cmp.Compare(a.class, b.class), cmp.Compare(a.at, b.at))
	})
	e.truths = make([]truth, len(order))
	e.from = make([]int, len(e.images)+1)
	e.targets = make([]int, e.groups()*len(e.sizes))
	for i, p := range order {
		a := &all[p.at]
		t := truth{box: a.Box, area: a.Area, class: p.class, crowd: a.Crowd && !e.federated, ignore: a.Crowd}
		if e.federated {
			t.ignore = a.Ignore
		}
		e.truths[i] = t
		e.from[p.image+1]++
		for s := range e.sizes {
			if !e.ignores(&t, s) {
				e.targets[e.row(t.class)*len(e.sizes)+s]++
			}
		}
	}
	for i := range e.images {
		e.from[i+1] += e.from[i]
	}
	if !e.rules.masks {
		return nil
	}
	e.masks = make([]rle.Mask, len(order))
	return e.parallel(len(order), func(i int) (err error) {
		a, im := &all[order[i].at], &e.images[order[i].image]
		if e.masks[i], err = a.mask(im.Height, im.Width); err != nil {
			return fault.New(fault.InvalidAnnotation, "metrics: annotation %d of image %d: %w", a.ID, im.ID, err)
		}
		return nil
	})
}

// groups is the number of classes that are evaluated apart, row the one that a
// class belongs to.
func (e *Evaluator) groups() int {
	if e.agnostic {
		return 1
	}
	return len(e.classes)
}

func (e *Evaluator) row(class int32) int {
	if e.agnostic {
		return 0
	}
	return int(class)
}

func (e *Evaluator) ignores(t *truth, size int) bool { return t.ignore || e.outside(t.area, size) }

func (e *Evaluator) outside(area float64, size int) bool {
	return area < e.sizes[size].Min || area > e.sizes[size].Max
}

// Evaluate adds detections in any order and returns the result. An image that
// was added before is fault.Conflict.
func (e *Evaluator) Evaluate(ds []Detection) (*Result, error) {
	if len(ds) > math.MaxInt32 {
		return nil, fault.New(fault.TooLarge, "metrics: %d detections, the limit is %d", len(ds), math.MaxInt32)
	}
	from := make([]int32, len(e.images)+1)
	at := make([]int32, len(ds))
	for i := range ds {
		image, known := e.imageOf[ds[i].Image]
		if !known {
			return nil, fault.New(fault.InvalidAnnotation, "metrics: detection %d: image %d is not in the ground truth", i, ds[i].Image)
		}
		at[i] = image
		from[image+1]++
	}
	for i := range e.images {
		from[i+1] += from[i]
	}
	order, next := make([]int32, len(ds)), slices.Clone(from)
	for i, image := range at {
		order[next[image]] = int32(i)
		next[image]++
	}
	err := e.parallel(len(e.images), func(i int) error {
		mine := order[from[i]:from[i+1]]
		if len(mine) == 0 {
			return nil
		}
		return e.add(i, ds, mine)
	})
	if err != nil {
		return nil, err
	}
	return e.Result(), nil
}

// Add takes all detections of one image; each image may be added once, in any
// order. It may be called from several goroutines. Detections of categories that
// the ground truth does not list do not count.
func (e *Evaluator) Add(image int64, ds []Detection) error {
	i, known := e.imageOf[image]
	if !known {
		return fault.New(fault.InvalidAnnotation, "metrics: image %d is not in the ground truth", image)
	}
	mine := make([]int32, len(ds))
	for j := range ds {
		if mine[j] = int32(j); ds[j].Image != image {
			return fault.New(fault.Usage, "metrics: detection %d belongs to image %d, not %d", j, ds[j].Image, image)
		}
	}
	return e.add(int(i), ds, mine)
}

// add judges the detections ds[mine[...]] of image i and keeps the verdict.
func (e *Evaluator) add(i int, ds []Detection, mine []int32) error {
	e.mu.Lock()
	twice := e.done[i]
	e.done[i] = true
	e.mu.Unlock()
	if twice {
		return fault.New(fault.Conflict, "metrics: image %d was evaluated before", e.images[i].ID)
	}
	j := judges.Get().(*judge)
	defer judges.Put(j)
	kept, err := j.image(e, i, ds, mine)
	e.kept[i] = kept
	return err
}

// parallel calls f(0) to f(n-1) from several goroutines and returns the error of
// the smallest index.
func (e *Evaluator) parallel(n int, f func(i int) error) error {
	workers := e.workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	firstAt := n
	for range min(workers, n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					mu.Lock()
					if i < firstAt {
						first, firstAt = err, i
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}
