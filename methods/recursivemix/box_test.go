package recursivemix

import (
	"math"
	"testing"
)

// law is a row of the spec's table of pasted shares, from two million draws.
type law struct {
	width                   int
	alpha, mean, sd, pEmpty float64
	largest                 float64
}

var laws = []law{
	{32, 0.1, .03328, .02228, .03917, .09766},
	{32, 0.3, .10338, .06724, .01307, .25000},
	{32, 0.5, .16629, .10669, .00779, .47266},
	{32, 0.7, .22333, .14100, .00558, .66016},
	{32, 1.0, .29909, .18281, .00392, .87891},
	{224, 0.5, .18176, .11146, .00016, .49753},
}

func TestBoxLawMeansWithinThreeSigma(t *testing.T) {
	n := repeats(100_000, 10_000)
	for _, l := range laws {
		sum, squares, empty, largest := 0.0, 0.0, 0, 0.0
		for step := range int64(n) {
			b := NewDraw(1, step, l.alpha, l.width, l.width).Box(l.width, l.width)
			a := b.Share(l.width, l.width)
			sum += a
			squares += a * a
			largest = max(largest, a)
			if b.Empty() {
				empty++
			}
		}
		mean := sum / float64(n)
		// the table's own mean of 2 million draws is known to sd/1414
		if d := math.Abs(mean - l.mean); d > 3*l.sd*(1/math.Sqrt(float64(n))+1/math.Sqrt(2e6)) {
			t.Errorf("W %d, alpha %v: mean %.5f, want %.5f", l.width, l.alpha, mean, l.mean)
		}
		if sd := math.Sqrt(squares/float64(n) - mean*mean); math.Abs(sd-l.sd) > 3*l.sd/math.Sqrt(float64(n)) {
			t.Errorf("W %d, alpha %v: standard deviation %.5f, want %.5f", l.width, l.alpha, sd, l.sd)
		}
		if largest > l.largest+5e-6 {
			t.Errorf("W %d, alpha %v: a box of %.5f, the largest is %.5f", l.width, l.alpha, largest, l.largest)
		}
		// floor(W r) < 2 leaves no side: P = (2/W)^2/alpha
		p := math.Pow(2/float64(l.width), 2) / l.alpha
		if math.Abs(p-l.pEmpty) > 1.5e-4 {
			t.Errorf("W %d, alpha %v: the formula gives P(empty) %.5f, the table %.5f", l.width, l.alpha, p, l.pEmpty)
		}
		if d := math.Abs(float64(empty)/float64(n) - p); d > 3*math.Sqrt(p*(1-p)/float64(n)) {
			t.Errorf("W %d, alpha %v: %.5f of the boxes are empty, want %.5f", l.width, l.alpha, float64(empty)/float64(n), p)
		}
	}
}

func TestBoxMeanNearsTheContinuousLimit(t *testing.T) {
	for _, c := range []struct{ alpha, want float64 }{{.1, .04388}, {.3, .11901}, {.5, .18450}, {.7, .24308}, {1, .32083}} {
		limit := c.alpha/2 - math.Pow(c.alpha, 1.5)/5 + c.alpha*c.alpha/48
		if math.Abs(limit-c.want) > 1e-5 {
			t.Errorf("alpha %v: the formula gives %.5f, the table %.5f", c.alpha, limit, c.want)
		}
		const side = 1 << 14
		n := repeats(100_000, 10_000)
		sum := 0.0
		for step := range int64(n) {
			sum += NewDraw(2, step, c.alpha, side, side).Box(side, side).Share(side, side)
		}
		if math.Abs(sum/float64(n)-limit) > 3*0.19/math.Sqrt(float64(n)) {
			t.Errorf("alpha %v: mean %.5f on %d pixels, the limit is %.5f", c.alpha, sum/float64(n), side, limit)
		}
	}
}

func TestBoxSidesAreEvenUnlessClipped(t *testing.T) {
	for _, size := range [][2]int{{32, 32}, {30, 17}, {7, 64}} {
		w, h := size[0], size[1]
		for step := range int64(20_000) {
			d := NewDraw(3, step, 1, w, h)
			b := d.Box(w, h)
			if b == (Box{}) {
				continue
			}
			if b.X1 < 0 || b.Y1 < 0 || b.X2 > w || b.Y2 > h || b.Empty() {
				t.Fatalf("%+v: box %+v in %d x %d", d, b, w, h)
			}
			if clipped := b.X1 == 0 || b.X2 == w; !clipped && b.Width()%2 != 0 {
				t.Fatalf("%+v: width %d is odd", d, b.Width())
			}
			if clipped := b.Y1 == 0 || b.Y2 == h; !clipped && b.Height()%2 != 0 {
				t.Fatalf("%+v: height %d is odd", d, b.Height())
			}
			r := math.Sqrt(d.U)
			if b.Width() > int(float64(w)*r) || b.Height() > int(float64(h)*r) {
				t.Fatalf("%+v: box %+v is larger than drawn", d, b)
			}
		}
	}
}

func TestBoxWithoutASideIsEmpty(t *testing.T) {
	// 64 columns and 3 rows: the width is 25, the height floor(1.2) = 1, halved to 0
	if b := (Draw{U: 0.16, X: 30, Y: 1}).Box(64, 3); b != (Box{}) {
		t.Errorf("box %+v, want the empty one", b)
	}
	if b := (Draw{U: 0, X: 5, Y: 5}).Box(32, 32); b != (Box{}) {
		t.Errorf("box %+v of no size", b)
	}
}

func TestSameSeedSameBoxes(t *testing.T) {
	same := 0
	for step := range int64(1000) {
		a, b := NewDraw(7, step, 0.5, 32, 32), NewDraw(7, step, 0.5, 32, 32)
		if a != b {
			t.Fatalf("step %d: %+v and %+v", step, a, b)
		}
		if a == NewDraw(8, step, 0.5, 32, 32) || a == NewDraw(7, step+1, 0.5, 32, 32) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d draws of other seeds or steps are equal", same)
	}
}

// The weights of the images k steps old are m(1-m)^k turned round: a paste keeps
// 1-a of the new image and a of everything older.
func TestLabelMassDecaysGeometrically(t *testing.T) {
	const steps, ages = 100_000, 4
	var sum [ages]float64
	var mass [ages]float64 // of the current label, by age
	mass[0] = 1
	entropy := 0.0
	weights := []float64{1}
	for step := range int64(steps) {
		a := NewDraw(4, step, 0.5, 32, 32).Box(32, 32).Share(32, 32)
		next := []float64{1 - a}
		for _, w := range weights {
			if w *= a; w > 1e-9 {
				next = append(next, w)
			}
		}
		weights = next
		for k, w := range weights {
			if k < ages {
				sum[k] += w
			}
			if w > 0 {
				entropy -= w * math.Log(w)
			}
		}
	}
	for k, want := range [ages]float64{.83301, .13898, .02328, .00392} {
		if got := sum[k] / steps; math.Abs(got-want) > 0.004*math.Pow(0.5, float64(k)) {
			t.Errorf("age %d: mean label mass %.5f, want %.5f", k, got, want)
		}
		const m = .16629
		if closed := (1 - m) * math.Pow(m, float64(k)); math.Abs(closed-want) > 1e-3 {
			t.Errorf("age %d: (1-m)m^k is %.5f, simulated %.5f", k, closed, want)
		}
	}
	if got := entropy / steps; math.Abs(got-0.489) > 0.005 {
		t.Errorf("mean label entropy by age %.4f, want .489", got)
	}
}
