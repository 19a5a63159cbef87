package build

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"testing"
)

// A build stays under --memory, whatever its images would need all at once.
func TestFault12MemoryStaysUnderTheLimit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("decodes 300 large images")
	}
	r := newRaw(t)
	r.synsets()
	pictures := make([][]byte, 4)
	for i := range pictures {
		pictures[i] = picture(t, 1600, 1200, i)
	}
	for i := range 300 {
		w := wnids[i%len(wnids)]
		r.write(fmt.Sprintf("train/%s/%s_%d.JPEG", w, w, i), pictures[i%len(pictures)])
	}
	recipe := r.recipe("large", `
dataset: imagenet
inputs: {images: train, synsets: LOC_synset_mapping.txt}
transforms: decode | center_crop(1200) | resize(short=64) | encode(jpeg)
formats: [webdataset, tfrecord, parquet]
shards: 5`)
	const limit = 256 << 20
	res := build(t, recipe, r.path("out"), "--memory", "256MiB", "--workers", "8")
	if res.PeakRSSBytes > limit || res.PeakRSSBytes == 0 || res.Examples != 300 {
		t.Errorf("peak %d MiB of %d, %d examples", res.PeakRSSBytes>>20, limit>>20, res.Examples)
	}
}

// picture is a JPEG of some texture.
func picture(t *testing.T, w, h, seed int) []byte {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		x, y := i%m.YStride, i/m.YStride
		m.Y[i] = byte(x/3 + y/2 + (x*y/(97+seed))%23)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = byte(i/m.CStride), byte(i%m.CStride/4)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
