package zoo

import "slices"

func init() {
	registerRows(torchvision, 1000, 224, []row{
		{"densenet121", 7_978_856, 2_834_161_664, "", dense(32, false, 6, 12, 24, 16)},
		{"densenet161", 28_681_000, 7_727_907_072, "", dense(48, false, 6, 12, 36, 24)},
		{"densenet169", 14_149_480, 3_359_843_328, "", dense(32, false, 6, 12, 32, 32)},
		{"densenet201", 20_013_928, 4_291_365_888, "", dense(32, false, 6, 12, 48, 32)},
	})
	registerRows(recursive, 100, 32, []row{
		{"densenet121_cifar", 7_048_548, 888_442_880, "", dense(32, true, 6, 12, 24, 16)},
		{"densenet161_cifar", 26_681_188, 2_467_749_504, "", dense(48, true, 6, 12, 36, 24)},
		{"densenet169_cifar", 12_643_172, 1_059_949_056, "", dense(32, true, 6, 12, 32, 32)},
		{"densenet201_cifar", 18_277_220, 1_364_061_696, "", dense(32, true, 6, 12, 48, 32)},
		{"pyramidnet164_270", 27_319_071, 4_569_940_000, recursive, pyramid(164, 270)},
	})
	registerRows(recursive, 10, 32, []row{
		{"pyramidnet200_240", 26_752_702, 4_519_606_016, recursive, pyramid(200, 240)},
	})
	registerRows(ctkd, 100, 32, []row{
		{"wrn_16_1", 180_916, 26_663_168, ctkd, wide(16, 1)},
		{"wrn_16_2", 703_284, 101_118_464, ctkd, wide(16, 2)},
		{"wrn_16_4", 2_772_020, 392_635_392, "", wide(16, 4)},
		{"wrn_16_8", 11_007_540, 1_548_191_744, "", wide(16, 8)},
		{"wrn_28_2", 1_479_220, 214_364_672, "", wide(28, 2)},
		{"wrn_28_10", 36_536_884, 5_243_386_368, "", wide(28, 10)},
		{"wrn_40_1", 569_780, 83_286_272, ctkd, wide(40, 1)},
		{"wrn_40_2", 2_255_156, 327_610_880, ctkd, wide(40, 2)},
		{"wrn_40_4", 8_972_340, 1_298_605_056, "", wide(40, 4)},
		{"vgg8", 3_965_028, 96_192_512, ctkd, vgg(1, 1, 1, 1, 1)},
		{"vgg11", 9_277_284, 209_438_720, ctkd, vgg(1, 1, 2, 2, 2)},
		{"vgg13", 9_462_180, 284_936_192, ctkd, vgg(2, 2, 2, 2, 2)},
		{"vgg16", 14_774_436, 398_182_400, ctkd, vgg(2, 2, 3, 3, 3)},
		{"vgg19", 20_086_692, 511_428_608, ctkd, vgg(2, 2, 4, 4, 4)},
		{"mobilenetv2_half", 812_836, 6_523_648, ctkd, oneInit(mobileHalf)},
		{"shufflev1", 949_258, 38_691_456, ctkd, oneInit(shuffle1)},
		{"shufflev2", 1_355_528, 44_504_448, ctkd, oneInit(shuffle2)},
	})
	registerRows(teskd, 100, 32, []row{
		{"seresnet18_cifar", 11_314_012, 555_555_840, "", gated(false, 2, 2, 2, 2)},
		{"seresnet34_cifar", 21_498_000, 1_159_605_760, "", gated(false, 3, 4, 6, 3)},
		{"seresnet50_cifar", 26_262_804, 1_300_529_152, "", gated(true, 3, 4, 6, 3)},
		{"vgg16_teskd", 15_299_748, 313_772_032, "", vggStages(3)},
		{"vgg19_teskd", 20_612_004, 398_706_688, "", vggStages(4)},
	})
	registerRows(dynamic, 1000, 224, []row{
		{"sk_res2net101", 48_380_777, 8_824_894_464, dynamic, oneInit(skRes2Net101)},
	})
	registerRows("He et al., arXiv:1603.05027, CIFAR form", 10, 32, []row{
		{"preact_resnet18", 11_171_146, 555_422_720, "", preAct(2, 2, 2, 2)},
		{"preact_resnet34", 21_279_306, 1_159_402_496, "", preAct(3, 4, 6, 3)},
	})
}

