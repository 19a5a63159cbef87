package historical

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

func TestM10RingIsTheListOfTheLastRows(t *testing.T) {
	const capacity, width = 7, 2
	r := NewRing(capacity, width)
	var list [][]float32
	for step := range int64(9) {
		n := int(step)%4 + 1 // sizes that do not divide the capacity
		rows, labels := make([]float32, 0, n*width), make([]int64, n)
		for i := range n {
			row := []float32{float32(step), float32(i)}
			rows, list = append(rows, row...), append(list, row)
			labels[i] = step*10 + int64(i)
		}
		r.Push(rows, labels, step)
		values, held := r.Held()
		for k := range r.Len() {
			at := r.Newest(k)
			want := list[len(list)-1-k]
			if apart(values[at*width:][:width], want) != 0 || held[at] != int64(want[0])*10+int64(want[1]) {
				t.Fatalf("step %d: row %d from the newest is %v", step, k, values[at*width:][:width])
			}
		}
	}
	even := NewRing(12, 1)
	for step := range int64(20) {
		even.Push(make([]float32, 5), make([]int64, 5), step)
	}
	for _, age := range even.Ages(19) {
		if age > 2 { // ceil(12/5) - 1 steps before the last
			t.Errorf("age %d", age)
		}
	}
}

func TestM10RingOfTheBatchIsTheInBatchLoss(t *testing.T) {
	tp := newTape(t)
	labels := []int64{0, 0, 1, 1, 2}
	f := tp.L2Normalize(tp.Upload([]float32{1, 2, -1, 2, 1, 0, 1, 1, 1, 0, 1, -1, 2, 1, 1}, 5, 3), 1, 1e-12)
	v := tp.Host(f)
	var want float64
	for i := range 5 {
		for j := range 5 {
			s := dot(v[i*3:i*3+3], v[j*3:j*3+3])
			switch {
			case i == j:
			case labels[i] == labels[j]:
				want += (1 - s) / 5
			case s > 0.5:
				want += (s - 0.5) / 5
			}
		}
	}
	near(t, "loss", float64(tp.Host(PairLoss(tp, f, labels, f, labels, 0.5, PairSum))[0]), want, 1e-5)
}

func TestM11OrthogonalNegatives(t *testing.T) {
	const k = 65536
	tp := newTape(t)
	queue := make([]float32, 2*k) // orthogonal to the query: zeros have similarity 0
	for s, want := range map[float32]float64{1: 0.040135, 0.5: 3.96662, 0: 11.09037} {
		q := tp.Input(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 0})))
		key := tp.Upload([]float32{s, float32(math.Sqrt(1 - float64(s*s)))}, 1, 2)
		loss := InfoNCE(tp, q, key, tp.Upload(queue, k, 2), 0.07)
		near(t, "loss", float64(tp.Host(loss)[0]), want, 1e-4)
		must(t, tp.Backward(loss))
		if key.Grad != nil {
			t.Error("a key has a gradient")
		}
		tp.ZeroGrad(q)
		tp.Reset()
	}
}

func TestM12AnglesHalve(t *testing.T) {
	v, f := []float32{0, 1}, []float32{1, 0}
	for _, want := range []float64{45, 22.5, 11.25} {
		BankUpdate(v, f, 0.5)
		near(t, "angle", math.Atan2(float64(v[1]), float64(v[0]))*180/math.Pi, want, 1e-4)
		near(t, "norm", dot(v, v), 1, 1e-6)
	}
	r := newRig(t, "nce_bank", options{"noise": int64(5)})
	bank := r.mechanism().(*nceBank).bank
	before := append([]float32{}, bank.values.Value.Float32s()...)
	r.train(0, 1)
	seen := map[int64]bool{}
	for _, id := range batchOf(0).IDs {
		seen[id] = true
	}
	for id := range int64(samples) {
		if changed := apart(before[int(id)*bank.Width:][:bank.Width], bank.Row(id)) > 0; changed != seen[id] {
			t.Errorf("row %d changed: %v, visited: %v", id, changed, seen[id])
		}
	}
}

func TestM13CentersMoveToAFixedPoint(t *testing.T) {
	c := []float32{0, 5} // class 1 is empty
	for range 3 {
		CenterUpdate(c, []float32{1, 1, 1, 1}, []int64{0, 0, 0, 0}, 1, 0.5)
	}
	near(t, "progress", float64(c[0]), 0.784, 1e-6)
	near(t, "empty class", float64(c[1]), 5, 0)
}

