// Package cifar reads CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as released for C
// programs, and what others made of them, as folders of pictures:
//
//	src, _ := datasets.Lookup("cifar10")
//	err := src.Plan(ctx, datasets.Inputs{"images": "cifar-10-binary.tar.gz"}, planner)
//
// The input "images" is a directory, a tar, or a tar.gz of either form:
//
//	binary   data_batch_1.bin .. data_batch_5.bin and test_batch.bin of CIFAR-10,
//	         train.bin and test.bin of CIFAR-100, in any folder
//	images   .../SPLIT/CLASS/NAME.png or .jpg, SPLIT being train, test or val
//
// A record of the binary form is the label (of CIFAR-100 the coarse one and the
// fine one), then 32 x 32 red, green and blue samples, plane after plane. It has
// no picture file, so reading makes one: a lossless PNG of these samples. The
// chain sees that PNG; the example's source names the record: its file, offset and
// length, and the SHA-256 of its bytes, labels included.
//
// The label is the position of the class in the release's list of names, the fine
// class for CIFAR-100, whose Supercategory is the coarse one. Keys are the file's
// stem and the number of the record, data_batch_1_00042; of pictures the split,
// the class and the stem, train_airplane_0000.
//
// Guarantees: pictures of a directory and of a tar are read in place; examples
// come in the order of the files and each key comes once. A record with a label
// that no class has, a coarse label that is not that of its class, and a file that
// ends within a record are set aside with their offsets.
//
// Caveats: a tar.gz cannot be read in place: it is unpacked into memory, at most
// 512 MB of it, once a process; its spans count from the start of the tar. With
// the chain keep, the stored bytes are those of Go's PNG encoder.
package cifar
