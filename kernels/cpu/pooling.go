package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// poolingState holds the tasks of this family.
type poolingState struct {
	pooling  poolTask
	adaptive adaptiveTask
}

// MaxPool implements ops.Pooler.
func (e *Engine) MaxPool(y, indices, x *tensor.Dense, p ops.Pool) error {
	t, err := e.slide("max pool", x, y, p, math.Inf(-1), x, y)
	if err != nil {
		return err
	}
	t.x, t.y, t.do = x.Float32s(), y.Float32s(), poolMax
	if indices != nil {
		if err := ops.WantType("max pool", tensor.Int64, indices); err != nil {
			return err
		}
		if err := ops.SameShape("max pool", indices, y); err != nil {
			return err
		}
		t.indices, t.do = indices.Int64s(), poolMaxIndices
	}
	e.runPool(t)
	return nil
}

// MaxPoolGrad implements ops.Pooler.
func (e *Engine) MaxPoolGrad(dx, dy, x, y *tensor.Dense, p ops.Pool) error {
	t, err := e.slide("max pool gradient", x, y, p, math.Inf(-1), dx, dy, x, y)
	if err != nil {
		return err
	}
	if err := ops.SameShape("max pool gradient", dx, x); err != nil {
		return err
	}
	if err := ops.SameShape("max pool gradient", dy, y); err != nil {
		return err
	}
	t.x, t.y, t.dx, t.dy, t.do = x.Float32s(), y.Float32s(), dx.Float32s(), dy.Float32s(), poolMaxGrad
	e.runPool(t)
	return nil
}

// AvgPool implements ops.Pooler.
func (e *Engine) AvgPool(y, x *tensor.Dense, p ops.Pool) error {
	t, err := e.slide("average pool", x, y, p, 0, x, y)
	if err != nil {
		return err
	}
	t.x, t.y, t.do = x.Float32s(), y.Float32s(), poolAvg
	e.runPool(t)
	return nil
}

// AvgPoolGrad implements ops.Pooler.
func (e *Engine) AvgPoolGrad(dx, dy *tensor.Dense, p ops.Pool) error {
	t, err := e.slide("average pool gradient", dx, dy, p, 0, dx, dy)
	if err != nil {
		return err
	}
	t.dx, t.dy, t.do = dx.Float32s(), dy.Float32s(), poolAvgGrad
	e.runPool(t)
	return nil
}

// slide checks the tensors all of an operation between large and small images
// and prepares its task. fill is what lies in the padding.
func (e *Engine) slide(op string, large, small *tensor.Dense, p ops.Pool, fill float64, all ...*tensor.Dense) (*poolTask, error) {
	if err := ops.WantType(op, tensor.Float32, all...); err != nil {
		return nil, err
	}
	if err := ops.WantImages(op, all...); err != nil {
		return nil, err
	}
	s := large.Shape()
	axes, err := p.Axes(op, s[2], s[3])
	if err != nil {
		return nil, err
	}
	if o := small.Shape(); o[2] != axes[0].Out || o[3] != axes[1].Out {
		return nil, fault.New(fault.Usage, "%s: %v pooled with %+v is %d x %d, not %v", op, s, p, axes[0].Out, axes[1].Out, o)
	}
	if fill == 0 && (axes[0].Dilation != 1 || axes[1].Dilation != 1 || p.Divisor < 0) {
		return nil, fault.New(fault.Usage, "%s: dilation %v, divisor %d", op, p.Dilation, p.Divisor)
	}
	t := &e.pooling
	*t = poolTask{Pool: p, rows: axes[0], cols: axes[1], planes: s[0] * s[1], fill: float32(fill)}
	t.phase = t.cols.Out + (t.cols.Kernel-1)*t.cols.Dilation/t.cols.Stride
	a, b := t.cols.Stride, t.cols.Dilation
	for b != 0 {
		a, b = b, a%b
	}
	t.period = t.cols.Stride / a
	return t, nil
}

func (e *Engine) runPool(t *poolTask) {
	e.run(t.parts(), t)
	*t = poolTask{} // keeps no tensor alive
}

type poolKind int

const (
	poolMax poolKind = iota
	poolMaxIndices
	poolMaxGrad
	poolAvg
	poolAvgGrad
)

// poolTask pools plane by plane and in two passes: along each row of the image,
// then over rows. For the first pass a row is cut into as many phases as the stride
// is long, so that a tap of all windows is one run: tap k of window j, at place
// j*Stride + k*Dilation of the padded row, is element j + k*Dilation/Stride of
// phase k*Dilation mod Stride.
type poolTask struct {
	ops.Pool
	do           poolKind
	rows, cols   ops.PoolAxis
	planes       int
	phase        int // elements of a phase
	period       int // taps until phases come again
	fill         float32
	x, y, dx, dy []float32
	indices      []int64
}