func TestM14RunningMomentsAndCorrection(t *testing.T) {
	r := newRig(t, "bn_moments", nil)
	m := r.mechanism().(*cbn)
	d := m.mean.Dim(0)
	x := make([]float32, 3*d)
	for i := range x {
		x[i] = 2
	}
	for k := 1; k <= 6; k++ {
		m.x = x
		must(t, m.AfterBackward(&Step{Batch: batchOf(0)}, nil))
		near(t, "running mean", float64(m.mean.Value.Float32s()[0]), 2*(1-math.Pow(0.9, float64(k))), 1e-5)
	}
	xs := []float32{1, -2, 3, 0.5}
	old := NewCBNEntry(xs, []float32{0.7}, 1)
	mean, square := old.Corrected([]float32{1})
	truth := NewCBNEntry(xs, []float32{1}, 1)
	near(t, "corrected mean", mean[0], float64(truth.Mean[0]), 1e-6)
	near(t, "square is short by", float64(truth.Square[0])-square[0], 0.3*0.3*dot(xs, xs)/4, 1e-5)
	tp := newTape(t)
	a, b := []float32{1, 4, -2}, []float32{0, 3, 3}
	w := []float32{1}
	mu, variance := CBNMoments(tp, tp.Upload(a, 3, 1), w, []CBNEntry{NewCBNEntry(b, w, 1)})
	near(t, "mean of the union", float64(tp.Host(mu)[0]), 1.5, 1e-6)
	near(t, "variance of the union", float64(tp.Host(variance)[0]), (1+16+4+9+9)/6.0-2.25, 1e-5)
}

func TestM15ScoresAndForgets(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	losses := make([][]float64, 8)
	for e := range losses {
		for range 100 {
			losses[e] = append(losses[e], rng.ExpFloat64())
		}
		var sum float64
		for _, s := range CenteredScores(losses[:e+1]) {
			sum += s
		}
		near(t, "sum of scores", sum, 0, 1e-9)
	}
	count := func(bits string) int64 {
		var f Forgetting
		for _, b := range bits {
			f = f.Add(b == '1')
		}
		if got := unpack(pack(f)); got.Count() != f.Count() || got.Last != f.Last {
			t.Errorf("%s: packed and unpacked %+v", bits, got)
		}
		return f.Count()
	}
	for bits, want := range map[string]int64{"011010": 2, "000000": 6, "111111": 0, "10": 1, "": 0} {
		if got := count(bits); got != want {
			t.Errorf("%s: %d forgets, want %d", bits, got, want)
		}
	}
	for range 200 {
		var bits string
		var parts []Interval
		for from := int64(0); from < 12; {
			n := 1 + rng.Int64N(4)
			f := Forgetting{}
			for range n {
				right := rng.IntN(2) == 1
				f = f.Add(right)
				bits += map[bool]string{true: "1", false: "0"}[right]
			}
			parts = append(parts, Interval{from, f})
			from += n
		}
		want := count(bits)
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		cut := rng.IntN(len(parts) + 1)
		left, right := MergeIntervals(parts[:cut]), MergeIntervals(parts[cut:])
		whole := MergeIntervals(append(left, right...))
		if len(whole) != 1 || whole[0].Events.Count() != want {
			t.Fatalf("%s: %+v, want %d forgets", bits, whole, want)
		}
	}
	near(t, "O2U rate at the start", O2USchedule{0.01, 0.001, 10}.At(0), 0.0091, 1e-12)
	near(t, "O2U rate at the end", O2USchedule{0.01, 0.001, 10}.At(9), 0.001, 1e-12)
}

func TestM16Weights(t *testing.T) {
	for _, c := range [][3]float64{{0, 6.7724e-5, 4.99973}, {0.5, 0.0266, 4.8936}, {0.8, 0.5, 3}, {1, 0.91683, 1.33269}, {100, 1, 1}} {
		pos, neg := EQLv2Weights(c[0], 12, 0.8, 4)
		near(t, "negatives", neg, c[1], 1e-4*c[1]+2e-5*c[1]+5e-6)
		near(t, "positives", pos, c[2], 5e-5)
	}
}

func TestM17Projections(t *testing.T) {
	g := []float32{1, -2}
	ProjectAGEM(g, []float32{1, 1})
	near(t, "first", float64(g[0]), 1.5, 1e-6)
	near(t, "second", float64(g[1]), -1.5, 1e-6)
	free := []float32{1, 2}
	ProjectAGEM(free, []float32{1, 1})
	ProjectGEM(free, [][]float32{{1, 1}, {0, 1}}, 0.5)
	if free[0] != 1 || free[1] != 2 {
		t.Errorf("without a conflict: %v", free)
	}
	refs := [][]float32{{1, 1, 0}, {0, 1, 1}}
	h := []float32{1, -2, 0.5}
	ProjectGEM(h, refs, 0.5)
	for _, r := range refs {
		if dot(h, r) < -2e-3 {
			t.Errorf("after GEM %v is against %v", h, r)
		}
	}
}

