package recursivemix

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func TestLabelMassIsOneAtAnyHistoryLength(t *testing.T) {
	e := newEngine(t)
	for _, smoothing := range []float64{0, 0.1} {
		o := DefaultOptions()
		o.Smoothing = smoothing
		h := newHistory(t, e, o, Shape{Batch: 5, Height: 32, Width: 32, Classes: 7, Features: 4})
		rng := rand.New(rand.NewPCG(1, 2))
		for step := range int64(repeats(200, 40)) {
			m := pass(t, h, 0, step, h.Draw(3, step), numbers(rng, 5, 3, 32, 32), classesOf(rng, 5, 7), nil)
			for i := range 5 {
				sum := 0.0
				for _, p := range m.Labels.Float32s()[7*i:][:7] {
					if p < 0 {
						t.Fatalf("step %d: a probability of %v", step, p)
					}
					sum += float64(p)
				}
				if !near(sum, 1, 2e-6) {
					t.Fatalf("smoothing %v, step %d: row %d sums to %v", smoothing, step, i, sum)
				}
			}
		}
	}
}

func TestOneLevelAreaIsTheMeanOfThePastedImage(t *testing.T) {
	e := newEngine(t)
	for _, mode := range []string{"nearest", "bilinear"} {
		o := DefaultOptions()
		o.Resize = mode
		h := newHistory(t, e, o, Shape{Batch: 2, Height: 32, Width: 32, Classes: 3, Features: 4})
		for step := range int64(50) {
			h.Reset()
			pass(t, h, 0, 2*step, Draw{}, constant(1, 2, 3, 32, 32), dense([]int64{2, 2}, 2), nil)
			m := pass(t, h, 0, 2*step+1, h.Draw(9, step), constant(0, 2, 3, 32, 32), dense([]int64{0, 0}, 2), nil)
			for i := range 2 {
				if got := mean(m.Images.Float32s()[3072*i:][:3072]); !near(got, m.Share, 1e-6) {
					t.Fatalf("%s: box %+v: the image's mean is %v, the share %v", mode, m.Box, got, m.Share)
				}
				row := m.Labels.Float32s()[3*i:][:3]
				if float64(row[2]) != m.Share || !near(float64(row[0]), 1-m.Share, 1e-7) || row[1] != 0 {
					t.Fatalf("%s: share %v: labels %v", mode, m.Share, row)
				}
			}
		}
	}
}

func TestIdenticalHistoryAndLabelsLeaveTheLabels(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 3, Height: 16, Width: 16, Classes: 4, Features: 4})
	rng := rand.New(rand.NewPCG(5, 5))
	x, y := numbers(rng, 3, 3, 16, 16), dense([]int64{1, 3, 0}, 3)
	for step := range int64(20) {
		m := pass(t, h, 0, step, h.Draw(1, step), x, y, nil)
		for i, label := range y.Int64s() {
			for k, p := range m.Labels.Float32s()[4*i:][:4] {
				want := 0.0
				if int64(k) == label {
					want = 1
				}
				if !near(float64(p), want, 1e-6) {
					t.Fatalf("step %d: labels %v of class %d", step, m.Labels.Float32s()[4*i:][:4], label)
				}
			}
		}
	}
}

func TestRecursionInTheTopLeftQuarter(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 1, Height: 16, Width: 16, Classes: 4, Features: 4})
	var m Mixed
	for step := range int64(4) { // image t has value t and class t
		m = pass(t, h, 0, step, quarter(16), constant(float32(step), 1, 3, 16, 16), dense([]int64{step}, 1), nil)
	}
	want := []float64{1. / 64, 3. / 64, 3. / 16, 3. / 4} // by class: the last image is class 3
	var pixels [4]float64
	for _, v := range m.Images.Float32s() {
		pixels[int(v)] += 1. / (3 * 16 * 16)
	}
	for k, w := range want {
		if got := m.Labels.Float32s()[k]; float64(got) != w {
			t.Errorf("age %d: label %v, want %v", 3-k, got, w)
		}
		if !near(pixels[k], w, 1e-12) {
			t.Errorf("age %d: %v of the pixels, want %v", 3-k, pixels[k], w)
		}
	}
}

