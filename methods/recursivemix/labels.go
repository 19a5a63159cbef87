package recursivemix

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// smoothed returns the probabilities of the true class and of every other one:
// 1-eps and eps/(K-1), as the authors smooth.
func smoothed(eps float64, classes int) (on, off float64) {
	if eps == 0 {
		return 1, 0
	}
	return 1 - eps, eps / float64(classes-1)
}

// OneHot sets the first rows of dst (.., K), one a label, to off and to on at the label.
// Other rows are off throughout. labels (n) are of int64; a label outside 0..K-1
// is an error of the engine.
func OneHot(e ops.Engine, dst, labels *tensor.Dense, on, off float64) error {
	if err := e.Fill(dst, float32(off)); err != nil {
		return err
	}
	return scatter(e, dst, labels, on-off)
}

// blend sets the first rows of y to share y + (1-share) onehot(labels), the label of
// a pasted image, in place. y stays a distribution a row.
func blend(e ops.Engine, y, labels *tensor.Dense, share, eps float64) error {
	on, off := smoothed(eps, y.Shape()[1])
	kept := 1 - share
	if share == 0 {
		return OneHot(e, y, labels, on, off)
	}
	if err := e.Unary(y, y, ops.UnaryAffine, ops.UnaryParams{A: float32(share), B: float32(kept * off)}); err != nil {
		return err
	}
	return scatter(e, y, labels, kept*(on-off))
}

// scatter adds amount to every row of dst at the row's label.
func scatter(e ops.Engine, dst, labels *tensor.Dense, amount float64) error {
	n := labels.Shape()[0]
	ids, err := e.View(labels, n, 1)
	if err != nil {
		return err
	}
	ones := e.Borrow(n, 1)
	defer e.Release(ones)
	if err := e.Fill(ones, float32(amount)); err != nil {
		return err
	}
	return e.ScatterAdd(dst, ids, ones, ops.Index{Axis: 1})
}

// wantBatch refuses images or labels that are no batch of the given size; n is
// the number of images.
func wantBatch(op string, images, labels *tensor.Dense, height, width int) (n int, err error) {
	if err := ops.WantType(op, tensor.Float32, images); err != nil {
		return 0, err
	}
	if err := ops.WantType(op, tensor.Int64, labels); err != nil {
		return 0, err
	}
	x, y := images.Shape(), labels.Shape()
	if len(x) != 4 || len(y) != 1 || x[0] != y[0] || x[1] != channels {
		return 0, fault.New(fault.Usage, "%s: images %v and labels %v, want (B, %d, H, W) and (B)", op, x, y, channels)
	}
	if x[2] != height || x[3] != width {
		return 0, fault.New(fault.Usage, "%s: images of %d x %d pixels, the history holds %d x %d: set the method's option size", op, x[2], x[3], height, width)
	}
	return x[0], nil
}