func (t *poolTask) parts() int {
	return partsOf(t.planes, t.rows.In*t.cols.In*2+t.rows.Out*t.cols.Out*t.rows.Kernel)
}

func (t *poolTask) part(i int, s *scratch) {
	begin, end := split(t.planes, t.parts(), i)
	large, small := t.rows.In*t.cols.In, t.rows.Out*t.cols.Out
	w := t.work(s)
	for p := begin; p < end; p++ {
		switch t.do {
		case poolMax:
			t.max(&w, t.y[p*small:][:small], t.x[p*large:][:large])
		case poolMaxIndices:
			t.maxIndices(t.y[p*small:][:small], t.indices[p*small:][:small], t.x[p*large:][:large])
		case poolMaxGrad:
			t.maxGrad(&w, t.dx[p*large:][:large], t.dy[p*small:][:small], t.x[p*large:][:large], t.y[p*small:][:small])
		case poolAvg:
			t.avg(&w, t.y[p*small:][:small], t.x[p*large:][:large])
		case poolAvgGrad:
			t.avgGrad(&w, t.dx[p*large:][:large], t.dy[p*small:][:small])
		}
	}
}

// poolWork is the scratch memory of a part.
type poolWork struct {
	row   []float32 // phases of a row of the image, or of all
	grad  []float32 // phases of a row of its gradient
	lines []float32 // rows of the image, pooled along the row
	back  []float32 // gradient of lines
	open  []float32 // a row of gradient that is still to be given away
	share []float32 // 1 / elements of each window of a row
}

func (t *poolTask) work(s *scratch) poolWork {
	rows := 1
	if t.do == poolMaxGrad {
		rows = t.rows.In
	}
	w := poolWork{row: s.floats(rows * t.cols.Stride * t.phase), open: s.floats(t.cols.Out), share: s.floats(t.cols.Out)}
	if t.do != poolAvgGrad && t.do != poolMaxIndices {
		w.lines = s.floats(t.rows.In * t.cols.Out)
	}
	if t.do == poolMaxGrad || t.do == poolAvgGrad {
		w.grad = s.floats(t.cols.Stride * t.phase)
		w.back = s.floats(t.rows.In * t.cols.Out)
	}
	return w
}

// tap returns where tap k of window 0 lies in the phases.
func (t *poolTask) tap(k int) int {
	at := k * t.cols.Dilation
	return at%t.cols.Stride*t.phase + at/t.cols.Stride
}

// spread cuts row, a row of the image, into phases.
func (t *poolTask) spread(phases, row []float32) {
	stride := t.cols.Stride
	for f := range stride {
		p := phases[f*t.phase:][:t.phase]
		first, last, at := t.inRow(f, len(row))
		vecFill(p[:first], t.fill)
		vecFill(p[last:], t.fill)
		if stride != 2 && first < last {
			pickRow(p[first:last], row[at:], stride)
		}
	}
	if stride == 2 {
		even, odd := t.halves(phases, len(row))
		splitRow(even, odd, row)
	}
}

// gather is the gradient of spread: it sets row from phases.
func (t *poolTask) gather(row, phases []float32) {
	stride, pad := t.cols.Stride, t.cols.Padding
	if stride*t.phase < len(row)+pad {
		clear(row) // the last columns are in no window
	}
	if stride == 2 {
		even, odd := t.halves(phases, len(row))
		joinRow(row, even, odd)
		return
	}
	for f := range stride {
		if first, last, at := t.inRow(f, len(row)); first < last {
			putRow(row[at:], phases[f*t.phase:][first:last], stride)
		}
	}
}

// inRow returns which elements of phase f lie in a row of n, and where the first does.
func (t *poolTask) inRow(f, n int) (first, last, at int) {
	stride, pad := t.cols.Stride, t.cols.Padding
	first = min(max(0, (pad-f+stride-1)/stride), t.phase) // element i is at i*stride + f - pad
	last = min(max(first, (n+pad-f+stride-1)/stride), t.phase)
	return first, last, first*stride + f - pad
}

// halves returns the parts of two phases that hold the even and the odd places of a
// row of n.
func (t *poolTask) halves(phases []float32, n int) (even, odd []float32) {
	f := t.cols.Padding % 2
	first, last, _ := t.inRow(f, n)
	even = phases[f*t.phase:][first:last]
	first, last, _ = t.inRow(1-f, n)
	return even, phases[(1-f)*t.phase:][first:last]
}

// window returns the taps of window o that lie in the image, and the row of the first.
func (t *poolTask) window(o int) (from, to, row int) {
	a := t.rows
	begin := o*a.Stride - a.Padding
	from = max(0, (-begin+a.Dilation-1)/a.Dilation)
	to = min(a.Kernel, (a.In-begin+a.Dilation-1)/a.Dilation)
	return from, max(from, to), begin + from*a.Dilation
}