func TestM17SVRGIsUnbiasedAndExactOnACommonHessian(t *testing.T) {
	b := []float32{1, -3, 2, 0.5}
	gradient := func(w float32, i int) float32 { return 2*w - b[i] }
	var mean float32
	for i := range b {
		mean += gradient(0.3, i) / 4
	}
	full := float32(2*0.9) - (1-3+2+0.5)/4
	for i := range b {
		step := make([]float32, 1)
		SVRGStep(step, []float32{gradient(0.9, i)}, []float32{gradient(0.3, i)}, []float32{mean})
		near(t, "step", float64(step[0]), float64(full), 1e-6)
	}
}

func TestM18FixedPointIsOneOverTheScale(t *testing.T) {
	w := []float64{1, 1}
	for k := range 4000 {
		GradNormStep(w, []float64{1, 10}, []float64{2, 20}, []float64{4, 40}, 1.5, 0.01/(1+float64(k)/20))
	}
	near(t, "first", w[0], 1.81818, 2e-3)
	near(t, "second", w[1], 0.181818, 2e-3)
	even := []float64{1, 1}
	GradNormStep(even, []float64{3, 3}, []float64{1, 1}, []float64{2, 2}, 1.5, 0.1)
	if even[0] != 1 || even[1] != 1 {
		t.Errorf("equal tasks move to %v", even)
	}
}

func TestM19CovarianceOfSamples(t *testing.T) {
	const p, rank, draws = 3, 20, 60000
	rng := rand.New(rand.NewPCG(9, 9))
	mean, square := []float32{1, -1, 0.5}, []float32{2, 1.5, 1}
	deviations := make([]float32, rank*p)
	for i := range deviations {
		deviations[i] = float32(rng.NormFloat64())
	}
	var found [p][p]float64
	x := make([]float32, p)
	for range draws {
		SWAGSample(x, mean, square, deviations, rng)
		for i := range p {
			for j := range p {
				found[i][j] += float64(x[i]-mean[i]) * float64(x[j]-mean[j]) / draws
			}
		}
	}
	for i := range p {
		for j := range p {
			var want float64
			for k := range rank {
				want += 0.5 * float64(deviations[k*p+i]) * float64(deviations[k*p+j]) / (rank - 1)
			}
			if i == j {
				want += 0.5 * (float64(square[i]) - float64(mean[i]*mean[i]))
			}
			near(t, "covariance", found[i][j], want, 0.03)
		}
	}
}

func TestExactSumDoesNotDependOnTheOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	x := []float64{1e16, 1, -1e16, 1e-30, 3, -2.5}
	for range 300 {
		x = append(x, rng.NormFloat64()*math.Pow(10, float64(rng.IntN(30)-15)))
	}
	var first ExactSum
	for _, v := range x {
		first.Add(v)
	}
	for range 20 {
		rng.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
		var a, b ExactSum
		cut := rng.IntN(len(x))
		for i, v := range x {
			if i < cut {
				a.Add(v)
			} else {
				b.Add(v)
			}
		}
		a.Merge(b)
		if a.Value() != first.Value() {
			t.Fatalf("%v and %v", a.Value(), first.Value())
		}
	}
	var s ExactSum
	for _, v := range []float64{1e16, 1, -1e16} {
		s.Add(v)
	}
	near(t, "sum", s.Value(), 1, 0)
}

func TestStorageOfPublishedSizes(t *testing.T) {
	const mb = 1e6
	near(t, "PS-KD on CIFAR-100", float64((&Table{Rows: 50000, Width: 100}).Bytes()), 20*mb, 0)
	near(t, "NCE bank of ImageNet", float64((&Table{Rows: 1281167, Width: 128}).Bytes()), 656*mb, 0.1*mb)
	near(t, "XBM", float64((&Ring{Cap: 8192, Width: 128}).Bytes()), 4.26*mb, 0.01*mb)
	near(t, "queue of MoCo", float64((&Ring{Cap: 65536, Width: 128}).Bytes()-8*65536), 33.55*mb, 0.01*mb)
}

func TestCoverageHasEveryTypeAndBothForms(t *testing.T) {
	var text strings.Builder
	must(t, Coverage(&text))
	for _, k := range Types() {
		if len(List(Key{Type: k})) == 0 || !strings.Contains(text.String(), "\n"+string(k)+"\n") {
			t.Errorf("row %s is empty", k)
		}
	}
	for _, f := range []Form{DE, MA} {
		if len(List(Key{Store: f})) == 0 {
			t.Errorf("no mechanism of form %s", f)
		}
	}
	for _, p := range Parts() {
		if len(List(Key{Part: p})) == 0 {
			t.Errorf("nothing acts on the %s", p)
		}
	}
	for m := 1; m <= 19; m++ {
		found := false
		for _, i := range List(Key{}) {
			found = found || number(i.Spec) == m
		}
		if !found {
			t.Errorf("M%d is missing", m)
		}
	}
}
