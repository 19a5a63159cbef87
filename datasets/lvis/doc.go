// Package lvis reads LVIS v1 and v0.5: instance masks over the images of COCO
// 2017 with more than a thousand categories, most of them rare.
//
//	build:
//	  dataset: lvis
//	  inputs:
//	    images: coco                      # holds train2017 and val2017; or one of them itself
//	    annotations: lvis_v1_train.json
//
// The file has COCO's shape and is planned by coco.Plan. What is LVIS's own: an
// image is found by the last two parts of coco_url (train2017/000000391895.jpg),
// because an LVIS split draws from both COCO directories, or by the last part; the
// file_name of v0.5 (COCO_val2014_..) is of COCO 2014 and does not count. Each
// image lists the categories that are verified absent (neg_category_ids) and those
// whose instances are not all marked (not_exhaustive_category_ids); what is in
// neither list nor annotated is unknown.
//
// Guarantees: as of package coco; and the two lists, bbox, area and segmentation
// must be there, or the image is set aside as invalid_annotation. iscrowd, which
// LVIS does not have, is 0.
//
// Caveats: frequency (r, c, f) is the file's own word, not recounted.
//
// The format: Gupta, Dollar, Girshick, "LVIS", CVPR 2019; https://www.lvisdataset.org/dataset
package lvis
