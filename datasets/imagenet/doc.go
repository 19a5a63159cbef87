// Package imagenet reads ILSVRC2012 (ImageNet-1K) as it was released, and what
// has the same shape: a folder a class, or a flat folder with labels beside it.
//
//	src, _ := datasets.Lookup("imagenet")
//	err := src.Plan(ctx, datasets.Inputs{
//		"images":  "ILSVRC2012_img_train.tar",
//		"synsets": "LOC_synset_mapping.txt",
//	}, planner)
//
// The layout of images is told from what is there:
//
//	wnid/FILE              a directory of wnid directories, or a tar of such
//	wnid.tar holding FILE  ILSVRC2012_img_train.tar, a tar of tars, read in place
//	FILE                   the validation directory, or ILSVRC2012_img_val.tar
//
// Images in directories are the split train and flat ones val, unless the recipe
// asks for just one of train, val, validation and test: then they are that.
//
// Flat images take their class from labels: LOC_val_solution.csv (Kaggle), or
// ILSVRC2012_validation_ground_truth.txt (the development kit), whose line k is
// the ILSVRC2012_ID of image k. That id is not the label: the kit's meta.mat
// (input devkit) maps it to a wnid. The label is the wnid's position in synsets.
//
// Guarantees: no archive is unpacked and no pixels are read; images are emitted
// in the order of their names (of a tar: in its order), each key once; memory
// does not grow with the number of images of the original layouts.
//
// Caveats: line k of the ground truth belongs to the image whose name ends in
// the number k, which for the whole set is the order of the names and for a part
// of it is still right. A key is the file's stem; what a key cannot hold (all
// but letters, digits, '_' and '-') becomes '_', and more than 80 bytes are cut
// and end in a hash. Only the names of a dataset without wnid in its file names
// are remembered, 24 bytes each. Bounding boxes are not read.
package imagenet
