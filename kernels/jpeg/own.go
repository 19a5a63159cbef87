package jpeg

import (
	"image"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// ownPlanes is Planes with the decoder of this package.
func (d *Decoder) ownPlanes(dst *image.YCbCr, data []byte, info *Info) error {
	resizePlanes(dst, info.Width, info.Height, info.Subsampling)
	f := &d.frame
	f.parse(data, info)
	f.comps[0].into(dst.Y, dst.YStride)
	if info.Components == 1 {
		fill(dst.Cb, 128)
		fill(dst.Cr, 128)
	} else {
		f.comps[1].into(dst.Cb, dst.CStride)
		f.comps[2].into(dst.Cr, dst.CStride)
	}
	err := f.decode()
	trimPlanes(dst)
	return err
}

// ownRGB is RGB of a grey or three-component file.
func (d *Decoder) ownRGB(dst *raster.RGB, data []byte, info *Info) error {
	if err := d.components(data, info); err != nil {
		return err
	}
	a, b, c := d.full[0], d.full[1], d.full[2]
	switch info.Kind {
	case Grey:
		for i, v := range a {
			p := dst.Pix[3*i : 3*i+3]
			p[0], p[1], p[2] = v, v, v
		}
	case RGB:
		for i, v := range a {
			p := dst.Pix[3*i : 3*i+3]
			p[0], p[1], p[2] = v, b[i], c[i]
		}
	default:
		raster.ToRGB(dst, d.picture(info))
	}
	return nil
}

// ownCMYK writes the samples of a four-component file, as stored or, from YCCK,
// as libjpeg converts them.
func (d *Decoder) ownCMYK(dst, data []byte, info *Info) error {
	if err := d.components(data, info); err != nil {
		return err
	}
	k := d.full[3]
	if info.Kind == YCCK {
		raster.ToRGB(&d.rgb, d.picture(info))
		for i := range k {
			from, to := d.rgb.Pix[3*i:3*i+3], dst[4*i:4*i+4]
			to[0], to[1], to[2], to[3] = 255-from[0], 255-from[1], 255-from[2], k[i]
		}
		return nil
	}
	for i := range k {
		to := dst[4*i : 4*i+4]
		to[0], to[1], to[2], to[3] = d.full[0][i], d.full[1][i], d.full[2][i], k[i]
	}
	return nil
}

// picture is the first three components as a 4:4:4 picture.
func (d *Decoder) picture(info *Info) *image.YCbCr {
	w, h := info.Width, info.Height
	return &image.YCbCr{Y: d.full[0], Cb: d.full[1], Cr: d.full[2], YStride: w, CStride: w,
		SubsampleRatio: image.YCbCrSubsampleRatio444, Rect: image.Rect(0, 0, w, h)}
}

// components decodes every component to the size of the picture, in d.full.
func (d *Decoder) components(data []byte, info *Info) error {
	f := &d.frame
	f.parse(data, info)
	maxH, maxV := 1, 1
	for i := range f.comps[:info.Components] {
		c := &f.comps[i]
		maxH, maxV = max(maxH, c.h), max(maxV, c.v)
		d.part[i] = grown(d.part[i], 64*c.across*c.down)
		c.into(d.part[i], 8*c.across)
	}
	for i := range f.comps[:info.Components] {
		if c := &f.comps[i]; maxH%c.h != 0 || maxV%c.v != 0 {
			return unsupportedAt(info.sofOffset, "component %d has %d/%d x %d/%d of the samples", i, c.h, maxH, c.v, maxV)
		}
	}
	if err := f.decode(); err != nil {
		return err
	}
	for i := range f.comps[:info.Components] {
		c := &f.comps[i]
		d.full[i] = grown(d.full[i], info.Width*info.Height)
		d.line = grown(d.line, 4*c.width+4)
		upsample(d.full[i], info.Width, info.Height, d.part[i], 8*c.across, c.width, c.height, maxH/c.h, maxV/c.v, d.line)
	}
	return nil
}

// grown is b with n bytes, undefined.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// into makes dst, in rows stride apart, the place of a component's samples. Blocks
// that reach beyond it are cut.
func (c *plane) into(dst []byte, stride int) {
	c.dst, c.stride = dst, stride
	c.dstW, c.dstH = stride, len(dst)/stride
}
