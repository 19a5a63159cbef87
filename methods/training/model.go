package training

import (
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// residual are the published ResNets that options `width` and `layers` scale:
// blocks of each stage, and a bottleneck or not.
var residual = map[string]zoo.ResNetConfig{
	"resnet18_cifar": {Layers: []int{2, 2, 2, 2}},
	"resnet34_cifar": {Layers: []int{3, 4, 6, 3}},
	"resnet50_cifar": {Layers: []int{3, 4, 6, 3}, Bottleneck: true},
	"resnet8":        {Layers: []int{1, 1, 1}},
	"resnet14":       {Layers: []int{2, 2, 2}},
	"resnet20":       {Layers: []int{3, 3, 3}},
	"resnet32":       {Layers: []int{5, 5, 5}},
	"resnet44":       {Layers: []int{7, 7, 7}},
	"resnet56":       {Layers: []int{9, 9, 9}},
	"resnet110":      {Layers: []int{18, 18, 18}},
}

// NewModel makes the network {name: resnet18_cifar, width: 16}: any classifier of
// the zoo; width (of the first stage, doubled from stage to stage) and layers
// (blocks of each stage) are for the ResNets on small images.
func NewModel(n Named, classes int) (zoo.Backbone, error) {
	if _, err := zoo.Lookup(n.Name); err != nil {
		return nil, err
	}
	o := n.options("model")
	z := zoo.Options{
		Classes: classes, ImageSize: o.Int("image_size", 0, 0, 1<<14), DropPath: float32(o.Float("drop_path", 0, 0, 0.999)),
		ZeroInit: o.Bool("zero_init", false), DefaultInit: o.Bool("default_init", false),
	}
	config, scales := residual[n.Name]
	var width int
	var layers []int
	if scales {
		width, layers = o.Int("width", 0, 0, 1<<12), o.Ints("layers", nil, 1, 1000)
	}
	if err := o.Done(); err != nil {
		return nil, err
	}
	var net nn.Layer
	var err error
	if width == 0 && layers == nil {
		net, err = zoo.New(n.Name, z)
	} else {
		net, err = zoo.NewResNet(scaled(n.Name, config, width, layers, z))
	}
	if err != nil {
		return nil, err
	}
	b, ok := net.(zoo.Backbone)
	if !ok {
		return nil, fault.New(fault.Usage, "model %s is no classifier that shows its features: it cannot be trained here", n.Name)
	}
	return b, nil
}

// scaled is a published config with other widths or blocks.
func scaled(name string, c zoo.ResNetConfig, width int, layers []int, z zoo.Options) zoo.ResNetConfig {
	if width == 0 {
		width = 16
		if strings.HasSuffix(name, "_cifar") {
			width = 64
		}
	}
	if layers != nil {
		c.Layers = slices.Clone(layers)
	}
	for i := range c.Layers {
		c.Planes = append(c.Planes, width<<i)
	}
	c.CIFAR, c.Classes, c.ZeroInit, c.DefaultInit = true, z.Classes, z.ZeroInit, z.DefaultInit
	return c
}
