package ctkd_test

import (
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/ctkd"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func ExampleGlobal() {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	t := nn.NewTape(e)
	teacher := t.Upload([]float32{3, 1, 0, -1}, 1, 4)
	student := t.Upload([]float32{1, 2, 0, -2}, 1, 4)

	module := ctkd.NewGlobal(ctkd.Range{Start: 1, Width: 20})
	nn.Initialise(module, 1)
	lambda := ctkd.Curriculum{To: 1, Loops: 10}.Lambda(5)
	temperature := module.Of(t, student, teacher, float32(lambda))
	loss := ctkd.KD(t, student, teacher, temperature, 0)
	fmt.Printf("lambda %.2f, temperature %.4f, loss %.3f\n", lambda, t.Host(temperature)[0], t.Host(loss)[0])
	// Output: lambda 0.50, temperature 15.6212, loss 0.665
}
