// Package objects reads the objects of built detection datasets as a dataset of
// classes: each annotation becomes a picture of its own, cut out of its image with
// a margin. It is how a classifier is trained on what sew has made.
//
//	build:
//	  dataset: objects
//	  inputs: {train: out/lvis-sewn, val: out/lvis-val}
//	  transforms: decode | resize(width=32, height=32) | encode(png)
//
// The role of an input is the name of the split that its objects go to. Of a
// synthetic picture only the object that was added is taken: the others are in its
// base. Crowds and objects under eight pixels of a side are left out.
//
// Keys are the image's and the annotation's id; labels are places in the list of
// categories, which must be the same in all inputs. The cut-outs come as PNG, so
// that a chain begins with decode.
package objects