func dense(growth int, cifar bool, blocks ...int) func(o Options) (*Network, error) {
	return oneInit(func(classes int) (*Network, error) {
		return NewDenseNet(DenseNetConfig{Growth: growth, Blocks: blocks, CIFAR: cifar, Classes: classes})
	})
}

func pyramid(depth int, alpha float64) func(o Options) (*Network, error) {
	return func(o Options) (*Network, error) {
		if o.DefaultInit {
			return nil, errOneInit()
		}
		return NewPyramidNet(PyramidNetConfig{Depth: depth, Alpha: alpha, Classes: o.Classes, ZeroInit: o.ZeroInit})
	}
}

func wide(depth, widen int) func(o Options) (*Network, error) {
	return oneInit(func(classes int) (*Network, error) {
		return NewWRN(WRNConfig{Depth: depth, Widen: widen, Classes: classes})
	})
}

// gated is an SE-ResNet of TESKD.
func gated(bottleneck bool, layers ...int) func(o Options) (*Network, error) {
	return oneInit(func(classes int) (*Network, error) {
		return NewSEResNetCIFAR(SEResNetCIFARConfig{Layers: layers, Planes: fourStages, Bottleneck: bottleneck, Classes: classes})
	})
}

// vggStages is a VGG of TESKD with so many convolutions in its last three stages.
func vggStages(n int) func(o Options) (*Network, error) {
	stages := [][]int{{128, 128}, slices.Repeat([]int{256}, n), slices.Repeat([]int{512}, n), slices.Repeat([]int{512}, n)}
	return oneInit(func(classes int) (*Network, error) {
		return NewVGGStages(VGGStagesConfig{Stem: []int{64, 64}, Stages: stages, Hidden: []int{512, 512}, Classes: classes})
	})
}

func skRes2Net101(classes int) (*Network, error) {
	return NewSKRes2Net(SKRes2NetConfig{Layers: []int{3, 4, 23, 3}, Planes: fourStages, Stem: 32, Classes: classes})
}

func preAct(layers ...int) func(o Options) (*Network, error) {
	return oneInit(func(classes int) (*Network, error) {
		return NewPreActResNet(PreActResNetConfig{Layers: layers, Classes: classes})
	})
}

// vgg builds a VGG of so many convolutions in each group of the usual widths.
func vgg(convs ...int) func(o Options) (*Network, error) {
	groups := make([][]int, len(convs))
	for i, width := range []int{64, 128, 256, 512, 512} {
		groups[i] = slices.Repeat([]int{width}, convs[i])
	}
	return oneInit(func(classes int) (*Network, error) {
		return NewVGG(VGGConfig{Groups: groups, Classes: classes})
	})
}

func mobileHalf(classes int) (*Network, error) {
	return NewMobileNetV2(MobileNetV2Config{Stem: 16, Last: 1280, Classes: classes, Rows: [][4]int{
		{1, 8, 1, 1}, {6, 12, 2, 1}, {6, 16, 3, 2}, {6, 32, 4, 2}, {6, 48, 3, 1}, {6, 80, 3, 2}, {6, 160, 1, 1},
	}})
}

func shuffle1(classes int) (*Network, error) {
	return NewShuffleNetV1(ShuffleNetV1Config{Planes: []int{240, 480, 960}, Blocks: []int{4, 8, 4}, Groups: 3, Classes: classes})
}

func shuffle2(classes int) (*Network, error) {
	return NewShuffleNetV2(ShuffleNetV2Config{Planes: []int{116, 232, 464}, Blocks: []int{3, 7, 3}, Last: 1024, Classes: classes})
}
