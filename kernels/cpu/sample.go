package cpu

import (
	"math"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// sampleState holds the tasks of this family.
type sampleState struct {
	resample resampleTask
	grid     gridTask
	roi      roiTask
	fft      fftTask
}

// GridSample implements ops.Sampler.
func (e *Engine) GridSample(y, x, grid *tensor.Dense, p ops.GridSample) error {
	t, err := e.gridTask(y, x, grid, p)
	if err != nil {
		return err
	}
	t.y, t.do = y.Float32s(), gridRead
	e.run(t.parts(), t)
	*t = gridTask{}
	return nil
}

// GridSampleGrad implements ops.Sampler.
func (e *Engine) GridSampleGrad(dx, dgrid, dy, x, grid *tensor.Dense, p ops.GridSample) error {
	t, err := e.gridTask(dy, x, grid, p)
	if err != nil {
		return err
	}
	if dx == nil && dgrid == nil {
		return fault.New(fault.Usage, "grid sample: no gradient is asked for")
	}
	for _, g := range [2][2]*tensor.Dense{{dx, x}, {dgrid, grid}} {
		if g[0] == nil {
			continue
		}
		if err := ops.WantType("grid sample", tensor.Float32, g[0]); err != nil {
			return err
		}
		if err := ops.SameShape("grid sample", g[0], g[1]); err != nil {
			return err
		}
	}
	t.y = dy.Float32s()
	if dx != nil {
		t.dx, t.do = dx.Float32s(), gridAdd
		clear(t.dx)
		e.run(t.parts(), t)
	}
	if dgrid != nil {
		t.dgrid, t.do = dgrid.Float32s(), gridPlaces
		e.run(t.parts(), t)
	}
	*t = gridTask{}
	return nil
}

func (e *Engine) gridTask(y, x, grid *tensor.Dense, p ops.GridSample) (*gridTask, error) {
	if err := ops.WantType("grid sample", tensor.Float32, y, x, grid); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := ops.GridShape(y, x, grid); err != nil {
		return nil, err
	}
	xs, ys := x.Shape(), y.Shape()
	if xs[2]*xs[3] > math.MaxInt32 {
		return nil, fault.New(fault.Usage, "grid sample: images of %d x %d pixels are too large", xs[2], xs[3])
	}
	t := &e.grid
	*t = gridTask{GridSample: p, x: x.Float32s(), grid: grid.Float32s(), n: xs[0], c: xs[1], h: xs[2], w: xs[3], oh: ys[2], ow: ys[3]}
	return t, nil
}

type gridKind int

const (
	gridRead   gridKind = iota // y from x
	gridAdd                    // dx from dy
	gridPlaces                 // dgrid from dy
)

// gridTask samples at the places of a grid. A part is some runs of places; for dx,
// where places meet, it is some channels of an image and all places in order.
type gridTask struct {
	ops.GridSample
	do                 gridKind
	x, y, grid         []float32
	dx, dgrid          []float32
	n, c, h, w, oh, ow int
}

const (
	gridChannels = 8   // that a part of dx handles together
	gridRun      = 128 // places
)

func (t *gridTask) units() (n, cost int) {
	if t.do == gridAdd {
		return t.n * ((t.c + gridChannels - 1) / gridChannels), t.oh * t.ow * (16 + 4*min(t.c, gridChannels))
	}
	return t.n * t.runs(), min(gridRun, t.oh*t.ow) * (16 + 4*t.c)
}

// runs returns how many runs of places an image has.
func (t *gridTask) runs() int { return (t.oh*t.ow + gridRun - 1) / gridRun }

func (t *gridTask) parts() int { return partsOf(t.units()) }

func (t *gridTask) part(i int, s *scratch) {
	n, _ := t.units()
	begin, end := split(n, t.parts(), i)
	var index []int32
	var weight []float32
	if t.do == gridRead {
		f := s.floats(t.most() * gridRun)
		index = unsafe.Slice((*int32)(unsafe.Pointer(&f[0])), len(f))
		weight = s.floats(len(f))
	}
	for u := begin; u < end; u++ {
		switch t.do {
		case gridRead:
			t.read(u/t.runs(), u%t.runs(), index, weight)
		case gridPlaces:
			t.places(u/t.runs(), u%t.runs())
		case gridAdd:
			blocks := (t.c + gridChannels - 1) / gridChannels
			c := u % blocks * gridChannels
			t.add(u/blocks, c, min(c+gridChannels, t.c))
		}
	}
}

// most returns how many pixels a place has at most.
func (t *gridTask) most() int {
	switch t.Mode {
	case ops.Nearest:
		return 1
	case ops.Bilinear:
		return 4
	}
	return 16
}

// read samples a run of image n in all channels.
func (t *gridTask) read(n, run int, index []int32, weight []float32) {
	var p gridTaps
	in, out := t.h*t.w, t.oh*t.ow
	first := run * gridRun
	count := min(gridRun, out-first)
	clear(index)
	clear(weight)
	for o := range count {
		at := (n*out + first + o) * 2
		t.taps(&p, t.grid[at], t.grid[at+1])
		for k := range p.n {
			index[k*gridRun+o], weight[k*gridRun+o] = int32(p.at[k]), p.weight[k]
		}
	}
	for c := n * t.c; c < (n+1)*t.c; c++ {
		weigh(t.y[c*out+first:][:count], t.x[c*in:][:in], index, weight, t.most(), gridRun)
	}
}

// places sets the gradient of a run of image n's grid.
func (t *gridTask) places(n, run int) {
	var p gridTaps
	in, out := t.h*t.w, t.oh*t.ow
	for o := run * gridRun; o < min((run+1)*gridRun, out); o++ {
		at := (n*out + o) * 2
		t.taps(&p, t.grid[at], t.grid[at+1])
		gx, gy := float32(0), float32(0)
		for c := n * t.c; c < (n+1)*t.c; c++ {
			g, x := t.y[c*out+o], t.x[c*in:][:in]
			for k := range p.n {
				v := g * x[p.at[k]]
				gx += v * p.byX[k]
				gy += v * p.byY[k]
			}
		}
		t.dgrid[at], t.dgrid[at+1] = gx, gy
	}
}

func (t *gridTask) add(n, from, to int) {
	var taps gridTaps
	in, out := t.h*t.w, t.oh*t.ow
	for o := range out {
		at := (n*out + o) * 2
		t.taps(&taps, t.grid[at], t.grid[at+1])
		for c := from; c < to; c++ {
			g := t.y[(n*t.c+c)*out+o]
			dx := t.dx[(n*t.c+c)*in:][:in]
			for k := range taps.n {
				dx[taps.at[k]] += g * taps.weight[k]
			}
		}
	}
}

// gridTaps is a place of the grid: which pixels count how much, and how that
// changes with the grid's two numbers.
type gridTaps struct {
	n                int
	at               [16]int
	weight, byX, byY [16]float32
}

// taps follows the definition of torch.nn.functional.grid_sample: a bilinear or
// nearest sample moves the place into the image first, a bicubic one each of its
// sixteen pixels.
func (t *gridTask) taps(p *gridTaps, gx, gy float32) {
	p.n = 0
	x, sx := t.unscale(gx, t.w)
	y, sy := t.unscale(gy, t.h)
	if t.Mode == ops.Bicubic {
		t.cubic(p, x, y, sx, sy)
		return
	}
	x, mx := t.inside(x, t.w)
	y, my := t.inside(y, t.h)
	if t.Mode == ops.Nearest {
		t.tap(p, place(math.RoundToEven(float64(x))), place(math.RoundToEven(float64(y))), 1, 0, 0)
		return
	}
	sx *= mx
	sy *= my
	x0, y0 := placeBelow(x), placeBelow(y)
	fx, fy := x-float32(x0), y-float32(y0)
	t.tap(p, x0, y0, (1-fx)*(1-fy), -(1-fy)*sx, -(1-fx)*sy)
	t.tap(p, x0+1, y0, fx*(1-fy), (1-fy)*sx, -fx*sy)
	t.tap(p, x0, y0+1, (1-fx)*fy, -fy*sx, (1-fx)*sy)
	t.tap(p, x0+1, y0+1, fx*fy, fy*sx, fx*sy)
}

// tap adds a pixel unless it is outside the image.
func (t *gridTask) tap(p *gridTaps, x, y int, weight, byX, byY float32) {
	if x < 0 || x >= t.w || y < 0 || y >= t.h {
		return
	}
	p.at[p.n], p.weight[p.n], p.byX[p.n], p.byY[p.n] = y*t.w+x, weight, byX, byY
	p.n++
}

func (t *gridTask) cubic(p *gridTaps, x, y, sx, sy float32) {
	x0, y0 := placeBelow(x), placeBelow(y)
	fx, fy := x-float32(x0), y-float32(y0)
	wx, wy := ops.CubicWeights(fx), ops.CubicWeights(fy)
	dx, dy := cubicSlopes(fx), cubicSlopes(fy)
	for i := range 4 {
		yi, _ := t.inside(float32(y0+i-1), t.h)
		for j := range 4 {
			xj, _ := t.inside(float32(x0+j-1), t.w)
			t.tap(p, place(float64(xj)), place(float64(yi)), wx[j]*wy[i], dx[j]*wy[i]*sx, wx[j]*dy[i]*sy)
		}
	}
}

// cubicSlopes returns the derivatives of ops.CubicWeights.
func cubicSlopes(f float32) [4]float32 {
	const a = -0.75
	near := func(x float32) float32 { return (3*(a+2)*x - 2*(a+3)) * x }
	far := func(x float32) float32 { return (3*a*x-10*a)*x + 8*a }
	return [4]float32{far(f + 1), near(f), -near(1 - f), -far(2 - f)}
}

// unscale turns a number of the grid into a coordinate in pixels, and returns how
// fast that changes.
func (t *gridTask) unscale(g float32, size int) (x, slope float32) {
	n := float32(size)
	if t.AlignCorners {
		return (g + 1) / 2 * (n - 1), (n - 1) / 2
	}
	return ((g+1)*n - 1) / 2, n / 2
}

// inside moves a coordinate into the image as the padding says. slope is the
// derivative: 0 where it is held at an edge, -1 where it is mirrored.
func (t *gridTask) inside(x float32, size int) (moved, slope float32) {
	slope = 1
	if t.Padding == ops.PadZeros {
		return x, slope
	}
	if t.Padding == ops.PadReflection {
		low, span := float32(-0.5), float32(size) // mirrors at the edges
		if t.AlignCorners {
			low, span = 0, float32(size-1) // mirrors at the outermost centres
		}
		if span == 0 {
			return 0, 0
		}
		x -= low
		if x < 0 {
			x, slope = -x, -1
		}
		over := float32(math.Mod(float64(x), float64(span)))
		if math.Mod(math.Floor(float64(x/span)), 2) == 0 {
			x = over + low
		} else {
			x, slope = span-over+low, -slope
		}
	}
	last := float32(size - 1)
	switch {
	case !(x > 0): // a NaN too
		return 0, 0
	case x >= last:
		return last, 0
	}
	return x, slope
}

// place converts a coordinate; those that no image has, and NaN, become one far outside.
func place(x float64) int {
	if x > -1<<24 && x < 1<<24 {
		return int(x)
	}
	return -1 << 24
}

// placeBelow is place of x rounded down.
func placeBelow(x float32) int {
	if !(x > -1<<24 && x < 1<<24) {
		return -1 << 24
	}
	i := int(x)
	if float32(i) > x {
		i--
	}
	return i
}
