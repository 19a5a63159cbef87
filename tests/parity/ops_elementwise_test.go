package parity

import "github.com/tailorbird/tailorbird/methods/nn"

func init() {
	// registerOp lines of the elementwise family come here, such as
	// registerOp("relu", func(r *run) map[string]*nn.Var { return map[string]*nn.Var{"y": r.tape.ReLU(r.x("x"))} })
	_ = map[string]*nn.Var{}
}
