package nn

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

var inf = float32(math.Inf(1))

// boxPair holds two sets of boxes by coordinate, each (n, 1).
type boxPair struct {
	a, b         [4]*Var // x1, y1, x2, y2
	inter, union *Var    // areas
}

// boxes takes apart paired boxes a and b, (n, 4) as x1, y1, x2, y2.
func (t *Tape) boxes(op string, a, b *Var) (p boxPair, ok bool) {
	if !t.ready(op, a, b) {
		return p, false
	}
	if a.Dim(-1) != 4 || len(a.Shape()) != 2 || !t.try(op, ops.SameShape(op, a.Value, b.Value)) {
		t.Fail(fault.New(fault.Usage, "%s: boxes of shapes %v and %v, want (n, 4)", op, a.Shape(), b.Shape()))
		return p, false
	}
	for i := range p.a {
		p.a[i], p.b[i] = t.Slice(a, 1, i, i+1), t.Slice(b, 1, i, i+1)
	}
	w := t.ReLU(t.Sub(t.Minimum(p.a[2], p.b[2]), t.Maximum(p.a[0], p.b[0])))
	h := t.ReLU(t.Sub(t.Minimum(p.a[3], p.b[3]), t.Maximum(p.a[1], p.b[1])))
	p.inter = t.Mul(w, h)
	p.union = t.Sub(t.Add(t.boxArea(p.a), t.boxArea(p.b)), p.inter)
	return p, t.err == nil
}

func (t *Tape) boxArea(c [4]*Var) *Var { return t.Mul(t.Sub(c[2], c[0]), t.Sub(c[3], c[1])) }

// hull returns the coordinates of the smallest boxes around both.
func (t *Tape) hull(p boxPair) [4]*Var {
	return [4]*Var{t.Minimum(p.a[0], p.b[0]), t.Minimum(p.a[1], p.b[1]), t.Maximum(p.a[2], p.b[2]), t.Maximum(p.a[3], p.b[3])}
}

// iou returns inter / (union + eps).
func (t *Tape) iou(p boxPair, eps float32) *Var { return t.Div(p.inter, t.AddScalar(p.union, eps)) }

// reduceBoxes makes (n, 1) a loss.
func (t *Tape) reduceBoxes(l *Var, r Reduction) *Var {
	if t.err != nil {
		return failed()
	}
	return t.reduceLoss(t.Reshape(l, l.Dim(0)), r)
}

// GIoULoss returns 1 - GIoU of paired boxes (n, 4), x1 y1 x2 y2 (Rezatofighi et
// al., arXiv:1902.09630), as torchvision.ops.generalized_box_iou_loss; its eps is 1e-7.
func (t *Tape) GIoULoss(a, b *Var, eps float32, r Reduction) *Var {
	p, ok := t.boxes("giou loss", a, b)
	if !ok {
		return failed()
	}
	around := t.boxArea(t.hull(p))
	g := t.Sub(t.iou(p, eps), t.Div(t.Sub(around, p.union), t.AddScalar(around, eps)))
	return t.reduceBoxes(t.Affine(g, -1, 1), r)
}

// DIoULoss returns 1 - IoU + d^2/c^2, d the distance of the centres and c the
// diagonal of the hull (Zheng et al., arXiv:1911.08287), as
// torchvision.ops.distance_box_iou_loss.
func (t *Tape) DIoULoss(a, b *Var, eps float32, r Reduction) *Var {
	p, ok := t.boxes("diou loss", a, b)
	if !ok {
		return failed()
	}
	return t.reduceBoxes(t.distanceLoss(p, t.iou(p, eps), eps), r)
}

func (t *Tape) distanceLoss(p boxPair, iou *Var, eps float32) *Var {
	h := t.hull(p)
	diagonal := t.AddScalar(t.Add(t.Square(t.Sub(h[2], h[0])), t.Square(t.Sub(h[3], h[1]))), eps)
	centre := func(c [4]*Var, i int) *Var { return t.Scale(t.Add(c[i], c[i+2]), 0.5) }
	dx := t.Sub(centre(p.a, 0), centre(p.b, 0))
	dy := t.Sub(centre(p.a, 1), centre(p.b, 1))
	return t.Add(t.Affine(iou, -1, 1), t.Div(t.Add(t.Square(dx), t.Square(dy)), diagonal))
}

// CIoULoss is DIoULoss + alpha v, v = 4/pi^2 (atan(wb/hb) - atan(wa/ha))^2 and
// alpha = v / (1 - IoU + v + eps), through which no gradient flows, as
// torchvision.ops.complete_box_iou_loss.
func (t *Tape) CIoULoss(a, b *Var, eps float32, r Reduction) *Var {
	p, ok := t.boxes("ciou loss", a, b)
	if !ok {
		return failed()
	}
	iou := t.iou(p, eps)
	angle := func(c [4]*Var) *Var { return t.Atan(t.Div(t.Sub(c[2], c[0]), t.Sub(c[3], c[1]))) }
	v := t.Scale(t.Square(t.Sub(angle(p.b), angle(p.a))), 4/math.Pi/math.Pi)
	var alpha *Var
	t.NoGrad(func() { alpha = t.Div(v, t.AddScalar(t.Add(t.Affine(iou, -1, 1), v), eps)) })
	return t.reduceBoxes(t.Add(t.distanceLoss(p, iou, eps), t.Mul(alpha, v)), r)
}
