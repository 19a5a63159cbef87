package removal

import (
	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// minSide is the shorter side of the smallest picture that is used, pixels: the
// released code reads through a loader with that limit.
const minSide = 32

// Left counts what Plan left out, objects but for the last two.
type Left struct {
	Crowd    int  `json:"crowd"`    // groups
	Unknown  int  `json:"unknown"`  // of a category that is not among the classes
	Outside  int  `json:"outside"`  // box does not meet the picture
	Empty    int  `json:"empty"`    // area 0, or a mask without a pixel
	Thin     int  `json:"thin"`     // box narrower or lower than a pixel
	Maskless int  `json:"maskless"` // no mask
	Whole    int  `json:"whole"`    // edits whose widened mask covers the picture
	Small    bool `json:"small"`    // the picture is too small, nothing of it was used
}

// object is one that can be removed.
type object struct {
	id, category int64
	mask         rle.Mask
	ref          *datasets.Referred // nil in a detection dataset
}

// keep returns the objects of ex that the released code keeps, in the order of
// the example, with their masks.
func (r *Remover) keep(ex *datasets.Example, left *Left) ([]object, error) {
	if min(ex.Width, ex.Height) < minSide {
		left.Small = true
		return nil, nil
	}
	var kept []object
	for i, o := range ex.Objects() {
		n := r.refusal(o, ex, left)
		if n != nil {
			*n++
			continue
		}
		m, err := o.Segmentation.Mask(ex.Width, ex.Height, nil)
		if err != nil {
			return nil, fault.New(fault.CodeOf(err), "%s, annotation %d: %w", ex.Key, o.ID, err)
		}
		if m.Area() == 0 {
			left.Empty++
			continue
		}
		k := object{id: o.ID, category: o.CategoryID, mask: m}
		if ex.Refs != nil {
			k.ref = &(*ex.Refs)[i]
		}
		kept = append(kept, k)
	}
	return kept, nil
}

// refusal returns the count of the reason why o is not used, nil where it is.
func (r *Remover) refusal(o datasets.Object, ex *datasets.Example, left *Left) *int {
	b := *o.BBox
	across := min(b[0]+b[2], float64(ex.Width)) - max(b[0], 0)
	down := min(b[1]+b[3], float64(ex.Height)) - max(b[1], 0)
	_, known := r.labels[o.CategoryID]
	switch {
	case o.IsCrowd != 0:
		return &left.Crowd
	case !known:
		return &left.Unknown
	case !(across > 0 && down > 0):
		return &left.Outside
	case !(*o.Area > 0):
		return &left.Empty
	case b[2] < 1 || b[3] < 1:
		return &left.Thin
	case o.Segmentation == nil:
		return &left.Maskless
	}
	return nil
}
