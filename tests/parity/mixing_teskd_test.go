package parity

import (
	"strconv"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/teskd"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	registerOp("teskd_losses", teskdLosses)
	register("teskd_net", teskdNet)
}

// teskdConfig has the options of both kinds.
type teskdConfig struct {
	Temperature float64 `json:"T"`
	CE          float64 `json:"w_ce"`
	KD          float64 `json:"w_kd"`
	Feature     float64 `json:"w_fea"`
	Epsilon     float32 `json:"eps"`

	Width   int
	Layers  []int
	Classes int            `json:"num_classes"`
	Kernels map[string]int `json:"head_kernels"`
}

func teskdDefaults() teskdConfig {
	d := teskd.DefaultOptions()
	return teskdConfig{Temperature: d.Temperature, CE: d.CE, KD: d.KD, Feature: d.Feature, Epsilon: teskd.Epsilon}
}

func (p *teskdConfig) options() teskd.Options {
	o := teskd.DefaultOptions()
	o.CE, o.KD, o.Feature, o.Temperature = p.CE, p.KD, p.Feature, p.Temperature
	return o
}

// teskdLosses compares the terms one by one, and the gradients of their total.
func teskdLosses(r *run) map[string]*nn.Var {
	p := teskdDefaults()
	r.c.DecodeConfig(r.t, &p)
	t, zt, ft := r.tape, r.x("zt"), r.x("ft")
	ce := func(z *nn.Var) *nn.Var { return t.CrossEntropy(z, r.ids("y"), nn.CrossEntropy{}) }
	soft := teskd.Soften(t, zt, float32(p.Temperature), p.Epsilon)
	first := ce(zt)
	r.c.Check(r.t, "ce_t", t.Host(first))
	total := t.Scale(first, float32(p.CE))
	for _, j := range []string{"3", "2", "1"} {
		z := r.x("z" + j)
		for _, term := range []struct {
			name   string
			weight float64
			value  *nn.Var
		}{
			{"ce_" + j, p.CE, ce(z)},
			{"kl_" + j, p.KD, soft.KL(t, z)},
			{"fea_" + j, p.Feature, teskd.FeatureLoss(t, r.x("f"+j), ft)},
		} {
			if r.c.Output(term.name) != nil {
				r.c.Check(r.t, term.name, t.Host(term.value))
			}
			total = t.Add(total, t.Scale(term.value, float32(term.weight)))
		}
	}
	return map[string]*nn.Var{"total": total}
}

// teskdModel is what the weights of a case hold.
type teskdModel struct {
	backbone zoo.Backbone
	students *teskd.Students
}

// Collect implements nn.Module.
func (m *teskdModel) Collect(c *nn.Collector) {
	c.Module("backbone", m.backbone)
	c.Module("", m.students)
}

func teskdNet(t *testing.T, c *Case) {
	p := teskdDefaults()
	c.DecodeConfig(t, &p)
	net, err := zoo.NewResNet(zoo.ResNetConfig{
		Layers: p.Layers, Planes: doubled(p.Width, len(p.Layers)), CIFAR: true, Classes: p.Classes, DefaultInit: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := teskd.Shape{Classes: p.Classes, Channels: [4]int(net.Layout().Stages)}
	for j := range s.Kernels {
		s.Kernels[j] = p.Kernels[strconv.Itoa(j+1)]
	}
	r := &teskdRun{T: t, c: c, tape: newRun(t), model: &teskdModel{backbone: net}}
	if r.model.students, err = teskd.NewStudents(s); err != nil {
		t.Fatal(err)
	}
	loadWeights(t, r.model, c.Weights(t))
	x, shape := c.F32(t, "x")
	y, n := c.I64(t, "y")
	images := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	labels := tensor.New(tensor.WithShape(n...), tensor.WithBacking(y))

	r.tape.Training = false
	r.check("eval_zt", net.Forward(r.tape, r.tape.Const(images)))
	r.tape.Reset()
	r.train(p.options(), images, labels)
}

// teskdRun is a case's network on a tape.
type teskdRun struct {
	*testing.T
	c     *Case
	tape  *nn.Tape
	model *teskdModel
}

func (r *teskdRun) check(name string, v *nn.Var) {
	r.Helper()
	if err := r.tape.Err(); err != nil {
		r.Fatal(err)
	}
	if r.c.Output(name) != nil {
		r.c.Check(r.T, name, r.tape.Host(v), v.Shape()...)
	}
}

// train compares a step in training mode and its gradients.
func (r *teskdRun) train(o teskd.Options, images, labels *tensor.Dense) {
	r.Helper()
	r.tape.Training = true
	pass := o.Pass(r.tape, r.model.backbone, r.model.students, r.tape.Const(images))
	total, parts := o.Weigh(r.tape, pass, labels)
	r.check("zt", pass.Backbone.Logits)
	r.check("ft", pass.Backbone.Feature)
	r.check("total", total)
	r.check("ce_t", parts["ce_t"])
	for j, s := range pass.Students {
		number := strconv.Itoa(j + 1)
		r.check("z"+number, s.Logits)
		r.check("f"+number, s.Feature)
		for _, name := range []string{"ce_", "kl_", "fea_"} {
			r.check(name+number, parts[name+number])
		}
	}
	if err := r.tape.Backward(total); err != nil {
		r.Fatal(err)
	}
	for _, e := range nn.Params(r.model) {
		if name := "grad." + e.Name; r.c.Output(name) != nil {
			r.c.Check(r.T, name, e.Var.Grad.Float32s(), e.Var.Shape()...)
		}
	}
}
