package rle

import "github.com/tailorbird/tailorbird/internal/fault"

// IoU returns the intersection of the detection d and the ground truth g over
// their union; where crowd is set, over the area of d, as COCO measures a
// detection against a region of many objects. It is 0 where they share no
// pixel, two empty masks included. Both must be valid; masks of different sizes
// are fault.InvalidAnnotation.
func IoU(d, g Mask, crowd bool) (float64, error) {
	if d.Height != g.Height || d.Width != g.Width {
		return 0, fault.New(fault.InvalidAnnotation, "rle: masks of %d x %d and %d x %d", d.Height, d.Width, g.Height, g.Width)
	}
	both, either := overlap(d.Counts, g.Counts)
	if both == 0 {
		return 0, nil
	}
	if crowd {
		either = d.Area()
	}
	return float64(both) / float64(either), nil
}

// IoUs writes IoU(ds[i], gs[j], crowd[j]) to dst[i*len(gs)+j] and returns dst,
// which grows where it is too short. A nil crowd means none. It compares runs
// only where bounding boxes meet.
func IoUs(dst []float64, ds, gs []Mask, crowd []bool) ([]float64, error) {
	if crowd != nil && len(crowd) != len(gs) {
		return nil, fault.New(fault.Bug, "rle: %d crowd flags for %d masks", len(crowd), len(gs))
	}
	if n := len(ds) * len(gs); cap(dst) < n {
		dst = make([]float64, n)
	} else {
		dst = dst[:n]
	}
	boxes := borrow() // of gs, four numbers each
	defer giveBack(boxes)
	*boxes = (*boxes)[:0]
	for _, g := range gs {
		b := g.Box()
		*boxes = append(*boxes, uint32(b[0]), uint32(b[1]), uint32(b[2]), uint32(b[3]))
	}
	for i, d := range ds {
		box := d.Box()
		for j, g := range gs {
			out := &dst[i*len(gs)+j]
			*out = 0
			if b := (*boxes)[4*j:]; d.Height == g.Height && d.Width == g.Width &&
				!meet(box, [4]int{int(b[0]), int(b[1]), int(b[2]), int(b[3])}) {
				continue
			}
			v, err := IoU(d, g, crowd != nil && crowd[j])
			if err != nil {
				return nil, err
			}
			*out = v
		}
	}
	return dst, nil
}

// BoxIoU is IoU for boxes of x, y, width and height.
func BoxIoU(d, g [4]float64, crowd bool) float64 {
	w := min(d[2]+d[0], g[2]+g[0]) - max(d[0], g[0])
	h := min(d[3]+d[1], g[3]+g[1]) - max(d[1], g[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	// The conversions keep products from being fused into the sums.
	both, either := float64(w*h), float64(d[2]*d[3])
	if !crowd {
		either = either + float64(g[2]*g[3]) - both
	}
	return both / either
}

func meet(a, b [4]int) bool {
	return a[0] < b[0]+b[2] && b[0] < a[0]+a[2] && a[1] < b[1]+b[3] && b[1] < a[1]+a[3]
}

// overlap counts the pixels that are one in both of two masks, and in either.
func overlap(a, b []uint32) (both, either int) {
	p := pair{a: a, b: b}
	for {
		ones, n := p.next()
		if n == 0 {
			return both, either
		}
		switch ones {
		case 2:
			both += int(n)
			either += int(n)
		case 1:
			either += int(n)
		}
	}
}
