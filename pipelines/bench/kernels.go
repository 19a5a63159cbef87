package bench

import (
	"image"
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

// prepChain is the work of the cases prep and build.
const prepChain = "decode | resize(short=256, filter=bicubic) | encode(jpeg, quality=90)"

func decodes(data []byte) bool {
	info, err := jpeg.ReadInfo(data)
	return err == nil && info.Planar() && picture.Check(data) == nil
}

func (b *bencher) jpegDecode() (Result, error) {
	if err := b.load(); err != nil {
		return Result{}, err
	}
	return b.rate("images/s", func() (func(int) (int64, error), func()) {
		d := jpeg.NewDecoder()
		var planes image.YCbCr
		return func(i int) (int64, error) {
			data := b.data[i%len(b.data)]
			return int64(len(data)), d.Planes(&planes, data)
		}, d.Close
	})
}

// decoded is up to n images as planes.
func (b *bencher) decoded(n int) ([]*image.YCbCr, error) {
	if err := b.load(); err != nil {
		return nil, err
	}
	d := jpeg.NewDecoder()
	defer d.Close()
	var out []*image.YCbCr
	for i := 0; i < min(n, len(b.data)); i++ {
		p := new(image.YCbCr)
		if err := d.Planes(p, b.data[i]); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// heldImages bounds the decoded images held by the cases jpeg_encode and
// resize256.
const heldImages = 64

func (b *bencher) jpegEncode() (Result, error) {
	planes, err := b.decoded(heldImages)
	if err != nil {
		return Result{}, err
	}
	return b.rate("images/s", func() (func(int) (int64, error), func()) {
		e := jpeg.NewEncoder()
		var buf []byte
		return func(i int) (int64, error) {
			var err error
			buf, err = e.Planes(buf[:0], planes[i%len(planes)], 90)
			return int64(len(buf)), err
		}, e.Close
	})
}

func (b *bencher) resize256() (Result, error) {
	planes, err := b.decoded(heldImages)
	if err != nil {
		return Result{}, err
	}
	return b.rate("images/s", func() (func(int) (int64, error), func()) {
		var r resize.Resizer
		var dst image.YCbCr
		return func(i int) (int64, error) {
			src := planes[i%len(planes)]
			w, h := src.Rect.Dx(), src.Rect.Dy()
			scale := 256 / float64(min(w, h))
			raster.ResetPlanes(&dst, int(math.RoundToEven(float64(w)*scale)), int(math.RoundToEven(float64(h)*scale)), src.SubsampleRatio)
			r.Planes(&dst, src, resize.Options{})
			return int64(len(src.Y) + len(src.Cb) + len(src.Cr)), nil
		}, func() {}
	})
}

func (b *bencher) prep() (Result, error) {
	if err := b.load(); err != nil {
		return Result{}, err
	}
	c, err := chain.Parse(prepChain)
	if err != nil {
		return Result{}, err
	}
	return b.rate("images/s", func() (func(int) (int64, error), func()) {
		w := c.NewWorker()
		var buf []byte
		return func(i int) (int64, error) {
			data := b.data[i%len(b.data)]
			_, err := w.Open(new(datasets.Example), data)
			if err == nil {
				err = w.Decode()
			}
			if err == nil {
				err = w.Transform()
			}
			if err == nil {
				buf, err = w.Encode(buf)
			}
			return int64(len(data)), err
		}, w.Close
	})
}

// outline is a wobbly disc of n points in a 480 x 640 image.
func outline(k, n int) []float64 {
	var xy []float64
	for i := range n {
		a := 2 * math.Pi * float64(i) / float64(n)
		r := 90 + 40*math.Sin(float64(3+k%5)*a)
		xy = append(xy, 320+float64(k%7)*10+r*math.Cos(a), 240+r*math.Sin(a))
	}
	return xy
}

const maskHeight, maskWidth, masks = 480, 640, 16

func testMasks() ([]rle.Mask, error) {
	var out []rle.Mask
	for k := range masks {
		m, err := rle.FromPolygon(outline(k, 60), maskHeight, maskWidth, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (b *bencher) rleEncode() (Result, error) {
	list, err := testMasks()
	if err != nil {
		return Result{}, err
	}
	var bitmaps [][]byte
	for _, m := range list {
		p, err := m.AppendColumns(nil)
		if err != nil {
			return Result{}, err
		}
		bitmaps = append(bitmaps, p)
	}
	return b.rate("masks/s", func() (func(int) (int64, error), func()) {
		var runs []uint32
		return func(i int) (int64, error) {
			p := bitmaps[i%masks]
			m, err := rle.FromColumns(p, maskHeight, maskWidth, runs)
			runs = m.Counts
			return int64(len(p)), err
		}, func() {}
	})
}

func (b *bencher) rleDecode() (Result, error) {
	list, err := testMasks()
	if err != nil {
		return Result{}, err
	}
	return b.rate("masks/s", func() (func(int) (int64, error), func()) {
		var pix []byte
		return func(i int) (int64, error) {
			var err error
			pix, err = list[i%masks].AppendColumns(pix[:0])
			return int64(len(pix)), err
		}, func() {}
	})
}
