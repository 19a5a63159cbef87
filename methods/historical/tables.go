package historical

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// download copies a tensor to the host.
func download(e ops.Engine, x *tensor.Dense) ([]float32, error) {
	out := make([]float32, ops.Size(x.Shape()))
	return out, e.Download(tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(out)), x)
}

// upload copies values of the host into a tensor.
func upload(e ops.Engine, dst *tensor.Dense, values []float32) error {
	return e.Upload(dst, tensor.New(tensor.WithShape(dst.Shape()...), tensor.WithBacking(values)))
}

// Softmax returns the softmax of rows of width k, computed in doubles.
func Softmax(scores []float32, k int) []float32 {
	out := make([]float32, len(scores))
	for at := 0; at < len(scores); at += k {
		row := scores[at : at+k]
		top := row[0]
		for _, z := range row {
			top = max(top, z)
		}
		var sum float64
		for _, z := range row {
			sum += math.Exp(float64(z) - float64(top))
		}
		for j, z := range row {
			out[at+j] = float32(math.Exp(float64(z)-float64(top)) / sum)
		}
	}
	return out
}

// normalise scales a row to norm 1; a row of zeros stays.
func normalise(row []float32) {
	var sum float64
	for _, v := range row {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return
	}
	by := 1 / math.Sqrt(sum)
	for i, v := range row {
		row[i] = float32(float64(v) * by)
	}
}
