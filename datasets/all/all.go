// Package all registers every dataset source and every shard format. Binaries
// import it for its effect.
package all

import (
	_ "github.com/tailorbird/tailorbird/datasets/cifar"       // cifar10, cifar100
	_ "github.com/tailorbird/tailorbird/datasets/coco"        // coco
	_ "github.com/tailorbird/tailorbird/datasets/formats/all" // webdataset, tfrecord, parquet, coco
	_ "github.com/tailorbird/tailorbird/datasets/imagenet"    // imagenet
	_ "github.com/tailorbird/tailorbird/datasets/lvis"        // lvis
	_ "github.com/tailorbird/tailorbird/datasets/objects"     // objects
	_ "github.com/tailorbird/tailorbird/datasets/refcoco"     // refcoco, refcoco+, refcocog
)
