// Package refcoco reads RefCOCO, RefCOCO+ and RefCOCOg as the REFER toolkit
// distributes them: refs(SPLITBY).p, a pickle of Python 2, beside an
// instances.json in COCO's shape, over the images of COCO train2014.
//
//	build:
//	  dataset: refcoco
//	  inputs:
//	    images: train2014
//	    annotations: refcoco/instances.json
//	    refs: refcoco/refs(unc).p
//
// A ref is one object with the sentences that name it; it belongs to one split.
// An example is an image with all refs of one split, so an image whose refs are in
// two splits is an example of both. Plan says so, with counts, for each pair of
// splits: refcocog (google) shares images between train and val by design.
//
// The rows of a Ref are the image's object, then for each ref, by ref_id, the ref
// as JSON and its annotation's object.
//
// Guarantees: the pickle is read by internal/pickle, which runs no code. Examples
// come by split, then by image id. An example is set aside as a whole, with the ref
// named, where a ref of it
//
//   - has no annotation, or that of another image or category, or no sentence, or
//     one without a word (invalid_annotation);
//   - has a ref_id that another ref has, in whichever split (conflict);
//   - is not of REFER's types (corrupt);
//   - names an image that instances.json lacks (not_found).
//
// Caveats: file_name of a ref carries a suffix and is not used; the image goes by
// its id. The splits are what the refs say; names that are new for the SPLITBY in
// the file's name are kept and noted. Images go by the names of COCO 2014, and of
// 2017 where only those are there.
//
// Source: Yu et al., Modeling Context in Referring Expressions, ECCV 2016, and
// its API, https://github.com/lichengunc/refer
package refcoco
