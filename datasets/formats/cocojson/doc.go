// Package cocojson writes annotations/SPLIT.json in the form that the tools of a
// dataset load: COCO's, LVIS's where the dataset is lvis, and for the RefCOCO
// family COCO's with a list refs beside it, as REFER holds it.
//
//	coco = COCO("out/coco/annotations/train.json")           # pycocotools
//	lvis = LVIS("out/lvis/annotations/train.json")           # lvis
//	refs = json.load(open("out/refcoco/annotations/val.json"))["refs"]
//
// A shard writes a fragment, one line an example: its record with file_name in
// front. Merge joins a split's fragments. Boxes, areas and masks are in pixels of
// the stored image, whose size images[] gives and whose name in the WebDataset
// shards is file_name.
//
// In the LVIS form image_count and instance_count are those of the split.
// frequency is recounted (r to 10 images, c to 100, f above; Gupta et al., LVIS,
// CVPR 2019, section 3) in splits whose name begins with train, where a category
// occurs; other splits keep the source's, because LVIS groups its scores by the
// training set's frequency there too. coco_url is given where the source's name
// has COCO's folder (train2017/...); it is the image as it was, not as stored.
//
// Guarantees: Merge holds one line of a fragment at a time, whatever the size of
// the split; the same fragments give the same bytes; numbers pass through as
// they were written. An object that several refs name is one annotation.
//
// Caveats: images are not here, so this format does not stand alone and what
// its reader gives back has no image. Merge goes through the fragments once for
// every list: twice, with refs three times. Annotation ids are taken as the
// source gave them; that they are unique in the file is the source's to see to.
package cocojson