// With lambda .7 the weight of the image k steps old is .7 * .3^k.
func TestConstantLambdaGivesGeometricWeights(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 1, Height: 10, Width: 10, Classes: 6, Features: 4})
	// 6 x 5 of 100 pixels: the box is 6 wide and, cut by the border, 5 high
	d := Draw{U: 0.36, X: 5, Y: 2}
	var m Mixed
	for step := range int64(6) {
		m = pass(t, h, 0, step, d, constant(0, 1, 3, 10, 10), dense([]int64{step}, 1), nil)
	}
	if m.Share != 0.3 {
		t.Fatalf("box %+v covers %v, want .3", m.Box, m.Share)
	}
	for k, want := range []float64{.7, .21, .063, .0189} {
		if got := float64(m.Labels.Float32s()[5-k]); !near(got, want, 1e-7) {
			t.Errorf("age %d: weight %v, want %v", k, got, want)
		}
	}
}

// Nearest resize shows the pixels of older images nearly, but not exactly, in
// proportion to their labels; of the newest paste exactly.
func TestPixelSharesTrackTheLabels(t *testing.T) {
	const side, steps = 32, 600
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 1, Height: side, Width: side, Classes: steps, Features: 1})
	sum, n, worst := 0.0, 0.0, 0.0
	for step := range int64(steps) {
		m := pass(t, h, 0, step, h.Draw(6, step), constant(float32(step), 1, 3, side, side), dense([]int64{step}, 1), nil)
		var pixels [steps]float64
		for _, v := range m.Images.Float32s() {
			pixels[int(v)] += 1. / (3 * side * side)
		}
		if got := pixels[step]; !near(got, 1-m.Share, 1e-9) {
			t.Fatalf("step %d: %v of the pixels are new, want %v", step, got, 1-m.Share)
		}
		if step == 0 || m.Box.Empty() {
			continue
		}
		apart := math.Abs(pixels[step-1] - float64(m.Labels.Float32s()[step-1])) // the pasted image's own part
		sum, n, worst = sum+apart, n+1, max(worst, apart)
	}
	if got := sum / n; got < 0.002 || got > 0.0045 || worst > 0.025 {
		t.Errorf("|pixels - label| is %.4f in the mean and %.4f at most, want about .0031 and .0193", got, worst)
	}
}

func TestNearestResizePicksTheFloor(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		in, out int
		want    []float32
	}{
		{4, 2, []float32{0, 2}},
		{4, 3, []float32{0, 1, 2}},
		{3, 2, []float32{0, 1}},
		{5, 5, []float32{0, 1, 2, 3, 4}},
	} {
		row := make([]float32, 3*c.in*c.in)
		for i := range row {
			row[i] = float32(i % c.in)
		}
		r := newResizer("nearest", c.in, c.in, 0)
		small, err := r.resize(e, dense(row, 1, 3, c.in, c.in), Box{X2: c.out, Y2: c.out})
		if err != nil {
			t.Fatal(err)
		}
		if got := small.Float32s()[:c.out]; !slices.Equal(got, c.want) {
			t.Errorf("%d to %d picks %v, want %v", c.in, c.out, got, c.want)
		}
	}
	// floor(dst in / out) at every size of a 32 pixel image
	for out := 1; out <= 32; out++ {
		r := newResizer("nearest", 32, 32, 0.5)
		if _, err := r.resize(e, constant(0, 1, 3, 32, 32), Box{X2: out, Y2: out}); err != nil {
			t.Fatal(err)
		}
		for o, got := range r.cols[out].Index {
			if int(got) != o*32/out {
				t.Errorf("32 to %d: place %d comes from %d, want %d", out, o, got, o*32/out)
			}
		}
	}
}

