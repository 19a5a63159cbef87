package bench

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// batch is the number of images in a training or inference step.
const batch = 64

// engineRun is an engine and random tensors in its memory.
type engineRun struct {
	*cpu.Engine
	rng *rand.Rand
}

func (b *bencher) engine() engineRun {
	return engineRun{cpu.New(cpu.Options{Workers: b.opt.Threads}), rand.New(rand.NewPCG(1, 2))}
}

// normal returns a tensor of standard normal values.
func (r engineRun) normal(shape ...int) *tensor.Dense {
	t := r.Borrow(shape...)
	v := t.Float32s()
	for i := range v {
		v[i] = float32(r.rng.NormFloat64())
	}
	return t
}

// labels returns n labels below classes.
func (r engineRun) labels(n, classes int) *tensor.Dense {
	t := r.BorrowIndex(n)
	for i := range t.Int64s() {
		t.Int64s()[i] = r.rng.Int64N(int64(classes))
	}
	return t
}

// timed runs step, twice to warm up and then for the duration and at least three
// times; just once where the duration is too short for a rate to mean much.
// Value is amount a second by the median; best by the fastest.
func (b *bencher) timed(unit string, amount float64, step func() error) (Result, error) {
	warm, least := 2, 3
	if b.opt.Duration < 100*time.Millisecond {
		warm, least = 0, 1
	}
	var took []float64
	begin := time.Now()
	cpuBefore, _ := progress.Usage()
	for i := 0; i < warm || len(took) < least || time.Since(begin) < b.opt.Duration; i++ {
		if err := b.ctx.Err(); err != nil {
			return Result{}, err
		}
		if i == warm {
			begin = time.Now()
			cpuBefore, _ = progress.Usage()
		}
		start := time.Now()
		if err := step(); err != nil {
			return Result{}, err
		}
		if i >= warm {
			took = append(took, time.Since(start).Seconds())
		}
	}
	seconds := time.Since(begin).Seconds()
	cpuAfter, peak := progress.Usage()
	slices.Sort(took)
	extra := map[string]float64{"best": amount / took[0], "median_ms": 1e3 * took[len(took)/2], "runs": float64(len(took)), "peak_mb": float64(peak) / 1e6}
	if used := cpuAfter - cpuBefore; used > 0 {
		extra["per_cpu_second"] = amount * float64(len(took)) / used
	}
	return Result{Value: amount / took[len(took)/2], Unit: unit, Threads: b.opt.Threads, Better: "higher", Seconds: seconds, Extra: extra}, nil
}

func (b *bencher) matmul() (Result, error) {
	r := b.engine()
	defer r.Close()
	const n = 1024
	x, w, y := r.normal(n, n), r.normal(n, n), r.Borrow(n, n)
	return b.timed("GFLOP/s", 2*n*n*n/1e9, func() error { return r.MatMul(y, x, w, ops.MatMul{}) })
}

// conv3x3 counts the operations of direct convolution, whatever is computed.
func (b *bencher) conv3x3(back bool) (Result, error) {
	r := b.engine()
	defer r.Close()
	const c, side = 64, 32
	x, w, y := r.normal(batch, c, side, side), r.normal(c, c, 3, 3), r.Borrow(batch, c, side, side)
	dy, dx, dw := r.normal(batch, c, side, side), r.Borrow(batch, c, side, side), r.Borrow(c, c, 3, 3)
	p := ops.Conv{Padding: [2]int{1, 1}}
	flops := 2.0 * batch * side * side * c * c * 9 / 1e9
	if !back {
		return b.timed("GFLOP/s", flops, func() error { return r.Conv2D(y, x, w, nil, p) })
	}
	return b.timed("GFLOP/s", 3*flops, func() error {
		if err := r.Conv2D(y, x, w, nil, p); err != nil {
			return err
		}
		if err := r.Conv2DGradInput(dx, dy, w, nil, p); err != nil {
			return err
		}
		return r.Conv2DGradWeight(dw, dy, x, p)
	})
}

func (b *bencher) conv3x3Forward() (Result, error)         { return b.conv3x3(false) }
func (b *bencher) conv3x3ForwardBackward() (Result, error) { return b.conv3x3(true) }

func (b *bencher) attention() (Result, error) {
	r := b.engine()
	defer r.Close()
	const n, heads, d = 1024, 12, 64
	q, k, v := r.normal(1, heads, n, d), r.normal(1, heads, n, d), r.normal(1, heads, n, d)
	y, lse := r.Borrow(1, heads, n, d), r.Borrow(1, heads, n)
	return b.timed("GFLOP/s", 4.0*heads*n*n*d/1e9, func() error { return r.Attention(y, lse, q, k, v, ops.Attention{}) })
}

