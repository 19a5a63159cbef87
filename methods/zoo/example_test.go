package zoo_test

import (
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func ExampleNew() {
	net, err := zoo.New("resnet8x4", zoo.Options{Classes: 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	nn.Initialise(net, 27)
	fmt.Println(nn.CountParams(net), "trained values")

	_, err = zoo.New("resnet-8-x4", zoo.Options{})
	fmt.Println(err)
	// Output:
	// 1212980 trained values
	// zoo: no network "resnet-8-x4", did you mean resnet8x4?
}

func ExampleBackbone() {
	e := cpu.New(cpu.Options{})
	defer e.Close()
	net, err := zoo.NewResNet(zoo.ResNetConfig{Layers: []int{1, 1}, Planes: []int{8, 16}, CIFAR: true, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	nn.Initialise(net, 27)
	t := nn.NewTape(e)
	f := net.Features(t, t.Upload(make([]float32, 2*3*32*32), 2, 3, 32, 32))
	for i, s := range f.Stages {
		fmt.Println("stage", i+1, s.Shape())
	}
	fmt.Println("logits", net.Logits(t, net.Pool(t, f.Map)).Shape(), t.Err())
	// Output:
	// stage 1 (2, 8, 32, 32)
	// stage 2 (2, 16, 16, 16)
	// logits (2, 10) <nil>
}

func ExampleLookup() {
	entry, err := zoo.Lookup("wrn_40_2")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d parameters, %.1f million multiply-adds, %s\n", entry.Params, float64(entry.MACs)/1e6, entry.Counts)
	// Output:
	// 2255156 parameters, 327.6 million multiply-adds, specs/ctkd.md section 8
}
