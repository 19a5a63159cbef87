package parity

import (
	"testing"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("cross_entropy", crossEntropy)
	registerOp("bce_with_logits", func(r *run) map[string]*nn.Var {
		return y(r.tape.BCEWithLogits(r.x("x"), r.x("target"), nn.BCE{Weight: r.x("weight"), PosWeight: r.x("pos_weight"), Reduction: r.reduction()}))
	})
	registerOp("kl_div", func(r *run) map[string]*nn.Var {
		if config[struct {
			LogTarget bool `json:"log_target"`
		}](r).LogTarget {
			return y(r.tape.KLDivLog(r.x("logq"), r.x("p"), r.reduction()))
		}
		return y(r.tape.KLDiv(r.x("logq"), r.x("p"), r.reduction()))
	})
	registerOp("kd_kl", func(r *run) map[string]*nn.Var {
		return y(r.tape.KDLossBy(r.x("zs"), r.x("zt"), config[struct{ Temperature float32 }](r).Temperature, r.reduction()))
	})
	registerOp("mse_l1", func(r *run) map[string]*nn.Var {
		x, target, how := r.x("x"), r.x("target"), r.reduction()
		return map[string]*nn.Var{"mse": r.tape.MSE(x, target, how), "l1": r.tape.L1(x, target, how)}
	})
	registerOp("huber", func(r *run) map[string]*nn.Var {
		p := struct{ Delta float32 }{1}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.Huber(r.x("x"), r.x("target"), p.Delta, r.reduction()))
	})
	registerOp("smooth_l1", func(r *run) map[string]*nn.Var {
		p := struct{ Beta float32 }{1}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.SmoothL1(r.x("x"), r.x("target"), p.Beta, r.reduction()))
	})
	registerOp("sigmoid_focal_loss", func(r *run) map[string]*nn.Var {
		p := struct{ Alpha, Gamma float32 }{0.25, 2}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.FocalLoss(r.x("x"), r.x("target"), p.Alpha, p.Gamma, r.reduction()))
	})
	registerOp("cosine_similarity", func(r *run) map[string]*nn.Var {
		p := axisEps{1, 1e-8}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.CosineSimilarity(r.x("a"), r.x("b"), p.Dim, p.Eps))
	})
	registerOp("l2_normalize", func(r *run) map[string]*nn.Var {
		p := axisEps{1, 1e-12}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.L2Normalize(r.x("x"), p.Dim, p.Eps))
	})
	registerOp("giou_loss", func(r *run) map[string]*nn.Var {
		return y(r.tape.GIoULoss(r.x("a"), r.x("b"), r.boxEps(), r.reduction()))
	})
	registerOp("ciou_diou_loss", func(r *run) map[string]*nn.Var {
		a, b := r.x("a"), r.x("b")
		return map[string]*nn.Var{
			"ciou": r.tape.CIoULoss(a, b, r.boxEps(), r.reduction()),
			"diou": r.tape.DIoULoss(a, b, r.boxEps(), r.reduction()),
		}
	})
}

type axisEps struct {
	Dim int
	Eps float32
}

func newRun(t *testing.T) *nn.Tape {
	e := cpu.New(cpu.Options{})
	t.Cleanup(e.Close)
	return nn.NewTape(e)
}

func (r *run) boxEps() float32 {
	p := epsilon{1e-7}
	r.c.DecodeConfig(r.t, &p)
	return p.Eps
}

// reduction returns the configured reduction, the mean where none is named.
func (r *run) reduction() nn.Reduction {
	r.t.Helper()
	name := config[struct{ Reduction string }](r).Reduction
	how, ok := map[string]nn.Reduction{
		"": nn.ReduceMean, "mean": nn.ReduceMean, "sum": nn.ReduceSum, "none": nn.ReduceNone, "batchmean": nn.ReduceBatchMean,
	}[name]
	if !ok {
		r.t.Fatalf("reduction %q is unknown", name)
	}
	return how
}

func crossEntropy(r *run) map[string]*nn.Var {
	cfg := config[struct {
		Ignore    *int64  `json:"ignore_index"`
		Smoothing float32 `json:"label_smoothing"`
		Soft      bool
	}](r)
	p := nn.CrossEntropy{Weight: r.x("weight"), IgnoreIndex: cfg.Ignore, LabelSmoothing: cfg.Smoothing, Reduction: r.reduction()}
	if cfg.Soft {
		return y(r.tape.SoftCrossEntropy(r.x("x"), r.x("target"), p))
	}
	return y(r.tape.CrossEntropy(r.x("x"), r.ids("target"), p))
}