func (b *bencher) layerNorm() (Result, error) {
	r := b.engine()
	defer r.Close()
	const rows, width = 65536, 768
	t := nn.NewTape(r)
	x, w, bias := t.Const(r.normal(rows, width)), t.Const(r.normal(width)), t.Const(r.normal(width))
	return b.timed("Melement/s", rows*width/1e6, func() error {
		t.NoGrad(func() { t.LayerNorm(x, w, bias, 1e-5) })
		err := t.Err()
		t.Reset()
		return err
	})
}

func (b *bencher) softmax() (Result, error) {
	r := b.engine()
	defer r.Close()
	const rows, width = 16384, 1000
	x, y := r.normal(rows, width), r.Borrow(rows, width)
	return b.timed("Melement/s", rows*width/1e6, func() error { return r.Softmax(y, x, 1, false) })
}

// resnet18Cifar, wrn162 and vitTiny are the networks of the training cases.
func resnet18Cifar() (nn.Layer, error) { return zoo.New("resnet18_cifar", zoo.Options{Classes: 10}) }
func wrn162() (nn.Layer, error)        { return zoo.New("wrn_16_2", zoo.Options{Classes: 100}) }
func vitTiny() (nn.Layer, error) {
	return zoo.NewViT(zoo.ViTConfig{ImageSize: 64, PatchSize: 8, Width: 192, Depth: 12, Heads: 3, Classes: 100})
}

// train times whole steps of SGD with momentum and weight decay: forward, loss,
// backward, update.
func (b *bencher) train(build func() (nn.Layer, error), side, classes int) (Result, error) {
	r := b.engine()
	defer r.Close()
	net, err := build()
	if err != nil {
		return Result{}, err
	}
	nn.Initialise(net, 1)
	t := nn.NewTape(r)
	opt, err := nn.NewOptimiser(r, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net), LR: 0.01, Decay: 5e-4})
	if err != nil {
		return Result{}, err
	}
	x, labels := t.Const(r.normal(batch, 3, side, side)), r.labels(batch, classes)
	var fresh int64
	var before, after runtime.MemStats
	res, err := b.timed("steps/s", 1, func() error {
		fresh = -r.Held()
		runtime.ReadMemStats(&before)
		loss := t.CrossEntropy(net.Forward(t, x), labels, nn.CrossEntropy{})
		if err := t.Backward(loss); err != nil {
			return err
		}
		if err := opt.Step(); err != nil {
			return err
		}
		opt.ZeroGrad(t)
		t.Reset()
		fresh += r.Held()
		runtime.ReadMemStats(&after)
		return nil
	})
	if err == nil {
		res.Extra["images_per_second"] = batch * res.Value
		res.Extra["parameters"] = float64(nn.CountParams(net))
		res.Extra["held_mb"] = float64(r.Held()) / 1e6
		res.Extra["new_bytes_a_step"] = float64(fresh) // of tensors
		res.Extra["garbage_kb_a_step"] = float64(after.TotalAlloc-before.TotalAlloc) / 1e3
	}
	return res, err
}

func (b *bencher) trainResNet18() (Result, error) { return b.train(resnet18Cifar, 32, 10) }
func (b *bencher) trainWRN162() (Result, error)   { return b.train(wrn162, 32, 100) }
func (b *bencher) trainViTTiny() (Result, error)  { return b.train(vitTiny, 64, 100) }

// infer times the forward pass of a network whose batch norms are folded into
// its convolutions where it has any.
func (b *bencher) infer(build func() (nn.Layer, error), side int) (Result, error) {
	r := b.engine()
	defer r.Close()
	net, err := build()
	if err != nil {
		return Result{}, err
	}
	nn.Initialise(net, 1)
	if f, ok := net.(interface{ Fold() error }); ok {
		if err := f.Fold(); err != nil {
			return Result{}, err
		}
	}
	t := nn.NewTape(r)
	t.Training = false
	x := t.Const(r.normal(batch, 3, side, side))
	return b.timed("images/s", batch, func() error {
		t.NoGrad(func() { net.Forward(t, x) })
		err := t.Err()
		t.Reset()
		return err
	})
}

func (b *bencher) inferResNet18() (Result, error) { return b.infer(resnet18Cifar, 32) }
func (b *bencher) inferWRN162() (Result, error)   { return b.infer(wrn162, 32) }
func (b *bencher) inferViTTiny() (Result, error)  { return b.infer(vitTiny, 64) }
