package localise

import (
	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/boxes"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// IoU compares what was found with what is true: the intersection over union of
// the boxes, and that of the masks where both have one; ok tells whether they
// have. A mask that cannot be read, or has another size than found's, is
// fault.InvalidAnnotation or fault.Corrupt.
func IoU(found addsd.Found, truth *datasets.Truth) (box, mask float64, ok bool, err error) {
	box = BoxIoU(found.Box, truth.BBox)
	if truth.Segmentation == nil || found.Mask.Counts == nil {
		return box, 0, false, nil
	}
	t, err := truth.Segmentation.Mask(found.Mask.Width, found.Mask.Height, nil)
	if err != nil {
		return box, 0, false, err
	}
	mask, err = rle.IoU(found.Mask, t, false)
	return box, mask, err == nil, err
}

// BoxIoU is the intersection over union of two boxes in float32, as detectors and
// kernels/boxes have it; 0 for boxes without area.
func BoxIoU(a, b datasets.Box) float64 {
	p, q := corners(a), corners(b)
	iou, err := boxes.IoU(p[:], q[:])
	if err != nil || !(iou[0] > 0) {
		return 0
	}
	return float64(iou[0])
}

func corners(b datasets.Box) [4]float32 {
	return [4]float32{float32(b[0]), float32(b[1]), float32(b[0] + b[2]), float32(b[1] + b[3])}
}

// Agree returns nil where the boxes of a and b have an intersection over union of
// at least minIoU (specs/add_sd.md 4.7 asks for 0.5), else a *Rejection for
// addsd.Disagree.
func Agree(a, b addsd.Found, minIoU float64) error {
	if iou := BoxIoU(a.Box, b.Box); iou < minIoU {
		return addsd.Reject(addsd.Disagree, "boxes %v and %v have an IoU of %.4f, at least %g", a.Box, b.Box, iou, minIoU)
	}
	return nil
}

type both struct {
	detector, difference addsd.Localiser
	minIoU               float64
}

// Both returns the localiser that asks a detector and a difference and takes what
// they agree on, by the rule of Agree: the detector's box and score, the
// difference's mask inside that box, and what the difference says of the rest of
// the picture. What either rejects is rejected; the difference is asked first,
// since a detector costs more. It is safe for concurrent use where both are.
func Both(detector, difference addsd.Localiser, minIoU float64) addsd.Localiser {
	return &both{detector, difference, minIoU}
}

// Name joins the names of the two.
func (b *both) Name() string { return b.detector.Name() + "+" + b.difference.Name() }

func (b *both) Localise(base, made *raster.RGB, req *addsd.Request) (addsd.Found, error) {
	changed, err := b.difference.Localise(base, made, req)
	if err != nil {
		return changed, err
	}
	found, err := b.detector.Localise(base, made, req)
	found.Changed, found.Drift, found.Noise = changed.Changed, changed.Drift, changed.Noise
	if err != nil {
		return found, err
	}
	if err := Agree(found, changed, b.minIoU); err != nil {
		return found, err
	}
	if changed.Mask.Counts == nil {
		return found, nil
	}
	found.Mask, err = inside(changed.Mask, found.Box)
	return found, err
}

// inside cuts m to box.
func inside(m rle.Mask, box datasets.Box) (rle.Mask, error) {
	frame, err := rle.FromBox(box, m.Height, m.Width, nil)
	if err != nil {
		return rle.Mask{}, fault.Wrap(fault.InvalidAnnotation, err)
	}
	return rle.Intersection([]rle.Mask{m, frame}, nil)
}
