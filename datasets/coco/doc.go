// Package coco reads COCO 2014 and 2017 instances, and offers the scan of a
// COCO-shaped annotation file that LVIS and the RefCOCO family share.
//
//	build:
//	  dataset: coco
//	  inputs:
//	    images: train2017                       # or the directory above it
//	    annotations: instances_train2017.json
//
// The annotation file is read once, in any order of its sections, through
// internal/jsonstream: of each image and each annotation only its id and the place
// of its bytes are kept (Scan, Index). Plan joins the two with a listing of the
// images directory and emits one Ref an image, in order of image id; its rows are
// the image's own object and then its annotations by id. Example parses those rows
// (ParseImage, ParseAnnotation) wherever the shard is made.
//
// An image is found by its file_name below images, by the last part of that, by
// the last two parts of coco_url, or below a directory named like the annotation
// file (instances_train2017.json: train2017). One that is not there is planned
// with length -1. The split is the word train, val, test, .. in the file's name.
//
// Guarantees: every image of the file is a Ref or a Rejection, also one without
// annotations. Memory is 36 bytes an annotation and about 150 an image, not the file.
// Names that leave the images directory are refused, never opened.
//
// Caveats: of two images with one id the first in the file is kept; of two
// annotations with one id the image of the later is set aside. Geometry is not
// judged here: datasets.Validate does that once the pixels are known. Member names are
// matched exactly; of members with one name in an object the last wins, two
// sections of one name are an error.
//
// The format: https://cocodataset.org/#format-data
package coco
