package nn_test

import (
	"bytes"
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// A line is fitted: y = 2x + 1.
func ExampleOptimiser() {
	e := cpu.New(cpu.Options{})
	defer e.Close()
	net := nn.NewLinear(1, 1, true)
	nn.Initialise(net, 1)
	opt, err := nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net)})
	if err != nil {
		fmt.Println(err)
		return
	}
	schedule := nn.Warmup{Steps: 10, Then: nn.Cosine{LR: 0.1, Period: 190}}
	t := nn.NewTape(e)
	for step := range 200 {
		x, want := t.Upload([]float32{-1, 0, 1, 2}, 4, 1), t.Upload([]float32{-1, 1, 3, 5}, 4, 1)
		loss := t.Mean(t.Square(t.Sub(net.Forward(t, x), want)), false)
		if err := t.Backward(loss); err != nil {
			fmt.Println(err)
			return
		}
		opt.SetLR(schedule.At(float64(step)))
		if err := opt.Step(); err != nil {
			fmt.Println(err)
			return
		}
		opt.ZeroGrad(t)
		t.Reset()
	}
	for _, p := range nn.Params(net) {
		fmt.Printf("%s %.3f\n", p.Name, p.Var.Value.Float32s()[0])
	}
	// Output:
	// weight 2.000
	// bias 1.000
}

// The weights of a model are written and read into another one.
func ExampleLoadState() {
	a, b := nn.NewLinear(3, 2, true), nn.NewLinear(3, 2, true)
	nn.Initialise(a, 1)
	var file bytes.Buffer
	if err := nn.SaveState(&file, a, map[string]string{"format": "pt"}); err != nil {
		fmt.Println(err)
		return
	}
	source, err := nn.ParseCheckpoint(file.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := nn.LoadState(b, source, nn.LoadOptions{})
	fmt.Println(report.Loaded, err)

	_, err = nn.LoadState(nn.NewLinear(3, 5, true), source, nn.LoadOptions{})
	fmt.Println(err)
	// Output:
	// [weight bias] <nil>
	// checkpoint does not fit: weight has shape [2 3], want [5 3]; bias has shape [2], want [5]
}
