// Package all registers every shard format: import it for its side effect.
//
//	import _ "github.com/tailorbird/tailorbird/datasets/formats/all"
//
// Guarantees: after the import, formats.Names lists coco, parquet, tfrecord and
// webdataset.
package all

import (
	_ "github.com/tailorbird/tailorbird/datasets/formats/cocojson"
	_ "github.com/tailorbird/tailorbird/datasets/formats/parquet"
	_ "github.com/tailorbird/tailorbird/datasets/formats/tfrecord"
	_ "github.com/tailorbird/tailorbird/datasets/formats/webdataset"
)
