package cifar

import (
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
)

// side is the width and the height of every picture, pixels.
const side = 32

const pixels = 3 * side * side

// variant is what tells the two datasets apart.
type variant struct {
	name, summary, release string

	labels   int               // bytes of labels before the samples; the last is the class
	names    []string          // of the classes, in the order of the labels
	coarse   []string          // of CIFAR-100: the superclasses
	coarseOf []uint8           // of each class
	binaries map[string]string // file -> split
}

func (v *variant) recordBytes() int64 { return int64(v.labels + pixels) }

// anyBinary names the files of the binary form.
func (v *variant) anyBinary() string {
	var list []string
	for f := range v.binaries {
		list = append(list, f)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (v *variant) classes() []datasets.Class {
	out := make([]datasets.Class, len(v.names))
	for i, n := range v.names {
		out[i] = datasets.Class{ID: int64(i), Name: n}
		if v.coarse != nil {
			out[i].Supercategory = v.coarse[v.coarseOf[i]]
		}
	}
	return out
}

var cifar10 = variant{
	name: "cifar10", summary: "CIFAR-10: 60,000 pictures of 32 x 32 pixels, ten classes", release: "cifar-10-binary.tar.gz",
	labels: 1,
	names:  strings.Fields("airplane automobile bird cat deer dog frog horse ship truck"),
	binaries: map[string]string{"data_batch_1.bin": "train", "data_batch_2.bin": "train", "data_batch_3.bin": "train",
		"data_batch_4.bin": "train", "data_batch_5.bin": "train", "test_batch.bin": "test"},
}

var cifar100 = variant{
	name: "cifar100", summary: "CIFAR-100: 60,000 pictures of 32 x 32 pixels, a hundred classes in twenty groups", release: "cifar-100-binary.tar.gz",
	labels: 2,
	names: strings.Fields(`apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
		caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl
		hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree
		orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea
		seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
		tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm`),
	coarse: strings.Fields(`aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture
		insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals
		non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2`),
	coarseOf: []uint8{4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14,
		16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10,
		0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13},
	binaries: map[string]string{"train.bin": "train", "test.bin": "test"},
}
