package metrics

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Classification gathers predictions of a classifier, a batch at a time, in
// memory that depends on the number of classes alone.
type Classification struct {
	Classes   int
	Count     int     // examples so far
	Confusion []int64 // [true class][predicted class]
	Bins      []Bin   // of confidence, equal widths from 0 to 1, each without its lower end

	ranks []int64 // [r]: examples whose class came r-th, from 0
	nll   float64
}

// Bin holds the predictions whose confidence lies in one interval.
type Bin struct {
	Count, Right int64
	Confidence   float64 // sum
}

// NewClassification returns an empty one for so many classes, with bins intervals
// of confidence; 15 is usual.
func NewClassification(classes, bins int) (*Classification, error) {
	if classes < 1 || bins < 1 || classes > 1<<15 {
		return nil, fault.New(fault.Usage, "metrics: %d classes and %d bins", classes, bins)
	}
	return &Classification{
		Classes: classes, Confusion: make([]int64, classes*classes), Bins: make([]Bin, bins),
		ranks: make([]int64, classes),
	}, nil
}

// Add counts a batch: logits are [example][class], before softmax, labels the true
// classes. A label that is no class, a NaN or wrong sizes are fault.Usage, and then
// nothing was counted.
func (c *Classification) Add(logits []float32, labels []int64) error {
	if len(logits) != len(labels)*c.Classes {
		return fault.New(fault.Usage, "metrics: %d logits for %d labels of %d classes", len(logits), len(labels), c.Classes)
	}
	for i, label := range labels {
		if label < 0 || label >= int64(c.Classes) {
			return fault.New(fault.Usage, "metrics: label %d of example %d, there are %d classes", label, i, c.Classes)
		}
	}
	for i, v := range logits {
		if v != v {
			return fault.New(fault.Usage, "metrics: logit %d of example %d is not a number", i%c.Classes, i/c.Classes)
		}
	}
	for i, label := range labels {
		c.add(logits[i*c.Classes:(i+1)*c.Classes], int(label))
	}
	return nil
}

func (c *Classification) add(logits []float32, label int) {
	best, rank := 0, 0
	for k, v := range logits {
		if v > logits[best] {
			best = k
		}
		// Equal logits rank in the order of the classes, as in argmax.
		if v > logits[label] || v == logits[label] && k < label {
			rank++
		}
	}
	top, sum := float64(logits[best]), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	c.Count++
	c.ranks[rank]++
	c.Confusion[label*c.Classes+best]++
	c.nll += math.Log(sum) - (float64(logits[label]) - top)
	confidence := 1 / sum
	n := len(c.Bins)
	bin := &c.Bins[min(max(int(math.Ceil(confidence*float64(n)))-1, 0), n-1)]
	bin.Count++
	bin.Confidence += confidence
	if best == label {
		bin.Right++
	}
}

// TopK is the share of examples whose class is among the k largest logits.
func (c *Classification) TopK(k int) float64 {
	var n int64
	for _, r := range c.ranks[:min(max(k, 0), c.Classes)] {
		n += r
	}
	return c.share(float64(n))
}

// NLL is the mean negative log likelihood of the true class, in nats.
func (c *Classification) NLL() float64 { return c.share(c.nll) }

// ECE is the expected calibration error: the distance of accuracy and mean
// confidence in a bin, averaged over the examples (Guo et al., arXiv:1706.04599,
// equation 5).
func (c *Classification) ECE() float64 {
	sum := 0.0
	for _, b := range c.Bins {
		sum += math.Abs(float64(b.Right) - b.Confidence)
	}
	return c.share(sum)
}

// ClassAccuracy is the share of the examples of one class that were recognised.
func (c *Classification) ClassAccuracy(class int) float64 {
	var n int64
	row := c.Confusion[class*c.Classes : (class+1)*c.Classes]
	for _, v := range row {
		n += v
	}
	if n == 0 {
		return -1
	}
	return float64(row[class]) / float64(n)
}

// share divides by the number of examples; -1 where there are none.
func (c *Classification) share(sum float64) float64 {
	if c.Count == 0 {
		return -1
	}
	return sum / float64(c.Count)
}
