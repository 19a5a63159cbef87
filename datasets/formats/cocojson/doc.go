// Package cocojson writes annotations/SPLIT.json in the form that the tools of a
// dataset load: COCO's, LVIS's where the dataset is lvis, and for the RefCOCO
// family COCO's with a list refs beside it, as REFER holds it.
//
//	coco = COCO("out/coco/annotations/train.json")           # pycocotools
//	lvis = LVIS("out/lvis/annotations/train.json")           # lvis
//	refs = json.load(open("out/refcoco/annotations/val.json"))["refs"]
//
// A shard writes a fragment, whose lines are the elements of the merged lists in
// their final form, a letter for the list in front of each, and what else a
// reader needs. Merge copies them, list by list; shards are written by many, a
// split is merged by one. Boxes, areas and masks are in pixels of the stored
// image, whose size images[] gives and whose name in the WebDataset shards is
// file_name.
//
// In the LVIS form image_count and instance_count are those of the split: every
// fragment has its own at its end, and Merge adds them up.
// frequency is recounted (r to 10 images, c to 100, f above; Gupta et al., LVIS,
// CVPR 2019, section 3) in splits whose name begins with train, where a category
// occurs; other splits keep the source's, because LVIS groups its scores by the
// training set's frequency there too. coco_url is given where the source's name
// has COCO's folder (train2017/...); it is the image as it was, not as stored.
//
// Guarantees: text and numbers are those of encoding/json without its escapes
// for HTML. Merge holds one line of a fragment at a time and 8 bytes for every
// annotation; the same fragments give the same bytes. A checksum finds every
// fragment that is cut off or changed. Annotation ids are unique in the file: one
// that two annotations have is fault.Conflict. An object that several refs name
// is one annotation.
//
// Caveats: images are not here, so this format does not stand alone and what
// its reader gives back has no image. Merge goes through the fragments once for
// every list: twice, with refs three times.
package cocojson
