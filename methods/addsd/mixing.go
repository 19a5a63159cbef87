package addsd

import (
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Mixing says how often a trainer should draw each image of a merged dataset
// (spec 4.3, 4.4). It is written beside the merged annotations.
type Mixing struct {
	Threshold      float64        `json:"t"`
	DatasetFactors DatasetFactors `json:"dataset_factors"`
	// CategoryFactors are the repeat factors of each dataset by itself.
	CategoryFactors struct {
		Real      map[int64]float64 `json:"real"`
		Synthetic map[int64]float64 `json:"synthetic"`
	} `json:"category_factors"`
	// ImageFactors are ready to use: repeat factor times dataset factor, over the
	// least of all images. Epoch draws from them.
	ImageFactors map[int64]float64 `json:"image_factors"`
}

// DatasetFactors weigh the real images and the synthetic ones; the paper's
// configuration has 0.8 and 0.2.
type DatasetFactors struct {
	Real      float64 `json:"real"`
	Synthetic float64 `json:"synthetic"`
}

// Labelled is an image with the categories that it shows; repeats count once.
type Labelled struct {
	ID         int64
	Categories []int64
}

// RepeatFactors are those of repeat-factor sampling (Gupta et al., LVIS, CVPR
// 2019): f(c) is the share of the images that show c, r(c) = max(1, sqrt(t/f(c))),
// and an image has the largest r of its categories, 1 where it has none.
func RepeatFactors(images []Labelled, t float64) (category map[int64]float64, image []float64) {
	shown := map[int64]int64{}
	for _, m := range images {
		for i, c := range m.Categories {
			if !slices.Contains(m.Categories[:i], c) {
				shown[c]++
			}
		}
	}
	category = make(map[int64]float64, len(shown))
	for c, n := range shown {
		category[c] = max(1, math.Sqrt(t/(float64(n)/float64(len(images)))))
	}
	image = make([]float64, len(images))
	for i, m := range images {
		image[i] = 1
		for _, c := range m.Categories {
			image[i] = max(image[i], category[c])
		}
	}
	return category, image
}

// Mix computes the repeat factors of each dataset from its own images alone and
// weighs them; see WeighFactors. The factors of the real images come first, in
// the order given, then those of the synthetic ones.
//
// A threshold below 0 or a factor that is not above 0 is fault.Usage, an id that
// is given twice fault.Conflict.
func Mix(real, synthetic []Labelled, t float64, by DatasetFactors) (*Mixing, []float64, error) {
	if !(t >= 0) || math.IsInf(t, 0) || !(by.Real > 0) || !(by.Synthetic > 0) || math.IsInf(by.Real+by.Synthetic, 0) {
		return nil, nil, fault.New(fault.Usage, "addsd: threshold %v and factors %v, %v: the threshold is at least 0, the factors are above it", t, by.Real, by.Synthetic)
	}
	m := &Mixing{Threshold: t, DatasetFactors: by, ImageFactors: make(map[int64]float64, len(real)+len(synthetic))}
	var own, made []float64
	m.CategoryFactors.Real, own = RepeatFactors(real, t)
	m.CategoryFactors.Synthetic, made = RepeatFactors(synthetic, t)
	factors := WeighFactors(own, made, by)
	for i, image := range slices.Concat(real, synthetic) {
		if _, twice := m.ImageFactors[image.ID]; twice {
			return nil, nil, fault.New(fault.Conflict, "addsd: image id %d is given twice", image.ID)
		}
		m.ImageFactors[image.ID] = factors[i]
	}
	return m, factors, nil
}

// WeighFactors multiplies the repeat factors of each dataset by the dataset's
// factor and divides all by the least of both: 1 is then the least there is, and
// with 0.8 and 0.2 a real image is drawn four times as often as a synthetic one
// of the same repeat factor.
func WeighFactors(real, synthetic []float64, by DatasetFactors) []float64 {
	factors := make([]float64, 0, len(real)+len(synthetic))
	for _, r := range real {
		factors = append(factors, r*by.Real)
	}
	for _, r := range synthetic {
		factors = append(factors, r*by.Synthetic)
	}
	if len(factors) == 0 {
		return factors
	}
	least := slices.Min(factors)
	for i := range factors {
		factors[i] /= least
	}
	return factors
}

// Epoch lists which images an epoch draws, in rising order: image i as often as
// floor(factors[i]) says, and once more with the probability of the rest. The
// choice for an image depends on the seed, the epoch and its index alone. The
// caller shuffles.
func Epoch(factors []float64, seed uint64, epoch int) []int32 {
	var out []int32
	for i, f := range factors {
		whole := math.Floor(f)
		n := int(whole)
		if unit(mix(seed, uint64(epoch), uint64(i), purposeEpoch)) < f-whole {
			n++
		}
		for range n {
			out = append(out, int32(i))
		}
	}
	return out
}
