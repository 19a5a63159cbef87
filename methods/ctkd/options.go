package ctkd

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Options are those of a distillation. ReadOptions knows the defaults.
type Options struct {
	Teacher Teacher
	Kind    string // one of Losses: the extra loss; kd: none

	Gamma, Alpha, Beta float64 // weights of cross entropy, KD and the extra loss

	Target, NonTarget float64 // weights of the parts of DKD
	CRD               CRDOptions

	Fixed      float64 // the temperature; 0: it is learned
	Instance   bool    // a temperature for each sample, not one for all
	Range      Range
	Curriculum Curriculum
}

// weights of cross entropy, KD and the extra loss by its kind: the CIFAR scripts of
// the release (specs/ctkd.md section 4).
var weights = map[string][3]float64{
	"kd":   {0.1, 0.9, 0},
	"pkt":  {0.1, 0.9, 30000},
	"sp":   {0.1, 0.9, 3000},
	"vid":  {0.1, 0.9, 1},
	"crd":  {0.1, 0.9, 0.8},
	"srrl": {0.1, 0.9, 1},
	"dkd":  {1, 0, 1},
}

// The release's range of temperatures, (1, 21), and its curriculum on CIFAR.
const (
	rangeStart = 1
	rangeWidth = 20
	loops      = 10
)

// ReadOptions takes the options of a distillation; learned says whether the
// temperature is. Mistakes that o cannot see are a fault.Usage.
func ReadOptions(o *training.Options, learned bool) (Options, error) {
	var p Options
	p.Teacher = Teacher{Model: o.Text("teacher", ""), Width: o.Int("teacher_width", 0, 0, 1<<12), Weights: o.Text("teacher_weights", "")}
	p.Kind = o.Text("loss", "kd", Losses...)
	w := weights[p.Kind]
	p.Gamma = o.Float("gamma", w[0], 0, 1e9)
	p.Alpha = o.Float("alpha", w[1], 0, 1e9)
	if err := p.extra(o, w[2]); err != nil {
		return p, err
	}
	if learned {
		p.learned(o)
	} else {
		p.Fixed = o.Float("temperature", 4, 1e-3, 1e6)
	}
	return p, p.check(o.Method)
}

// extra reads what the extra losses have. All options are asked for, so that they are
// known; one that is given for another loss is a mistake and not left unheard.
func (p *Options) extra(o *training.Options, beta float64) error {
	const absent = -1 // below what any of them may be
	var wrong error
	of := func(kind, name string, dflt, given float64) float64 {
		if given == absent {
			return dflt
		}
		if p.Kind == "kd" || kind != "" && p.Kind != kind {
			wrong = fault.New(fault.Usage, "method %s: %s is not for loss %s", o.Method, name, p.Kind)
		}
		return given
	}
	float := func(kind, name string, dflt, lo, hi float64) float64 {
		return of(kind, name, dflt, o.Float(name, absent, lo, hi))
	}
	whole := func(kind, name string, dflt, hi int) int {
		return int(of(kind, name, float64(dflt), float64(o.Int(name, absent, 1, hi))))
	}
	p.Beta = float("", "beta", beta, 0, 1e9)
	p.Target = float("dkd", "dkd_target", 1, 0, 1e9)
	p.NonTarget = float("dkd", "dkd_nontarget", 2, 0, 1e9)
	p.CRD = CRDOptions{
		Dim:         whole("crd", "crd_dim", DefaultCRD.Dim, 1<<16),
		Negatives:   whole("crd", "crd_negatives", DefaultCRD.Negatives, 1<<24),
		Momentum:    float("crd", "crd_momentum", DefaultCRD.Momentum, 0, 1),
		Temperature: float("crd", "crd_temperature", DefaultCRD.Temperature, 1e-3, 1e3),
	}
	return wrong
}

// learned reads what a learned temperature has.
func (p *Options) learned(o *training.Options) {
	p.Instance = o.Text("module", "global", "global", "instance") == "instance"
	p.Range = Range{
		Start: float32(o.Float("t_start", rangeStart, 1e-3, 1e6)),
		Width: float32(o.Float("t_range", rangeWidth, 0, 1e6)),
	}
	p.Curriculum = Curriculum{
		From:   o.Float("lambda_from", 0, 0, 1e6),
		To:     o.Float("lambda_to", 1, 0, 1e6),
		Loops:  o.Int("loops", loops, 1, 1<<30),
		Linear: o.Text("curriculum", "cosine", "cosine", "linear") == "linear",
	}
}

func (p *Options) check(method string) error {
	if p.Teacher.Model == "" || p.Teacher.Weights == "" {
		return fault.New(fault.Usage, "method %s: want a teacher (a network of the zoo) and teacher_weights (its file), found %q and %q", method, p.Teacher.Model, p.Teacher.Weights)
	}
	if _, err := zoo.Lookup(p.Teacher.Model); err != nil {
		return err
	}
	if p.Gamma == 0 && p.Alpha == 0 && p.Beta == 0 {
		return fault.New(fault.Usage, "method %s: gamma, alpha and beta are 0: there is nothing to minimise", method)
	}
	return nil
}

const (
	titleKD   = "Distilling the Knowledge in a Neural Network, arXiv:1503.02531"
	titleCTKD = "Curriculum Temperature for Knowledge Distillation, arXiv:2211.16231"
)

func register(name, summary, paper string, learned bool) {
	training.Register(training.Spec{
		Name: name, Summary: summary, Paper: paper,
		New: func(o *training.Options) (training.Method, error) {
			p, err := ReadOptions(o, learned)
			return &Distiller{Method: name, Options: p}, err
		},
	})
}

func init() {
	register("kd", "learns from a teacher's softened logits; loss: dkd, pkt, sp, vid, crd or srrl adds another distillation", titleKD, false)
	register("ctkd", "kd, or another loss on top, at a temperature that learns to make it harder, easy at first", titleCTKD, true)
}
