package boxes

import "github.com/tailorbird/tailorbird/internal/fault"

// IoU returns the intersection over union of each of n boxes a with each of m boxes
// b, in rows of m.
func IoU(a, b []float32) ([]float32, error) {
	return each("iou", a, b, func(p, q []float32) float32 {
		inter, union := overlap(p, q)
		return inter / union
	})
}

// GIoU returns the generalised IoU (Rezatofighi et al., arXiv:1902.09630): IoU less the
// part of the smallest box around both that neither covers.
func GIoU(a, b []float32) ([]float32, error) {
	return each("giou", a, b, func(p, q []float32) float32 {
		inter, union := overlap(p, q)
		w := max(max(p[2], q[2])-min(p[0], q[0]), 0)
		h := max(max(p[3], q[3])-min(p[1], q[1]), 0)
		around := w * h
		return inter/union - (around-union)/around
	})
}

func each(op string, a, b []float32, f func(p, q []float32) float32) ([]float32, error) {
	if len(a)%4 != 0 || len(b)%4 != 0 {
		return nil, fault.New(fault.Usage, "%s: %d and %d numbers are not boxes of four", op, len(a), len(b))
	}
	out := make([]float32, 0, len(a)/4*(len(b)/4))
	for ; len(a) > 0; a = a[4:] {
		for q := b; len(q) > 0; q = q[4:] {
			out = append(out, f(a[:4], q[:4]))
		}
	}
	return out, nil
}

func area(p []float32) float32 { return (p[2] - p[0]) * (p[3] - p[1]) }

func intersection(p, q []float32) float32 {
	w := max(min(p[2], q[2])-max(p[0], q[0]), 0)
	h := max(min(p[3], q[3])-max(p[1], q[1]), 0)
	return w * h
}

func overlap(p, q []float32) (inter, union float32) {
	inter = intersection(p, q)
	return inter, area(p) + area(q) - inter
}
