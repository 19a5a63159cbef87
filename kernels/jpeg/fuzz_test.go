package jpeg

import (
	"image"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// FuzzDecode: any bytes give pixels or a data error, from every codec here.
func FuzzDecode(f *testing.F) {
	for name := range pillow {
		f.Add(testdata(f, name+".jpg"))
	}
	scans, _ := build(f, 20, 10, nil, yuv411...)
	f.Add(scans)
	codecs := []*Decoder{{MaxPixels: 1 << 16, own: true}}
	if lib, _ := library(); lib != nil {
		codecs = append(codecs, &Decoder{MaxPixels: 1 << 16})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range codecs {
			var planes image.YCbCr
			if err := d.Planes(&planes, data); err == nil {
				w, h := planes.Rect.Dx(), planes.Rect.Dy()
				_, _ = planes.Y[(h-1)*planes.YStride+w-1], planes.Cr[planes.COffset(w-1, h-1)]
			} else if c := fault.CodeOf(err); !c.IsData() || c == fault.Bug {
				t.Errorf("planes: code %q: %v", c, err)
			}
			var rgb raster.RGB
			if err := d.RGB(&rgb, data); err == nil {
				if len(rgb.Pix) != 3*rgb.Width*rgb.Height {
					t.Errorf("%d bytes for %dx%d", len(rgb.Pix), rgb.Width, rgb.Height)
				}
			} else if c := fault.CodeOf(err); !c.IsData() || c == fault.Bug {
				t.Errorf("RGB: code %q: %v", c, err)
			}
		}
	})
}
