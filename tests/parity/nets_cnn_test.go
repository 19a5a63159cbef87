package parity

import (
	"encoding/json"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	registerCNN("resnet", resNetArch)
	registerCNN("seresnet", seResNetArch)
	registerCNN("kd_resnet", kdResNetArch)
	registerCNN("densenet", denseNetArch)
	registerCNN("kd_vgg", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewVGG(zoo.VGGConfig{Groups: c.Cfg, Classes: c.NumClasses})
	})
	registerCNN("kd_mobilenetv2", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewMobileNetV2(zoo.MobileNetV2Config{Stem: c.Stem, Rows: c.Rows, Last: c.Last, Classes: c.NumClasses})
	})
	registerCNN("kd_shufflev1", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewShuffleNetV1(zoo.ShuffleNetV1Config{Stem: c.Stem, Planes: c.Planes, Blocks: c.Blocks, Groups: c.Groups, Classes: c.NumClasses})
	})
	registerCNN("kd_shufflev2", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewShuffleNetV2(zoo.ShuffleNetV2Config{Stem: c.Stem, Planes: c.Planes, Blocks: c.Blocks, Last: c.Last, Classes: c.NumClasses})
	})
	registerCNN("wrn", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewWRN(zoo.WRNConfig{Depth: c.Depth, Widen: c.Widen, Base: c.Base, Classes: c.NumClasses})
	})
	registerCNN("preact_resnet", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewPreActResNet(zoo.PreActResNetConfig{Layers: c.Layers, Width: c.Width, Classes: c.NumClasses})
	})
	registerCNN("pyramidnet", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewPyramidNet(zoo.PyramidNetConfig{Depth: c.Depth, Alpha: c.Alpha, Base: c.Base, Classes: c.NumClasses})
	})
	registerCNN("sk_res2net", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewSKRes2Net(zoo.SKRes2NetConfig{Layers: c.Layers, Planes: c.Planes, Stem: c.Stem, Classes: c.NumClasses})
	})
	registerCNN("seresnet_cifar", func(c cnnConfig) (*zoo.Network, error) {
		return zoo.NewSEResNetCIFAR(zoo.SEResNetCIFARConfig{Layers: c.Layers, Planes: c.Planes, Bottleneck: c.Block == "bottleneck", Classes: c.NumClasses})
	})
}

// The distillation papers' own names, where the zoo has clearer ones.
func init() {
	for arch, name := range map[string]string{
		"ResNet50": "resnet50_cifar", "MobileNetV2": "mobilenetv2_half", "mobilenetv2": "mobilenetv2_half",
		"ShuffleV1": "shufflev1", "ShuffleV2": "shufflev2",
		"pyramidnet200": "pyramidnet200_240", "pyramidnet164": "pyramidnet164_270",
	} {
		registerModel(arch, func(raw json.RawMessage) (nn.Module, error) {
			var c cnnConfig
			if err := json.Unmarshal(raw, &c); err != nil {
				return nil, err
			}
			return zoo.New(name, zoo.Options{Classes: c.NumClasses})
		})
	}
}

// cnnConfig has the options of all convolutional families.
type cnnConfig struct {
	NumClasses int `json:"num_classes"`

	Depth, Base, Widen, Stem, Last, Width int
	Layers, Planes, Channels, Filters     []int
	Blocks                                []int

	Block         string
	Cifar         bool
	Groups        int
	WidthPerGroup int `json:"width_per_group"`

	Cfg         [][]int
	Rows        [][4]int
	Alpha       float64
	Growth      int
	InitialSize int `json:"init_features"`
	BNSize      int `json:"bn_size"`
}

func registerCNN(arch string, build func(c cnnConfig) (*zoo.Network, error)) {
	registerArch(arch, func(raw json.RawMessage) (nn.Layer, error) {
		var c cnnConfig
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		return build(c)
	})
}

// doubled returns n widths, each twice the one before.
func doubled(width, n int) []int {
	planes := make([]int, n)
	for i := range planes {
		planes[i] = width << i
	}
	return planes
}

func resNetArch(c cnnConfig) (*zoo.Network, error) {
	if c.Width == 0 {
		c.Width = 64
	}
	return zoo.NewResNet(zoo.ResNetConfig{
		Layers: c.Layers, Planes: doubled(c.Width, len(c.Layers)), Bottleneck: c.Block == "bottleneck", CIFAR: c.Cifar,
		Groups: c.Groups, GroupWidth: c.WidthPerGroup, Classes: c.NumClasses,
	})
}

// seResNetArch is timm's: its stem has 64 channels whatever the stages have.
func seResNetArch(c cnnConfig) (*zoo.Network, error) {
	return zoo.NewResNet(zoo.ResNetConfig{
		Layers: c.Layers, Planes: c.Channels, Stem: 64, Bottleneck: c.Block == "bottleneck", SE: true,
		Groups: c.Groups, GroupWidth: c.WidthPerGroup, Classes: c.NumClasses,
	})
}

func kdResNetArch(c cnnConfig) (*zoo.Network, error) {
	if len(c.Filters) == 0 {
		c.Filters = []int{16, 16, 32, 64}
	}
	n := (c.Depth - 2) / 6
	return zoo.NewResNet(zoo.ResNetConfig{
		Layers: []int{n, n, n}, Stem: c.Filters[0], Planes: c.Filters[1:], CIFAR: true, Classes: c.NumClasses,
	})
}

func denseNetArch(c cnnConfig) (*zoo.Network, error) {
	return zoo.NewDenseNet(zoo.DenseNetConfig{
		Growth: c.Growth, Blocks: c.Blocks, Init: c.InitialSize, BNSize: c.BNSize, Classes: c.NumClasses,
	})
}
