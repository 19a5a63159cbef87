package parity

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/historical"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	register("agem", runAGEM)
	register("cbn", onTape(runCBN))
	register("center_loss", onTape(runCenterLoss))
	register("dlb", onTape(runDLB))
	register("eqlv2", runEQLv2)
	register("lookahead", runHistoricalLookahead)
	register("mean_teacher", onTape(runMeanTeacher))
	register("moco", onTape(runMoCo))
	register("nce_bank", onTape(runNCEBank))
	register("o2u_forgetting", runO2UForgetting)
	register("pskd", onTape(runPSKD))
	register("svrg", onTape(runSVRG))
	register("swa_mean", runSWAMean)
	register("temporal_ensembling", onTape(runTemporalEnsembling))
	register("xbm", onTape(runXBM))
}

// onTape gives a runner a tape on the CPU.
func onTape(run func(*testing.T, *Case, *nn.Tape)) func(*testing.T, *Case) {
	return func(t *testing.T, c *Case) {
		e := cpu.New(cpu.Options{})
		defer e.Close()
		run(t, c, nn.NewTape(e))
	}
}

// input is an input of the case, a leaf whose gradient is wanted.
func input(t *testing.T, c *Case, tp *nn.Tape, name string) *nn.Var {
	v, shape := c.F32(t, name)
	return tp.Input(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v)))
}

func constant(t *testing.T, c *Case, tp *nn.Tape, name string) *nn.Var {
	v, shape := c.F32(t, name)
	return tp.Upload(v, shape...)
}

func labelsOf(t *testing.T, c *Case, name string) *tensor.Dense {
	v, _ := c.I64(t, name)
	return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(v))
}

// checkLoss compares a scalar and the gradients of leaves.
func checkLoss(t *testing.T, c *Case, tp *nn.Tape, output string, loss *nn.Var, leaves map[string]*nn.Var) {
	t.Helper()
	c.Check(t, output, tp.Host(loss))
	if err := tp.Backward(loss); err != nil {
		t.Fatal(err)
	}
	for name, v := range leaves {
		c.Check(t, "grad."+name, v.Grad.Float32s(), v.Shape()...)
	}
}

func runAGEM(t *testing.T, c *Case) {
	g, shape := c.F32(t, "g")
	r, _ := c.F32(t, "r")
	g = append([]float32{}, g...)
	historical.ProjectAGEM(g, r)
	c.Check(t, "projected", g, shape...)
}

func runCBN(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct {
		Window int
		Eps    float64
		Inside bool `json:"eps_inside_root"`
	}
	c.DecodeConfig(t, &cfg)
	x, w := input(t, c, tp, "x"), input(t, c, tp, "w")
	rows := map[string][]float32{}
	for _, name := range []string{"w_old", "mu_old", "nu_old", "dmu", "dnu"} {
		rows[name], _ = c.F32(t, name)
	}
	entries := make([]historical.CBNEntry, cfg.Window-1)
	for i := range entries {
		at := func(name string) []float32 {
			n := len(rows[name]) / len(entries)
			return rows[name][i*n : (i+1)*n]
		}
		entries[i] = historical.CBNEntry{Mean: at("mu_old"), Square: at("nu_old"), DMean: at("dmu"), DSquare: at("dnu"), Weight: at("w_old")}
	}
	y := tp.Linear(x, w, nil)
	mean, variance := historical.CBNMoments(tp, y, tp.Host(w), entries)
	out := historical.CBNNormalise(tp, y, mean, variance, cfg.Eps, cfg.Inside)
	c.Check(t, "mean", tp.Host(mean), mean.Shape()...)
	c.Check(t, "var", tp.Host(variance), variance.Shape()...)
	c.Check(t, "y", tp.Host(out), out.Shape()...)
	if err := tp.Backward(tp.Sum(tp.Mul(out, constant(t, c, tp, "dy.y")), false)); err != nil {
		t.Fatal(err)
	}
	c.Check(t, "grad.x", x.Grad.Float32s(), x.Shape()...)
	c.Check(t, "grad.w", w.Grad.Float32s(), w.Shape()...)
}

func runCenterLoss(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct{ Alpha float64 }
	c.DecodeConfig(t, &cfg)
	x := input(t, c, tp, "x")
	features, _ := c.F32(t, "x")
	centers, shape := c.F32(t, "c_")
	y, _ := c.I64(t, "y")
	ids := make([]int, len(y))
	for i, l := range y {
		ids[i] = int(l)
	}
	own := tp.IndexSelect(constant(t, c, tp, "c_"), 0, ids)
	checkLoss(t, c, tp, "loss", historical.CenterTerm(tp, x, own), map[string]*nn.Var{"x": x})
	centers = append([]float32{}, centers...)
	historical.CenterUpdate(centers, features, y, shape[1], cfg.Alpha)
	c.Check(t, "centers", centers, shape...)
}

