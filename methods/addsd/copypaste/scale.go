package copypaste

import (
	"math"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// What a size is drawn from: ln of sqrt(area / image area) is normal. The class
// says how large its objects are; the cut-out's own size counts as some of them,
// which decides where the class is rare; objects of the class in the scene count
// for more, as they show how near the camera is.
const (
	ownWeight   = 6    // instances that the cut-out's own size counts for
	sceneWeight = 12   // instances that each of the scene's objects of the class counts for
	spread      = 0.35 // standard deviation of ln scale where a class has one instance
	widest      = 0.6  // and the largest that is drawn from, whatever the class shows
	farthest    = 1.5  // standard deviations from the mean that a draw may lie
)

// prior is the normal distribution of ln scale.
type prior struct{ mean, deviation float64 }

// priorOf weighs the class, the cut-out and the scene.
func priorOf(class *addsd.ClassStatistics, own *Record, scene []datasets.Annotation, category int64, image *raster.RGB) prior {
	size := math.Log(own.Scale())
	n, sum, squares := 0.0, 0.0, 0.0
	if class != nil {
		n = float64(class.Instances)
		sum, squares = float64(class.LogScale)/1e6, float64(class.LogScaleSq)/1e6
	}
	deviation := spread
	if n > 0 {
		mean := sum / n
		variance := max(0, squares/n-float64(mean*mean))
		deviation = math.Sqrt((float64(n*variance) + ownWeight*spread*spread) / (n + ownWeight))
	}
	// A frequent class has seen all distances there are; what it says of the mean
	// must not drown the scene and the cut-out.
	if n > 30 {
		sum, n = sum*30/n, 30
	}
	sum, n = sum+float64(ownWeight*size), n+ownWeight
	pixels := float64(image.Width * image.Height)
	for i := range scene {
		if a := &scene[i]; a.CategoryID == category && a.IsCrowd == 0 && a.Area >= 1 {
			sum, n = sum+float64(sceneWeight*0.5*math.Log(min(1, a.Area/pixels))), n+sceneWeight
			deviation = min(deviation, spread)
		}
	}
	return prior{sum / n, min(deviation, widest)}
}

// draw returns a scale, not farther out than farthest, between the options'
// bounds.
func (p prior) draw(rng *rand.Rand, o *Options) float64 {
	z := max(-farthest, min(rng.NormFloat64(), farthest))
	return max(o.MinScale, min(math.Exp(p.mean+float64(p.deviation*z)), o.MaxScale))
}

// stretch returns the factors by which the sides of a cut-out are scaled so that
// its object has the scale wanted, less where it would be enlarged beyond the
// limit or leave an image of w x h pixels.
func stretch(c *Record, wanted float64, aspect float64, w, h int, o *Options) (fx, fy float64) {
	f := wanted / math.Sqrt(float64(c.Area)/float64(w*h))
	a := math.Sqrt(aspect)
	fx, fy = f*a, f/a
	shrink := min(1, o.MaxEnlarge/max(fx, fy), float64(w-2)/(fx*float64(c.Box[2])), float64(h-2)/(fy*float64(c.Box[3])))
	return fx * shrink, fy * shrink
}

// scaled is n pixels times f, rounded, one at least.
func scaled(n int, f float64) int { return max(1, int(math.Floor(float64(n)*f+0.5))) }
