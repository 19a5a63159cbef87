package parity

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/ctkd"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("dkd", func(r *run) map[string]*nn.Var {
		g := r.global(ctkd.Range{Start: 1, Width: 20})
		// grad.theta of this kind is that of the loss itself: lambda -1 turns it back.
		temperature := g.Of(r.tape, nil, nil, -1)
		target, nontarget := ctkd.DKD(r.tape, r.x("zs"), r.constant("zt"), temperature, r.ids("y"))
		return map[string]*nn.Var{"tckd": target, "nckd": nontarget}
	})
	registerOp("ctkd_global", ctkdGlobal)
	registerOp("ctkd_instance", ctkdInstance)
	register("ctkd_schedule", ctkdSchedule)
	register("ctkd_trajectory", ctkdTrajectory)
	register("kd_crd", kdCRD)
	registerOp("kd_pkt_sp", func(r *run) map[string]*nn.Var {
		return map[string]*nn.Var{
			"pkt": ctkd.PKT(r.tape, r.x("fs"), r.constant("ft")),
			"sp":  ctkd.SP(r.tape, r.x("ms"), r.constant("mt")),
		}
	})
	registerOp("kd_vid", func(r *run) map[string]*nn.Var {
		s, teacher := r.x("s"), r.constant("t")
		v := ctkd.NewVID(s.Dim(1), teacher.Dim(1))
		for i, name := range []string{"w1", "w2", "w3"} {
			v.Regressor[2*i].(*nn.Conv2d).Weight = r.x(name)
		}
		v.LogScale = r.x("rho")
		return y(v.Loss(r.tape, s, teacher))
	})
	registerOp("kd_srrl", func(r *run) map[string]*nn.Var {
		fs, ft := r.x("fs"), r.constant("ft")
		s := ctkd.NewSRRL(fs.Dim(1), ft.Dim(1))
		s.Map.Weight, s.Norm.Weight, s.Norm.Bias = r.x("w"), r.x("g"), r.x("b")
		head := &nn.Linear{Weight: r.constant("W"), Bias: r.constant("bias")}
		classify := func(f *nn.Var) *nn.Var { return head.Forward(r.tape, f) }
		return y(s.Loss(r.tape, fs, ft, classify(ft), classify))
	})
}

// constant returns the named float input as a tensor that takes no gradient.
func (r *run) constant(name string) *nn.Var { return r.tape.Const(r.x(name).Value) }

// global is the temperature module with the case's theta.
func (r *run) global(span ctkd.Range) *ctkd.Global {
	g := ctkd.NewGlobal(span)
	g.Theta = r.x("theta")
	return g
}

type ctkdConfig struct {
	Epoch        int64
	Loops        int
	Gamma, Alpha float32
	Start        float32 `json:"t_start"`
	Width        float32 `json:"t_range"`
}

func ctkdGlobal(r *run) map[string]*nn.Var {
	p := ctkdConfig{Loops: 10, Gamma: 0.1, Alpha: 0.9, Start: 1, Width: 20}
	r.c.DecodeConfig(r.t, &p)
	t, zs, zt := r.tape, r.x("zs"), r.constant("zt")
	lambda := ctkd.Curriculum{To: 1, Loops: p.Loops}.Lambda(p.Epoch)
	temperature := r.global(ctkd.Range{Start: p.Start, Width: p.Width}).Of(t, zs, zt, float32(lambda))
	r.c.Check(r.t, "T", t.Host(temperature))
	loss := t.Add(t.Scale(t.CrossEntropy(zs, r.ids("y"), nn.CrossEntropy{}), p.Gamma), t.Scale(ctkd.KD(t, zs, zt, temperature, 0), p.Alpha))
	return map[string]*nn.Var{"loss": loss}
}

func ctkdInstance(r *run) map[string]*nn.Var {
	p := struct{ Lambda float32 }{1}
	r.c.DecodeConfig(r.t, &p)
	t, zs, zt := r.tape, r.x("zs"), r.constant("zt")
	m := ctkd.NewInstance(ctkd.Range{Start: 1, Width: 20}, zs.Dim(1))
	m.FC1 = &nn.Linear{Weight: r.x("w1"), Bias: r.x("b1")}
	m.FC2 = &nn.Linear{Weight: r.x("w2"), Bias: r.x("b2")}
	temperature := m.Of(t, zs, zt, p.Lambda)
	r.c.Check(r.t, "T", t.Host(temperature))
	return map[string]*nn.Var{"loss": ctkd.KD(t, zs, zt, temperature, 1e-7)}
}