func runDLB(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct{ Alpha, Tau float64 }
	c.DecodeConfig(t, &cfg)
	za, zb := input(t, c, tp, "za"), input(t, c, tp, "zb")
	loss := historical.DLBLoss(tp, za, labelsOf(t, c, "ya"), zb, labelsOf(t, c, "yb"), constant(t, c, tp, "zprev"), cfg.Alpha, cfg.Tau)
	checkLoss(t, c, tp, "y", loss, map[string]*nn.Var{"za": za, "zb": zb})
}

func runEQLv2(t *testing.T, c *Case) {
	var cfg struct{ Gamma, Mu, Alpha float64 }
	c.DecodeConfig(t, &cfg)
	pos, _ := c.F32(t, "pos")
	neg, _ := c.F32(t, "neg")
	var wPos, wNeg []float64
	for i, p := range pos {
		a, b := historical.EQLv2Weights(float64(p)/float64(neg[i]), cfg.Gamma, cfg.Mu, cfg.Alpha)
		wPos, wNeg = append(wPos, a), append(wNeg, b)
	}
	c.Check(t, "w_pos", wPos, len(pos))
	c.Check(t, "w_neg", wNeg, len(pos))
}

func runHistoricalLookahead(t *testing.T, c *Case) {
	var cfg struct {
		K     int
		Alpha float64
	}
	c.DecodeConfig(t, &cfg)
	w, _ := c.F32(t, "w")
	deltas, shape := c.F32(t, "fast_delta")
	e := cpu.New(cpu.Options{})
	defer e.Close()
	fast := nn.NewParam(nil, len(w))
	copy(fast.Value.Float32s(), w)
	l, err := historical.NewSlowWeights(e, params{{Name: "w", Var: fast}}, cfg.K, cfg.Alpha)
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for i := range shape[0] {
		for j := range w {
			fast.Value.Float32s()[j] += deltas[i*len(w)+j]
		}
		if err := l.Stepped(int64(i)); err != nil {
			t.Fatal(err)
		}
		all = append(all, fast.Value.Float32s()...)
	}
	c.Check(t, "fast", all, shape...)
	c.Check(t, "slow", nn.Entries(l)[0].Var.Value.Float32s(), len(w))
}

func runMeanTeacher(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct{ Alpha float64 }
	c.DecodeConfig(t, &cfg)
	theta, shape := c.F32(t, "theta")
	n := shape[1]
	p := nn.NewParam(nil, n)
	copy(p.Value.Float32s(), theta)
	avg, err := nn.NewAverage(tp.E, params{{Name: "theta", Var: p}}, historical.WarmEMA(cfg.Alpha))
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for i := range shape[0] {
		copy(p.Value.Float32s(), theta[i*n:])
		if i > 0 {
			if err := avg.Update(); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, nn.Entries(avg)[0].Var.Value.Float32s()...)
	}
	c.Check(t, "teacher", all, shape...)
	zs := input(t, c, tp, "zs")
	checkLoss(t, c, tp, "consistency", historical.Consistency(tp, zs, constant(t, c, tp, "zt")), map[string]*nn.Var{"zs": zs})
}

func runMoCo(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct{ Tau float64 }
	c.DecodeConfig(t, &cfg)
	unit := func(v *nn.Var) *nn.Var { return tp.L2Normalize(v, 1, 1e-12) }
	q := input(t, c, tp, "q")
	loss := historical.InfoNCE(tp, unit(q), unit(constant(t, c, tp, "k")), unit(constant(t, c, tp, "queue")), cfg.Tau)
	checkLoss(t, c, tp, "y", loss, map[string]*nn.Var{"q": q})
}

// runNCEBank takes rows and features as they are drawn: their length is that of a bank
// only after scaling.
func runNCEBank(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct{ Momentum float64 }
	c.DecodeConfig(t, &cfg)
	_, shape := c.F32(t, "v")
	v, f := tp.Host(tp.L2Normalize(constant(t, c, tp, "v"), 1, 1e-12)), tp.Host(tp.L2Normalize(constant(t, c, tp, "f"), 1, 1e-12))
	for at := 0; at < len(v); at += shape[1] {
		historical.BankUpdate(v[at:at+shape[1]], f[at:at+shape[1]], cfg.Momentum)
	}
	c.Check(t, "y", v, shape...)
}

