package copypaste

// Limits say which objects are good enough to be cut out and how much memory a
// bank may take. A field that is zero has its default.
type Limits struct {
	MinArea       int     // pixels of the mask; default 576, 24 x 24
	MinScale      float64 // of sqrt(area / image area); default 10/640, X-Paste's
	MaxScale      float64 // default 0.8
	Border        int     // an object with a pixel in the outer Border rows or columns is cut off; default 2
	MinLargest    float64 // share of the mask in its largest piece; default 0.9
	MinThickness  float64 // 2 area / outline, pixels: the width of a long strip; default 4
	MinBoxIoU     float64 // of the annotation's box with its mask's; default 0.7
	MaxContact    float64 // share of the outline along which other objects lie; default 0.4
	MaxCovered    float64 // share of the box on which other objects lie; default 0.5
	MinDeviation  float64 // standard deviation of the liveliest colour channel, levels; default 4
	SameMask      float64 // IoU above which two masks of a class in a picture are one object; default 0.8
	SimilarBits   int     // bits by which the hashes of two pictures of a class may differ to count as one; default 4
	PerClass      int     // objects a class may have, the best are taken; default 2000
	CacheBytes    int64   // of cut-outs kept in memory; default 64 MiB
	MaxCutoutSide int     // pixels; a larger cut-out in a part file is refused; default 16384
}

// The names under which a Bank counts objects that are not usable.
const (
	crowd      = "crowd"
	noMask     = "no_mask"
	badMask    = "bad_mask"   // outline or runs that are none of this image
	small      = "small"      // MinArea, MinScale
	large      = "large"      // MaxScale
	truncated  = "truncated"  // Border
	fragmented = "fragmented" // MinLargest
	thin       = "thin"       // MinThickness
	wrongBox   = "wrong_box"  // MinBoxIoU
	occluded   = "occluded"   // MaxContact, MaxCovered
	uniform    = "uniform"    // MinDeviation
	twice      = "twice"      // SameMask, or the same annotation in two parts
	similar    = "similar"    // SimilarBits
	surplus    = "surplus"    // PerClass
)

// Exclusions lists the names that Bank.Excluded uses, in the order of the checks.
var Exclusions = []string{crowd, noMask, badMask, small, large, truncated, wrongBox, fragmented, thin, occluded, uniform,
	twice, surplus, similar}

// margin is how many pixels around the object a cut-out shows of its picture:
// what blending needs to know of the surroundings.
const margin = 4

// withDefaults returns l with its zero fields set.
func (l Limits) withDefaults() Limits {
	or(&l.MinArea, 24*24)
	or(&l.MinScale, 10.0/640)
	or(&l.MaxScale, 0.8)
	or(&l.Border, 2)
	or(&l.MinLargest, 0.9)
	or(&l.MinThickness, 4)
	or(&l.MinBoxIoU, 0.7)
	or(&l.MaxContact, 0.4)
	or(&l.MaxCovered, 0.5)
	or(&l.MinDeviation, 4)
	or(&l.SameMask, 0.8)
	or(&l.SimilarBits, 4)
	or(&l.PerClass, 2000)
	or(&l.CacheBytes, 64<<20)
	or(&l.MaxCutoutSide, 16384)
	return l
}

// or sets *v to its default where it is zero.
func or[T int | int64 | float64](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// judge names the first limit that r breaks, "" where it keeps all. Measures
// that are not taken yet are -1 and not judged.
func (l *Limits) judge(r *Record) string {
	scale := r.Scale()
	switch {
	case r.Area < l.MinArea || scale < l.MinScale:
		return small
	case scale > l.MaxScale:
		return large
	case r.Box[0] < l.Border || r.Box[1] < l.Border ||
		r.Box[0]+r.Box[2] > r.ImageWidth-l.Border || r.Box[1]+r.Box[3] > r.ImageHeight-l.Border:
		return truncated
	case under(r.BoxIoU, l.MinBoxIoU):
		return wrongBox
	case under(r.Largest, l.MinLargest):
		return fragmented
	case under(r.Thickness, l.MinThickness):
		return thin
	case r.Contact > l.MaxContact || r.Covered > l.MaxCovered:
		return occluded
	case under(r.Deviation, l.MinDeviation):
		return uniform
	}
	return ""
}

func under(v, limit float64) bool { return v >= 0 && v < limit }
