package resize

import "fmt"

// Float32 resizes a plane of sw x sh float32 samples, rows without padding,
// into one of dw x dh, as Pillow does for mode F: products are summed in
// float64 and rounded to float32 after each direction. dst and src must not
// overlap. It panics where Plane does.
func (r *Resizer) Float32(dst []float32, dw, dh int, src []float32, sw, sh int, o Options) {
	if dw < 0 || dh < 0 || sw < 0 || sh < 0 || dw*dh > len(dst) || sw*sh > len(src) || sw*sh == 0 && dw*dh > 0 || o.Filter >= filters {
		panic(fmt.Sprintf("resize: %s of %d x %d in %d samples to %d x %d in %d", o.Filter, sw, sh, len(src), dw, dh, len(dst)))
	}
	if dw*dh == 0 {
		return
	}
	b := o.Box.orWhole(sw, sh)
	b.check()
	kx := axisKey{sw, dw, float32(b.X0), float32(b.X1), o.Filter, o.NoAntialias, floating, false}
	ky := axisKey{sh, dh, float32(b.Y0), float32(b.Y1), o.Filter, o.NoAntialias, floating, false}
	x, y := r.axes.get(kx), r.axes.get(ky)
	if o.Filter == Nearest {
		for i, at := range y.first {
			for j, from := range x.first {
				dst[i*dw+j] = src[int(at)*sw+int(from)]
			}
		}
		return
	}
	if verticalFirst(sw, sh, dw, dh) {
		r.floats = grow(r.floats, sw)
		for i, at := range y.first {
			floatColumns(r.floats, src[int(at)*sw:], y.weight[i*y.taps:][:y.taps])
			floatRow(dst[i*dw:][:dw], r.floats, x)
		}
		return
	}
	first := int(y.first[0])
	n := int(y.first[dh-1]) + y.taps - first
	r.floats = grow(r.floats, n*dw)
	for i := range n {
		floatRow(r.floats[i*dw:], src[(first+i)*sw:], x)
	}
	for i, at := range y.first {
		floatColumns(dst[i*dw:][:dw], r.floats[(int(at)-first)*dw:], y.weight[i*y.taps:][:y.taps])
	}
}

func floatRow(dst, src []float32, x *axis) {
	for i, first := range x.first {
		w := x.weight[i*x.taps:][:x.taps]
		s := src[first:][:len(w)]
		sum := 0.0
		for j, v := range s {
			if w[j] != 0 { // the window's padding must not pick up an infinity
				sum += float64(float64(v) * w[j])
			}
		}
		dst[i] = float32(sum)
	}
}

func floatColumns(dst, rows []float32, w []float64) {
	stride := len(dst)
	for i := range dst {
		sum := 0.0
		for j, k := range w {
			if k != 0 {
				sum += float64(float64(rows[j*stride+i]) * k)
			}
		}
		dst[i] = float32(sum)
	}
}