func runO2UForgetting(t *testing.T, c *Case) {
	losses, shape := c.F32(t, "losses")
	correct, _ := c.I64(t, "correct")
	var epochs [][]float64
	counts := make([]int64, shape[1])
	for e := range shape[0] {
		epochs = append(epochs, widen(losses[e*shape[1]:(e+1)*shape[1]]))
	}
	for i := range counts {
		var f historical.Forgetting
		for e := range shape[0] {
			f = f.Add(correct[e*shape[1]+i] != 0)
		}
		counts[i] = f.Count()
	}
	c.Check(t, "score", historical.CenteredScores(epochs), shape[1])
	c.Check(t, "forgetting", counts, shape[1])
}

func runPSKD(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct {
		Alpha         float64
		Epoch, Epochs int64
	}
	c.DecodeConfig(t, &cfg)
	a := historical.PSKDAlpha(cfg.Alpha, cfg.Epoch, cfg.Epochs)
	prev, shape := c.F32(t, "pprev")
	y, _ := c.I64(t, "y")
	k := shape[1]
	target := make([]float32, len(prev))
	for i, l := range y {
		historical.SoftTarget(target[i*k:][:k], prev[i*k:][:k], l, a)
	}
	c.Check(t, "target", target, shape...)
	z := input(t, c, tp, "z")
	checkLoss(t, c, tp, "loss", tp.SoftCrossEntropy(z, tp.Upload(target, shape...), nn.CrossEntropy{}), map[string]*nn.Var{"z": z})
}

// runSVRG corrects the gradient of half the mean squared residual of rows i.
func runSVRG(t *testing.T, c *Case, tp *nn.Tape) {
	a, shape := c.F32(t, "A_")
	b, _ := c.F32(t, "b")
	rows, _ := c.I64(t, "i")
	gradient := func(name string, rows []int64) []float32 {
		w, _ := c.F32(t, name)
		g := make([]float32, len(w))
		for _, i := range rows {
			row := a[int(i)*shape[1]:][:shape[1]]
			r := -b[i]
			for j, v := range row {
				r += v * w[j]
			}
			for j, v := range row {
				g[j] += v * r / float32(len(rows))
			}
		}
		return g
	}
	all := make([]int64, shape[0])
	for i := range all {
		all[i] = int64(i)
	}
	step := make([]float32, shape[1])
	historical.SVRGStep(step, gradient("w", rows), gradient("ws", rows), gradient("ws", all))
	c.Check(t, "step", step, shape[1])
}

func runSWAMean(t *testing.T, c *Case) {
	w, shape := c.F32(t, "w")
	e := cpu.New(cpu.Options{})
	defer e.Close()
	p := nn.NewParam(nil, shape[1])
	avg, err := nn.NewAverage(e, params{{Name: "w", Var: p}}, nn.SWA{})
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for i := range shape[0] {
		copy(p.Value.Float32s(), w[i*shape[1]:])
		if err := avg.Update(); err != nil {
			t.Fatal(err)
		}
		all = append(all, nn.Entries(avg)[0].Var.Value.Float32s()...)
	}
	c.Check(t, "average", all, shape...)
}

func runTemporalEnsembling(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct {
		Alpha, Epoch, Ramp float64
		WMax               float64 `json:"w_max"`
	}
	c.DecodeConfig(t, &cfg)
	z, shape := c.F32(t, "z")
	n, k := shape[1], shape[2]
	table := historical.NewEMA(n, k, cfg.Alpha, true)
	var all []float32
	target := make([]float32, n*k)
	for e := range shape[0] {
		for i := range n {
			table.Update(int64(i), z[(e*n+i)*k:][:k], int64(e))
			table.Value(target[i*k:][:k], int64(i))
		}
		all = append(all, target...)
	}
	c.Check(t, "targets", all, shape...)
	cur := input(t, c, tp, "zcur")
	w := cfg.WMax * historical.SigmoidRamp(cfg.Epoch, cfg.Ramp)
	term := historical.TemporalTerm(tp, cur, tp.Upload(target, n, k), w)
	loss := tp.Add(tp.CrossEntropy(cur, labelsOf(t, c, "y"), nn.CrossEntropy{}), term)
	checkLoss(t, c, tp, "loss", loss, map[string]*nn.Var{"zcur": cur})
}

func runXBM(t *testing.T, c *Case, tp *nn.Tape) {
	var cfg struct{ Margin float64 }
	c.DecodeConfig(t, &cfg)
	y, _ := c.I64(t, "y")
	ry, _ := c.I64(t, "ry")
	f := input(t, c, tp, "f")
	unit := func(v *nn.Var) *nn.Var { return tp.L2Normalize(v, 1, 1e-12) }
	loss := historical.PairLoss(tp, unit(f), y, unit(constant(t, c, tp, "ring")), ry, cfg.Margin, historical.PairSum)
	checkLoss(t, c, tp, "out", loss, map[string]*nn.Var{"f": f})
}
