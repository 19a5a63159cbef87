package resize

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Filter is a reconstruction filter, named as Pillow names it.
type Filter uint8

// The filters. Bicubic is the zero value; its parameter is a = -0.5 (Keys 1981).
const (
	Bicubic  Filter = iota
	Nearest         // the sample under the centre of the output pixel
	Area            // box average, Pillow's BOX
	Bilinear        // triangle
	Hamming         // sinc in a Hamming window, support 1
	Lanczos3        // sinc in a sinc window, support 3
	filters
)

var filterNames = [filters]string{"bicubic", "nearest", "area", "bilinear", "hamming", "lanczos3"}

// String returns the name that ParseFilter reads.
func (f Filter) String() string {
	if f < filters {
		return filterNames[f]
	}
	return "filter?"
}

// ParseFilter reads a filter's name: nearest, area or box, bilinear, hamming,
// bicubic, lanczos3 or lanczos. Another name is a fault.Usage.
func ParseFilter(name string) (Filter, error) {
	switch name {
	case "box":
		return Area, nil
	case "lanczos":
		return Lanczos3, nil
	}
	for f, n := range filterNames {
		if n == name {
			return Filter(f), nil
		}
	}
	return 0, fault.New(fault.Usage, "resize: filter %q, want one of nearest, area, bilinear, hamming, bicubic, lanczos3", name)
}

// The Hamming window's coefficients are single-precision numbers in Pillow,
// which shows in 8 bits.
const (
	hammingBase = float64(float32(0.54))
	hammingCos  = float64(float32(0.46))
)

// support is half the filter's width in source samples at scale 1.
func (f Filter) support() float64 {
	switch f {
	case Area:
		return 0.5
	case Bilinear, Hamming:
		return 1
	case Bicubic:
		return 2
	}
	return 3
}

// weight evaluates the filter at x. The conversions to float64 keep a compiler
// from fusing a product into a sum, so that every architecture gets the same
// coefficients.
func (f Filter) weight(x float64) float64 {
	switch f {
	case Area:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Bilinear:
		return max(0, 1-math.Abs(x))
	case Hamming:
		x = math.Abs(x)
		if x >= 1 {
			return 0
		}
		return sinc(x) * (hammingBase + float64(hammingCos*math.Cos(x*math.Pi)))
	case Bicubic:
		return cubic(math.Abs(x))
	}
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func cubic(x float64) float64 {
	const a = -0.5
	switch {
	case x < 1:
		return float64(float64(float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}
