package blend

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Poisson puts the pixels of src under mask into dst, with src's corner at (x, y)
// of dst, so that they join the base without a step: under the mask the result
// has the gradients that mode asks for, and around it the base's values (Pérez,
// Gangnet and Blake, "Poisson Image Editing", SIGGRAPH 2003, equation 7 with the
// guidance of equation 11 for Normal and of 13 for Mixed, for each pair of
// neighbours and each channel). No pixel outside the mask changes.
//
// A gradient across the mask's edge needs the source on both sides of it. A pixel
// under the mask with a neighbour in dst that src does not reach is therefore left
// to the base, which is what OpenCV makes of a mask's outermost rows and columns.
// The border of dst is no edge: the neighbourhoods of its pixels are cut off, as
// in the paper. Where the mask covers all of dst there is no base to join, and the
// source is copied.
//
// It fails as Hard does, and with fault.Usage for a mode that is none.
func (b *Blender) Poisson(dst, src *raster.RGB, mask *morph.Bitmap, x, y int, mode Mode) error {
	if err := checkMode(mode); err != nil {
		return err
	}
	r := &b.at
	if err := r.place(dst, src, mask, x, y); err != nil || r.w == 0 {
		return err
	}
	r.withinReach(src)
	if r.all() {
		r.copy(dst, src)
		return nil
	}
	p := &b.poisson
	p.build(r)
	if p.guide(r, dst, src, mode) {
		p.solve()
		p.add(r, dst)
	}
	return nil
}

func checkMode(mode Mode) error {
	if mode > Mixed {
		return fault.New(fault.Usage, "blend: mode %d", mode)
	}
	return nil
}

// withinReach leaves the pixels on the edge of src to the base where dst goes on
// beyond it.
func (r *region) withinReach(src *raster.RGB) {
	first, last := r.stride, r.stride*r.h
	for x := 1; x <= r.w; x++ {
		if r.sy == 0 && r.state[x] == base {
			r.state[first+x] = base
		}
		if r.sy+r.h == src.Height && r.state[last+r.stride+x] == base {
			r.state[last+x] = base
		}
	}
	for i := first; i <= last; i += r.stride {
		if r.sx == 0 && r.state[i] == base {
			r.state[i+1] = base
		}
		if r.sx+r.w == src.Width && r.state[i+r.stride-1] == base {
			r.state[i+r.stride-2] = base
		}
	}
}

// all tells whether no pixel of dst in the region or next to it is base.
func (r *region) all() bool {
	for _, s := range r.state {
		if s == base {
			return false
		}
	}
	return true
}

// guide fills the finest level for what is to be added to the base: the right
// side of the equation, which is the divergence of the guidance less that of the
// base's gradients, and as a first guess the source less the base. It reports
// whether there is anything to add.
func (p *solver) guide(r *region, dst, src *raster.RGB, mode Mode) bool {
	l := &p.levels[0]
	changes := false
	fd, gd := 3*dst.Width, 3*src.Width
	for row := range r.h {
		f := 3 * ((r.dy+row)*dst.Width + r.dx)
		g := 3 * ((r.sy+row)*src.Width + r.sx)
		for x := range r.w {
			i := (row+1)*r.stride + 1 + x
			if r.state[i] != object {
				continue
			}
			left, right := r.state[i-1] != beyond, r.state[i+1] != beyond
			up, down := r.state[i-r.stride] != beyond, r.state[i+r.stride] != beyond
			for c := range 3 {
				a, b := f+3*x+c, g+3*x+c
				here, there := int32(dst.Pix[a]), int32(src.Pix[b])
				sum := int32(0)
				if left {
					sum += gain(here-int32(dst.Pix[a-3]), there-int32(src.Pix[b-3]), mode)
				}
				if right {
					sum += gain(here-int32(dst.Pix[a+3]), there-int32(src.Pix[b+3]), mode)
				}
				if up {
					sum += gain(here-int32(dst.Pix[a-fd]), there-int32(src.Pix[b-gd]), mode)
				}
				if down {
					sum += gain(here-int32(dst.Pix[a+fd]), there-int32(src.Pix[b+gd]), mode)
				}
				changes = changes || sum != 0
				l.f[3*i+c] = float32(sum)
				p.x[3*i+c] = float32(there - here)
			}
		}
	}
	return changes
}

// gain returns how much larger than the base's difference df the guidance is, for
// the source's difference dg.
func gain(df, dg int32, mode Mode) int32 {
	if mode == Mixed && abs(dg) < abs(df) {
		return 0
	}
	return dg - df
}

// add puts the solution on the base, rounded to the nearest level.
func (p *solver) add(r *region, dst *raster.RGB) {
	for _, i := range p.levels[0].unknowns {
		y, x := int(i)/r.stride-1, int(i)%r.stride-1
		to := dst.Pix[3*((r.dy+y)*dst.Width+r.dx+x):][:3]
		for c, v := range p.x[3*i:][:3] {
			to[c] = byte(min(max(float32(to[c])+v, 0), 255) + 0.5)
		}
	}
}