// ctkdSchedule has the linear form as the release's signed values, -lambda.
func ctkdSchedule(t *testing.T, c *Case) {
	epochs, _ := c.I64(t, "e")
	for name, s := range map[string]ctkd.Curriculum{
		"cos10": {To: 1, Loops: 10}, "cos5": {To: 1, Loops: 5}, "linear10": {To: 1, Loops: 10, Linear: true},
	} {
		sign := 1.0
		if s.Linear {
			sign = -1
		}
		got := make([]float64, len(epochs))
		for i, e := range epochs {
			got[i] = sign * s.Lambda(e)
		}
		c.Check(t, name, got)
	}
}

// ctkdTrajectory trains theta alone.
func ctkdTrajectory(t *testing.T, c *Case) {
	var p struct {
		Loops    int
		PerEpoch int64 `json:"steps_per_epoch"`
		Alpha    float32
		LR       float64
		Momentum float64
		Decay    float64 `json:"weight_decay"`
	}
	c.DecodeConfig(t, &p)
	tape := newRun(t)
	zs, shape := c.F32(t, "zs")
	zt, _ := c.F32(t, "zt")
	theta, _ := c.F32(t, "theta")
	g := ctkd.NewGlobal(ctkd.Range{Start: 1, Width: 20})
	copy(g.Theta.Value.Float32s(), theta)
	opt, err := nn.NewOptimiser(tape.E, nn.SGD{Momentum: p.Momentum}, nn.Group{Params: nn.Params(g), LR: p.LR, Decay: p.Decay})
	if err != nil {
		t.Fatal(err)
	}
	s := ctkd.Curriculum{To: 1, Loops: p.Loops}
	var temperatures []float32
	for i := range shape[0] {
		n := ops.Size(shape[1:])
		a := tape.Upload(zs[i*n:(i+1)*n], shape[1:]...)
		b := tape.Upload(zt[i*n:(i+1)*n], shape[1:]...)
		temperature := g.Of(tape, a, b, float32(s.Lambda(int64(i)/p.PerEpoch+1)))
		temperatures = append(temperatures, tape.Host(temperature)...)
		if err := tape.Backward(tape.Scale(ctkd.KD(tape, a, b, temperature, 0), p.Alpha)); err != nil {
			t.Fatal(err)
		}
		if err := opt.Step(); err != nil {
			t.Fatal(err)
		}
		opt.ZeroGrad(tape)
		tape.Reset()
	}
	c.Check(t, "T", temperatures, len(temperatures))
	c.Check(t, "theta_final", g.Theta.Value.Float32s(), 1)
}

func kdCRD(t *testing.T, c *Case) {
	p := struct {
		Tau, Momentum float64
		N, Negatives  int
	}{0.07, 0.5, 0, 0}
	c.DecodeConfig(t, &p)
	tape := newRun(t)
	r := &run{t, c, tape, map[string]*nn.Var{}}
	es, et := r.x("es"), r.x("et")
	idx, shape := c.I64(t, "idx")
	crd := ctkd.NewCRD(ctkd.CRDOptions{Dim: es.Dim(1), Negatives: p.Negatives, Momentum: p.Momentum, Temperature: p.Tau}, p.N, es.Dim(1), et.Dim(1), 0)
	for name, v := range map[string]*nn.Var{"ms": crd.MemoryS, "mt": crd.MemoryT, "Zs": crd.ZS, "Zt": crd.ZT} {
		given, _ := c.F32(t, name)
		copy(v.Value.Float32s(), given)
	}
	crd.Batches.Value.Int64s()[0] = 1 // the constants are there
	us, ut := tape.Keep(ctkd.Embed(tape, es)), tape.Keep(ctkd.Embed(tape, et))
	r.check(map[string]*nn.Var{"loss": crd.Loss(tape, us, ut, idx)})
	ids := make([]int64, shape[0])
	for i := range ids {
		ids[i] = idx[i*shape[1]]
	}
	if err := crd.Update(tape, us, ut, ids); err != nil {
		t.Fatal(err)
	}
	for name, memory := range map[string]*nn.Var{"mem_s_rows": crd.MemoryS, "mem_t_rows": crd.MemoryT} {
		var rows []float32
		for _, id := range ids {
			rows = append(rows, rowOf(memory.Value, int(id))...)
		}
		c.Check(t, name, rows, shape[0], es.Dim(1))
	}
}

func rowOf(x *tensor.Dense, i int) []float32 {
	d := x.Shape()[1]
	return x.Float32s()[i*d : (i+1)*d]
}
