package copypaste

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/blend"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

const (
	minSide    = 5  // pixels of a pasted object's box, X-Paste's
	fineBelow  = 64 // side in pixels of the square below whose area an edge is made half as soft
	poissonRim = 3  // pixels of the cut-out's surroundings that Poisson works over
)

// jittered turns u, uniform in [0, 1), into a factor between 1/(1+j) and 1+j.
func jittered(u, j float64) float64 { return math.Pow(1+j, float64(2*u)-1) }

// fit returns the factors that make c's object as large as room holds.
func fit(c *Record, room [4]int, aspect float64) (fx, fy float64) {
	a := math.Sqrt(aspect)
	f := min(float64(room[2])/(a*float64(c.Box[2])), float64(room[3])*a/float64(c.Box[3]))
	return f * a, f / a
}

// scale fills w.scaled and w.object. False means that the object comes out too
// small to be seen, or too large for an image of width x height pixels.
func (w *worker) scale(p *pasting, width, height int) (bool, error) {
	c := p.cutout
	sw, sh := scaled(c.Window[2], p.fx), scaled(c.Window[3], p.fy)
	if err := w.resampler.Scale(&w.scaled, &c.Cutout, sw, sh, p.flip); err != nil {
		return false, err
	}
	m, err := rle.FromBitmap(w.scaled.Mask.Pix, sh, sw, w.runs)
	if err != nil {
		return false, err
	}
	w.runs = m.Counts
	box := m.Box()
	w.object.fromRuns(m, box)
	return box[2] >= minSide && box[3] >= minSide && box[2] <= width && box[3] <= height, nil
}

// paste puts w.scaled into image.
func (w *worker) paste(image *raster.RGB, p *pasting, o *Options) error {
	src, mask := &w.scaled.Image, &w.scaled.Mask
	switch o.Blend {
	case Hard:
		return w.blender.Hard(image, src, mask, p.at.x, p.at.y)
	case Poisson:
		// Along the object's very edge Poisson would tint all of it with what lies
		// beside it; a rim of the cut-out's surroundings takes up the difference.
		w.morph.Dilate(&w.loose, mask, morph.Disk(poissonRim))
		return w.blender.Poisson(image, src, &w.loose, p.at.x, p.at.y, blend.Normal)
	}
	radius := o.Feather
	if w.object.area < fineBelow*fineBelow {
		radius = (radius + 1) / 2
	}
	return w.blender.Feather(image, src, mask, p.at.x, p.at.y, radius)
}

// placed is the mask of the pasted object in an image of width x height pixels.
// It shares memory with w until the next request.
func (w *worker) placed(p *pasting, width, height int) (rle.Mask, error) {
	m := rle.Mask{Width: w.scaled.Mask.Width, Height: w.scaled.Mask.Height, Counts: w.runs}
	placed, err := m.Crop(-p.at.x, -p.at.y, width, height, w.put)
	w.put = placed.Counts
	return placed, err
}
