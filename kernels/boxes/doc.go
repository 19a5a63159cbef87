// Package boxes compares rectangles: overlap, and the suppression of those that
// show what a better one shows. It works on the host.
//
//	keep, err := boxes.NMS(xyxy, scores, 0.5)
//
// Boxes are float32 in fours, left, top, right, bottom, one after the other; right and
// bottom are the edge itself, not a last pixel. A box whose right is left of its left
// has an area of the sign that follows.
//
// Results are those of torchvision.ops: areas and ratios are computed in float32 in
// the same order, so that comparisons with a threshold come out alike.
package boxes