func TestBilinearResizeAlignsCorners(t *testing.T) {
	e := newEngine(t)
	ramp := make([]float32, 3*9*9)
	for i := range ramp {
		ramp[i] = float32(i % 9)
	}
	small, err := newResizer("bilinear", 9, 9, 0).resize(e, dense(ramp, 1, 3, 9, 9), Box{X2: 5, Y2: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := small.Float32s()[:5]; !slices.Equal(got, []float32{0, 2, 4, 6, 8}) {
		t.Errorf("9 columns become %v, want 0 2 4 6 8", got)
	}
}

func TestTheFirstStepOfAnEpochIsPlain(t *testing.T) {
	e := newEngine(t)
	shape := Shape{Batch: 4, Height: 16, Width: 16, Classes: 3, Features: 4}
	rng := rand.New(rand.NewPCG(3, 3))
	for name, forget := range map[string]func(h *History){
		"the epoch is another": func(*History) {},
		"Reset was called":     (*History).Reset,
	} {
		h := newHistory(t, e, DefaultOptions(), shape)
		pass(t, h, 0, 0, Draw{}, constant(9, 4, 3, 16, 16), dense([]int64{2, 2, 2, 2}, 4), nil)
		forget(h)
		x := numbers(rng, 4, 3, 16, 16)
		m := pass(t, h, 1, 1, quarter(16), x, dense([]int64{0, 1, 0, 1}, 4), nil)
		if !m.Box.Empty() || m.Share != 0 || !slices.Equal(m.Images.Float32s(), x.Float32s()) {
			t.Errorf("%s: box %+v of the old history was pasted", name, m.Box)
		}
		if want := []float32{1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0}; !slices.Equal(m.Labels.Float32s(), want) {
			t.Errorf("%s: labels %v, want %v", name, m.Labels.Float32s(), want)
		}
		if age, ok := h.Age(3); !ok || age != 2 {
			t.Errorf("%s: the history is %d steps old (%v), want 2", name, age, ok)
		}
	}
}

func TestASmallerLastBatchTakesTheFirstRows(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 64, Height: 16, Width: 16, Classes: 64, Features: 4})
	first := make([]float32, 64*3*16*16)
	labels := make([]int64, 64)
	for i := range first {
		first[i] = float32(i / (3 * 16 * 16))
	}
	for i := range labels {
		labels[i] = int64(i)
	}
	pass(t, h, 0, 0, Draw{}, dense(first, 64, 3, 16, 16), dense(labels, 64), nil)
	before := e.InUse()
	m := pass(t, h, 0, 1, quarter(16), constant(-1, 16, 3, 16, 16), dense(make([]int64, 16), 16), nil)
	if s := m.Images.Shape(); s[0] != 16 || m.Labels.Shape()[0] != 16 {
		t.Fatalf("images %v, labels %v, want 16 of each", s, m.Labels.Shape())
	}
	for i := range 16 {
		if got := m.Images.Float32s()[3*256*i]; got != float32(i) {
			t.Errorf("sample %d got a part of sample %v", i, got)
		}
		if got := m.Labels.Float32s()[64*i+i]; i > 0 && got != 0.25 {
			t.Errorf("sample %d: label %v of its own history, want .25", i, got)
		}
	}
	_, err := h.BeforeForward(0, 2, quarter(16), dense(first, 64, 3, 16, 16), dense(labels, 64))
	if fault.CodeOf(err) != fault.Usage {
		t.Errorf("a batch of 64 after one of 16: %v, want a usage error", err)
	}
	pass(t, h, 1, 2, quarter(16), dense(first, 64, 3, 16, 16), dense(labels, 64), nil)
	h.Reset()
	if now := e.InUse(); now != before {
		t.Errorf("%d bytes of the small batch are not given back", now-before)
	}
}

func TestTheCallersBatchIsNotTouched(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 2, Height: 8, Width: 8, Classes: 3, Features: 4})
	rng := rand.New(rand.NewPCG(8, 8))
	for step := range int64(3) {
		x, y := numbers(rng, 2, 3, 8, 8), dense([]int64{0, 1}, 2)
		was := slices.Clone(x.Float32s())
		m := pass(t, h, 0, step, quarter(8), x, y, nil)
		if !slices.Equal(x.Float32s(), was) || !slices.Equal(y.Int64s(), []int64{0, 1}) {
			t.Fatal("the caller's images or labels changed")
		}
		if step > 0 && slices.Equal(m.Images.Float32s(), was) {
			t.Fatal("nothing was pasted")
		}
		clear(x.Float32s()) // as a loader does that fills its buffer again
	}
}

