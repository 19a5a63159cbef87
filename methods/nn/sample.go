package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Interpolate returns images x (N, C, H, W) in another size, as
// torch.nn.functional.interpolate.
func (t *Tape) Interpolate(x *Var, p ops.Interpolation) *Var {
	if !t.ready("interpolate", x) {
		return failed()
	}
	if len(x.Shape()) != 4 {
		return t.Fail(fault.New(fault.Usage, "interpolate: images have shape %v, want 4 axes", x.Shape()))
	}
	rows, cols, err := p.Taps(x.Dim(2), x.Dim(3))
	if !t.try("interpolate", err) {
		return failed()
	}
	y := t.E.Borrow(x.Dim(0), x.Dim(1), rows.Out(), cols.Out())
	if !t.try("interpolate", t.E.Resample(y, x.Value, rows, cols)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("interpolate", x, func(dx *tensor.Dense) error {
			return t.E.Resample(dx, dy, rows.Transpose(), cols.Transpose())
		})
	}, x)
}

// GridSample returns images x (N, C, H, W) at the places of grid (N, OH, OW, 2), as
// torch.nn.functional.grid_sample: (N, C, OH, OW). Both take gradients.
func (t *Tape) GridSample(x, grid *Var, p ops.GridSample) *Var {
	if !t.ready("grid sample", x, grid) {
		return failed()
	}
	if len(x.Shape()) != 4 || len(grid.Shape()) != 4 {
		return t.Fail(fault.New(fault.Usage, "grid sample: images %v, grid %v", x.Shape(), grid.Shape()))
	}
	y := t.E.Borrow(x.Dim(0), x.Dim(1), grid.Dim(1), grid.Dim(2))
	if !t.try("grid sample", t.E.GridSample(y, x.Value, grid.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		var dx, dgrid *tensor.Dense
		if t.wants(x) {
			dx = t.E.Borrow(x.Shape()...)
		}
		if t.wants(grid) {
			dgrid = t.E.Borrow(grid.Shape()...)
		}
		if !t.try("grid sample", t.E.GridSampleGrad(dx, dgrid, dy, x.Value, grid.Value, p)) {
			t.E.Release(dx)
			t.E.Release(dgrid)
			return
		}
		if dx != nil {
			t.give(x, dx)
		}
		if dgrid != nil {
			t.give(grid, dgrid)
		}
	}, x, grid)
}

// AffineGrid returns the grid (N, h, w, 2) at which GridSample reads an image that
// theta (N, 2, 3) maps from, as torch.nn.functional.affine_grid.
func (t *Tape) AffineGrid(theta *Var, h, w int, alignCorners bool) *Var {
	if !t.ready("affine grid", theta) {
		return failed()
	}
	s := theta.Shape()
	if len(s) != 3 || s[1] != 2 || s[2] != 3 || h < 1 || w < 1 {
		return t.Fail(fault.New(fault.Usage, "affine grid: theta %v for %d x %d, want (N, 2, 3)", s, h, w))
	}
	base := make([]float32, 0, 3*h*w)
	for r := range h {
		for c := range w {
			base = append(base, gridPlace(c, w, alignCorners), gridPlace(r, h, alignCorners), 1)
		}
	}
	points := t.MatMulT(t.Upload(base, h*w, 3), theta, false, true)
	return t.Reshape(points, s[0], h, w, 2)
}

// gridPlace returns where pixel i of n lies between -1 and 1.
func gridPlace(i, n int, alignCorners bool) float32 {
	if alignCorners {
		if n == 1 {
			return 0
		}
		return float32(2*i)/float32(n-1) - 1
	}
	return float32(2*i+1)/float32(n) - 1
}

// RoIAlign returns means over h x w bins of boxes in images x (N, C, H, W), as
// torchvision.ops.roi_align: (K, C, h, w). rois (K, 5) holds the image's number and left,
// top, right, bottom; it takes no gradient.
func (t *Tape) RoIAlign(x, rois *Var, h, w int, p ops.RoIAlign) *Var {
	y := t.boxed("roi align", x, rois, h, w)
	if y == nil || !t.try("roi align", t.E.RoIAlign(y, x.Value, rois.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("roi align", x, func(dx *tensor.Dense) error { return t.E.RoIAlignGrad(dx, dy, rois.Value, p) })
	}, x)
}

// RoIPool returns the greatest values in h x w bins of boxes, as
// torchvision.ops.roi_pool. Operands are RoIAlign's.
func (t *Tape) RoIPool(x, rois *Var, h, w int, scale float32) *Var {
	y := t.boxed("roi pool", x, rois, h, w)
	if y == nil || !t.try("roi pool", t.E.RoIPool(y, x.Value, rois.Value, scale)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("roi pool", x, func(dx *tensor.Dense) error { return t.E.RoIPoolGrad(dx, dy, x.Value, rois.Value, scale) })
	}, x)
}

// boxed borrows a result of h x w bins a box, nil after an error.
func (t *Tape) boxed(op string, x, rois *Var, h, w int) *tensor.Dense {
	if !t.ready(op, x, rois) {
		return nil
	}
	if len(x.Shape()) != 4 || len(rois.Shape()) != 2 || h < 1 || w < 1 {
		t.Fail(fault.New(fault.Usage, "%s: images %v, boxes %v, %d x %d bins", op, x.Shape(), rois.Shape(), h, w))
		return nil
	}
	return t.E.Borrow(rois.Dim(0), x.Dim(1), h, w)
}
