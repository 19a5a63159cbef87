package zoo

// fourStages are the widths of the ImageNet networks' stages.
var fourStages = []int{64, 128, 256, 512}

// resNet builds a network of a config with the options' changes.
func resNet(c ResNetConfig) func(o Options) (*Network, error) {
	return func(o Options) (*Network, error) {
		c := c
		c.Classes = o.Classes
		c.ZeroInit = c.ZeroInit || o.ZeroInit
		c.DefaultInit = c.DefaultInit || o.DefaultInit
		return NewResNet(c)
	}
}

// distilled is a three-stage network of the distillation papers: 6n + 2 layers.
func distilled(depth, stem int, planes ...int) func(o Options) (*Network, error) {
	n := (depth - 2) / 6
	return resNet(ResNetConfig{Layers: []int{n, n, n}, Stem: stem, Planes: planes, CIFAR: true})
}

func init() {
	registerRows(torchvision, 1000, 224, []row{
		{"resnet18", 11_689_512, 1_814_073_344, ctkd, resNet(ResNetConfig{Layers: []int{2, 2, 2, 2}, Planes: fourStages})},
		{"resnet34", 21_797_672, 3_663_761_408, ctkd, resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages})},
		{"resnet50", 25_557_032, 4_089_184_256, teskdCost, resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true})},
		{"resnet101", 44_549_160, 7_801_405_440, dynamic, resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true})},
		{"resnet152", 60_192_808, 11_513_626_624, "", resNet(ResNetConfig{Layers: []int{3, 8, 36, 3}, Planes: fourStages, Bottleneck: true})},
		{"resnext50_32x4d", 25_028_904, 4_230_479_872, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true, Groups: 32, GroupWidth: 4})},
		{"resnext101_32x8d", 88_791_336, 16_414_015_488, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, Groups: 32, GroupWidth: 8})},
		{"resnext101_64x4d", 83_455_272, 15_460_270_080, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, Groups: 64, GroupWidth: 4})},
		{"wide_resnet50_2", 68_883_240, 11_398_021_120, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true, GroupWidth: 128})},
		{"wide_resnet101_2", 126_886_696, 22_753_050_624, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, GroupWidth: 128})},
	})
	// The stem of 3x3 on torchvision's blocks. TESKD trains them with DefaultInit.
	registerRows(teskd, 100, 32, []row{
		{"resnet18_cifar", 11_220_132, 555_468_800, teskdCost, resNet(ResNetConfig{Layers: []int{2, 2, 2, 2}, Planes: fourStages, CIFAR: true})},
		{"resnet34_cifar", 21_328_292, 1_159_448_576, teskdCost, resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, CIFAR: true})},
		{"resnet50_cifar", 23_705_252, 1_298_014_208, teskdCost, resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true, CIFAR: true})},
		{"resnet101_cifar", 42_697_380, 2_510_168_064, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, CIFAR: true})},
		{"resnet152_cifar", 58_341_028, 3_722_321_920, "", resNet(ResNetConfig{Layers: []int{3, 8, 36, 3}, Planes: fourStages, Bottleneck: true, CIFAR: true})},
	})
	registerRows(ctkd, 100, 32, []row{
		{"resnet8", 83_892, 12_507_392, ctkd, distilled(8, 16, 16, 32, 64)},
		{"resnet14", 181_108, 26_663_168, ctkd, distilled(14, 16, 16, 32, 64)},
		{"resnet20", 278_324, 40_818_944, ctkd, distilled(20, 16, 16, 32, 64)},
		{"resnet32", 472_756, 69_130_496, ctkd, distilled(32, 16, 16, 32, 64)},
		{"resnet44", 667_188, 97_442_048, ctkd, distilled(44, 16, 16, 32, 64)},
		{"resnet56", 861_620, 125_753_600, ctkd, distilled(56, 16, 16, 32, 64)},
		{"resnet110", 1_736_564, 253_155_584, ctkd, distilled(110, 16, 16, 32, 64)},
		{"resnet8x4", 1_233_540, 177_071_104, ctkd, distilled(8, 32, 64, 128, 256)},
		{"resnet32x4", 7_433_860, 1_083_040_768, ctkd, distilled(32, 32, 64, 128, 256)},
	})
	// timm begins the last scale of each residual branch at 0.
	registerRows(timm, 1000, 224, []row{
		{"seresnet18", 11_779_624, 1_814_161_408, "", resNet(ResNetConfig{Layers: []int{2, 2, 2, 2}, Planes: fourStages, SE: true, ZeroInit: true})},
		{"seresnet34", 21_960_416, 3_663_920_128, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, SE: true, ZeroInit: true})},
		{"seresnet50", 28_088_024, 4_091_699_200, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true, SE: true, ZeroInit: true})},
		{"seresnet101", 49_326_872, 7_806_148_608, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, SE: true, ZeroInit: true})},
		{"seresnet152", 66_821_848, 11_520_204_800, "", resNet(ResNetConfig{Layers: []int{3, 8, 36, 3}, Planes: fourStages, Bottleneck: true, SE: true, ZeroInit: true})},
		{"seresnext50_32x4d", 27_559_896, 4_232_994_816, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true, Groups: 32, GroupWidth: 4, SE: true, ZeroInit: true})},
		{"seresnext101_32x4d", 48_955_416, 7_974_739_968, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, Groups: 32, GroupWidth: 4, SE: true, ZeroInit: true})},
		{"seresnext101_32x8d", 93_569_048, 16_418_758_656, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, Groups: 32, GroupWidth: 8, SE: true, ZeroInit: true})},
		{"seresnext101_64x4d", 88_232_984, 15_465_013_248, "", resNet(ResNetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Bottleneck: true, Groups: 64, GroupWidth: 4, SE: true, ZeroInit: true})},
	})
	// A basic block of these is twice as wide inside; the groups of 32 are the bottleneck's.
	registerRows(teskd, 100, 32, []row{
		{"resnext18_cifar", 22_209_444, 1_102_825_472, "", resNet(ResNetConfig{Layers: []int{2, 2, 2, 2}, Planes: fourStages, CIFAR: true, BasicWidth: 2})},
		{"resnext34_cifar", 42_422_052, 2_310_785_024, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, CIFAR: true, BasicWidth: 2})},
		{"resnext50_cifar", 23_177_124, 1_344_151_552, "", resNet(ResNetConfig{Layers: []int{3, 4, 6, 3}, Planes: fourStages, Bottleneck: true, CIFAR: true, Groups: 32, GroupWidth: 4})},
	})
}