func TestAnotherOrderOfCallsIsRefused(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 1, Height: 8, Width: 8, Classes: 2, Features: 4})
	x, y := constant(0, 1, 3, 8, 8), dense([]int64{0}, 1)
	tape := nn.NewTape(e)
	h.Loss(tape, tape.Upload([]float32{1, 2}, 1, 2))
	if fault.CodeOf(tape.Err()) != fault.Usage {
		t.Errorf("a loss before BeforeForward: %v", tape.Err())
	}
	tape.Reset()
	h.AfterForward(tape, nil, nil, tape.Upload([]float32{1, 2}, 1, 2))
	if fault.CodeOf(tape.Err()) != fault.Usage {
		t.Errorf("AfterForward first: %v", tape.Err())
	}
	if _, err := h.BeforeForward(0, 0, Draw{}, x, y); err != nil {
		t.Fatal(err)
	}
	if _, err := h.BeforeForward(0, 1, Draw{}, x, y); fault.CodeOf(err) != fault.Usage {
		t.Errorf("BeforeForward twice: %v", err)
	}
}

func TestWrongOperandsAreErrors(t *testing.T) {
	e := newEngine(t)
	h := newHistory(t, e, DefaultOptions(), Shape{Batch: 2, Height: 8, Width: 8, Classes: 2, Features: 4})
	two := dense([]int64{0, 1}, 2)
	for name, err := range map[string]error{
		"images of another size": second(h.BeforeForward(0, 0, Draw{}, constant(0, 2, 3, 9, 8), two)),
		"one channel":            second(h.BeforeForward(0, 0, Draw{}, constant(0, 2, 1, 8, 8), two)),
		"fewer labels":           second(h.BeforeForward(0, 0, Draw{}, constant(0, 2, 3, 8, 8), dense([]int64{0}, 1))),
		"float labels":           second(h.BeforeForward(0, 0, Draw{}, constant(0, 2, 3, 8, 8), constant(0, 2))),
		"too many samples":       second(h.BeforeForward(0, 0, Draw{}, constant(0, 3, 3, 8, 8), dense([]int64{0, 1, 0}, 3))),
		"no such class":          second(h.BeforeForward(0, 0, Draw{}, constant(0, 2, 3, 8, 8), dense([]int64{0, 2}, 2))),
		"alpha above 1":          made(e, Options{Alpha: 2, Resize: "nearest"}, Shape{1, 1, 1, 2, 1}),
		"no resize":              made(e, Options{}, Shape{1, 1, 1, 2, 1}),
		"no classes":             made(e, DefaultOptions(), Shape{1, 1, 1, 0, 1}),
		"smoothing one class":    made(e, Options{Resize: "nearest", Smoothing: 0.1}, Shape{1, 1, 1, 1, 1}),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v, want a usage error", name, err)
		}
	}
}

func second(_ Mixed, err error) error { return err }

func TestBytesAreTheFormulas(t *testing.T) {
	e := newEngine(t)
	for _, s := range []Shape{{64, 224, 224, 1000, 2048}, {64, 32, 32, 10, 512}, {7, 5, 9, 3, 2}} {
		h := newHistory(t, e, Options{Resize: "nearest"}, s)
		want := int64(s.Batch) * int64(3*s.Height*s.Width+2*s.Classes) * 4
		if got := h.Bytes(); got != want {
			t.Errorf("%+v: %d bytes, the formula says %d", s, got, want)
		}
		held := int64(0)
		for _, entry := range nn.Entries(h) {
			held += int64(entry.Var.Value.MemSize())
		}
		if counters := int64(3 * 8); held != want+counters {
			t.Errorf("%+v: %d bytes are held, want %d and %d of counters", s, held, want, counters)
		}
	}
	// the spec's examples: 39.0 MB and 0.8 MB
	big := newHistory(t, e, Options{Resize: "nearest"}, Shape{64, 224, 224, 1000, 2048}).Bytes()
	small := newHistory(t, e, Options{Resize: "nearest"}, Shape{64, 32, 32, 10, 512}).Bytes()
	if !near(float64(big)/1e6, 39.0, 0.05) || !near(float64(small)/1e6, 0.8, 0.05) {
		t.Errorf("%d and %d bytes, want about 39.0 and 0.8 MB", big, small)
	}
}

func TestTheROIHeadHasTheSpecsParameters(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct{ features, classes, want int }{{2048, 1000, 2_049_000}, {1024, 100, 102_500}} {
		h := newHistory(t, e, DefaultOptions(), Shape{1, 8, 8, c.classes, c.features})
		if got := nn.CountParams(h); got != c.want {
			t.Errorf("%d features, %d classes: %d parameters, want %d", c.features, c.classes, got, c.want)
		}
	}
}
