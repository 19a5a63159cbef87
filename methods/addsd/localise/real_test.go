package localise

import (
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/blend"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

const samples = "../../../../shared/data"

type sample struct {
	Images []struct {
		ID      int64
		CocoURL string `json:"coco_url"`
	}
	Annotations []struct {
		ImageID      int64 `json:"image_id"`
		Area         float64
		Segmentation datasets.Segmentation
	}
}

// gallery is the sample of LVIS, its pictures decoded.
type gallery struct {
	sample
	pictures map[int64]*raster.RGB
	codec
}

// codec encodes and decodes.
type codec struct {
	enc *jpeg.Encoder
	dec *jpeg.Decoder
	buf []byte
}

func newCodec(t testing.TB) codec {
	c := codec{enc: jpeg.NewEncoder(), dec: jpeg.NewDecoder()}
	t.Cleanup(c.enc.Close)
	t.Cleanup(c.dec.Close)
	return c
}

func (c *codec) through(t testing.TB, m *raster.RGB, quality int) *raster.RGB {
	t.Helper()
	var err error
	if c.buf, err = c.enc.RGB(c.buf[:0], m, quality, image.YCbCrSubsampleRatio420); err != nil {
		t.Fatal(err)
	}
	out := new(raster.RGB)
	if err := c.dec.RGB(out, c.buf); err != nil {
		t.Fatal(err)
	}
	return out
}

func openGallery(t testing.TB) *gallery {
	data, err := os.ReadFile(filepath.Join(samples, "lvis/lvis_v1_train.json"))
	if err != nil {
		t.Skip("the sample of LVIS is not beside the checkout: ", err)
	}
	g := &gallery{pictures: map[int64]*raster.RGB{}, codec: newCodec(t)}
	if err := json.Unmarshal(data, &g.sample); err != nil {
		t.Fatal(err)
	}
	for _, im := range g.Images {
		file, err := os.ReadFile(filepath.Join(samples, "coco/images/train2017", path.Base(im.CocoURL)))
		if err != nil {
			t.Skip("a picture of the sample is not there: ", err)
		}
		m := new(raster.RGB)
		if err := g.dec.RGB(m, file); err != nil {
			t.Fatal(err)
		}
		g.pictures[im.ID] = m
	}
	return g
}

// cutout cuts an object with its surroundings.
func (g *gallery) cutout(t testing.TB, i int) *blend.Cutout {
	a := &g.Annotations[i]
	src := g.pictures[a.ImageID]
	m, err := a.Segmentation.Mask(src.Width, src.Height, nil)
	if err != nil {
		t.Fatal(err)
	}
	var whole morph.Bitmap
	if err := morph.FromMask(&whole, m); err != nil {
		t.Fatal(err)
	}
	b := m.Box()
	c := &blend.Cutout{Image: *raster.NewRGB(b[2], b[3]), Mask: *morph.New(b[2], b[3])}
	raster.Crop(&c.Image, src, b[0], b[1], raster.Color{})
	for y := range b[3] {
		copy(c.Mask.Pix[y*b[2]:][:b[2]], whole.Pix[(b[1]+y)*src.Width+b[0]:])
	}
	return c
}

type pasted struct {
	base, made *raster.RGB
	truth      datasets.Truth
	share      float64 // sqrt of the object's share of the picture
}

// paste puts a drawn object at a drawn scale into a drawn picture; nil where it
// does not fit.
func (g *gallery) paste(t testing.TB, rng *rand.Rand, mode string) *pasted {
	i := rng.IntN(len(g.Annotations))
	a := &g.Annotations[i]
	into := g.Images[rng.IntN(len(g.Images))].ID
	share := math.Exp(math.Log(0.03) + rng.Float64()*math.Log(15))
	if a.Area < 600 || a.ImageID == into {
		return nil
	}
	base := g.pictures[into]
	cut := g.cutout(t, i)
	scale := share * math.Sqrt(float64(base.Width*base.Height)/a.Area)
	w, h := int(scale*float64(cut.Mask.Width)), int(scale*float64(cut.Mask.Height))
	if scale > 2.5 || w < 6 || h < 6 || w+4 > base.Width || h+4 > base.Height {
		return nil
	}
	var resampler blend.Resampler
	scaled := new(blend.Cutout)
	if err := resampler.Scale(scaled, cut, w, h, rng.IntN(2) == 0); err != nil {
		t.Fatal(err)
	}
	x, y := 2+rng.IntN(base.Width-w-3), 2+rng.IntN(base.Height-h-3)
	return compose(t, base, scaled, x, y, mode)
}

func compose(t testing.TB, base *raster.RGB, cut *blend.Cutout, x, y int, mode string) *pasted {
	t.Helper()
	made := &raster.RGB{Width: base.Width, Height: base.Height, Pix: slices.Clone(base.Pix)}
	var b blend.Blender
	var err error
	switch mode {
	case "hard":
		err = b.Hard(made, &cut.Image, &cut.Mask, x, y)
	case "feather":
		err = b.Feather(made, &cut.Image, &cut.Mask, x, y, 2)
	default:
		err = b.Poisson(made, &cut.Image, &cut.Mask, x, y, blend.Normal)
	}
	if err != nil {
		t.Fatal(err)
	}
	whole := morph.New(base.Width, base.Height)
	for v := range cut.Mask.Height {
		copy(whole.Pix[(y+v)*base.Width+x:], cut.Mask.Pix[v*cut.Mask.Width:][:cut.Mask.Width])
	}
	m, err := morph.ToMask(whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	box, area := m.Box(), float64(m.Area())
	return &pasted{base, made, datasets.Truth{
		BBox: datasets.Box{float64(box[0]), float64(box[1]), float64(box[2]), float64(box[3])},
		Area: area, Segmentation: datasets.SegmentationOf(m),
	}, math.Sqrt(area / float64(base.Width*base.Height))}
}

// score is what became of one picture.
type score struct {
	box, mask float64
	lost      bool
}

func measure(t testing.TB, d addsd.Localiser, c *codec, p *pasted, qBase, qMade int) score {
	t.Helper()
	found, err := d.Localise(c.through(t, p.base, qBase), c.through(t, p.made, qMade), nil)
	if err != nil {
		if addsd.RejectionOf(err) == nil {
			t.Fatal(err)
		}
		return score{lost: true}
	}
	box, mask, ok, err := IoU(found, &p.truth)
	if err != nil || !ok {
		t.Fatal("no masks to compare: ", err)
	}
	return score{box, mask, false}
}

func summary(scores []score) (box, mask float64, text string) {
	var b, m []float64
	lost, low := 0, 0
	for _, s := range scores {
		if s.lost {
			lost++
			continue
		}
		if s.box < 0.5 {
			low++
		}
		b, m = append(b, s.box), append(m, s.mask)
	}
	if len(b) == 0 {
		return 0, 0, "none found"
	}
	slices.Sort(b)
	slices.Sort(m)
	at := func(v []float64, q float64) float64 { return v[int(q*float64(len(v)-1))] }
	return at(b, .5), at(m, .5), fmt.Sprintf("%4d: box %.3f (a tenth below %.3f), mask %.3f (%.3f), %d below 0.5, %d not found",
		len(scores), at(b, .5), at(b, .1), at(m, .5), at(m, .1), low, lost)
}

// Cut-outs of LVIS in pictures of LVIS, the figure: the median IoU of the
// boxes is at least 0.8 in every mode.
func TestRealObjectsAreFoundWhereTheyWerePasted(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes a hundred pictures and pastes sixty objects")
	}
	g := openGallery(t)
	const each = 20
	d := NewDifference(Options{})
	bySize := map[string][]score{}
	for _, mode := range []string{"hard", "feather", "poisson"} {
		scores := map[string][]score{}
		rng := rand.New(rand.NewPCG(6, 5))
		for n := 0; n < each; {
			p := g.paste(t, rng, mode)
			if p == nil {
				continue
			}
			n++
			for _, q := range [][2]int{{95, 95}, {75, 75}, {95, 85}} {
				s := measure(t, d, &g.codec, p, q[0], q[1])
				name := fmt.Sprintf("q%d/%d", q[0], q[1])
				scores[name] = append(scores[name], s)
				if q[0] == q[1] {
					bin := fmt.Sprintf("side of %.2f of the picture's and more", math.Floor(p.share*20)/20)
					bySize[bin] = append(bySize[bin], s)
				}
			}
		}
		for _, q := range []string{"q95/95", "q75/75", "q95/85"} {
			box, _, text := summary(scores[q])
			t.Logf("%s %s %s", mode, q, text)
			if box < 0.8 {
				t.Errorf("%s %s: the boxes' median IoU is %.3f", mode, q, box)
			}
		}
	}
	for i := range 10 {
		bin := fmt.Sprintf("side of %.2f of the picture's and more", float64(i)/20)
		if s := bySize[bin]; s != nil {
			_, _, text := summary(s)
			t.Log(bin, text)
		}
	}
}
