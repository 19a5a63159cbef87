package teskd

import (
	"fmt"
	"math"
)

// maps are images in float64, (n, c, h, w).
type maps struct {
	n, c, h, w int
	v          []float64
}

func (m maps) at(n, c, y, x int) float64 { return m.v[((n*m.c+c)*m.h+y)*m.w+x] }

func newMaps(n, c, h, w int, f func(n, c, y, x int) float64) maps {
	m := maps{n, c, h, w, make([]float64, 0, n*c*h*w)}
	for i := range n * c * h * w {
		m.v = append(m.v, f(i/(c*h*w), i/(h*w)%c, i/w%h, i%w))
	}
	return m
}

// reference is the narrow network with students and its loss in float64, written down
// again from specs/teskd.md, so that central differences are good to nine digits.
type reference struct {
	o       Options
	kernels [Branches]int
	x       maps
	labels  []int64
	params  map[string][]float64
	feature []float64 // the backbone's, which the feature loss takes for a constant
}

func (r *reference) conv(x maps, name string, stride, pad int) maps {
	w, bias := r.params[name+".weight"], r.params[name+".bias"]
	filters := len(r.params[name+".filters"])
	k := int(math.Round(math.Sqrt(float64(len(w) / filters / x.c))))
	return newMaps(x.n, filters, (x.h+2*pad-k)/stride+1, (x.w+2*pad-k)/stride+1, func(n, f, y, col int) float64 {
		sum := 0.0
		if bias != nil {
			sum = bias[f]
		}
		for c := range x.c {
			for i := range k * k {
				yy, xx := y*stride+i/k-pad, col*stride+i%k-pad
				if yy >= 0 && yy < x.h && xx >= 0 && xx < x.w {
					sum += w[(f*x.c+c)*k*k+i] * x.at(n, c, yy, xx)
				}
			}
		}
		return sum
	})
}

// norm is batch normalisation by the batch.
func (r *reference) norm(x maps, name string) maps {
	w, b := r.params[name+".weight"], r.params[name+".bias"]
	mean, deviation := make([]float64, x.c), make([]float64, x.c)
	count := float64(x.n * x.h * x.w)
	for i, v := range x.v {
		mean[i/(x.h*x.w)%x.c] += v / count
	}
	for i, v := range x.v {
		c := i / (x.h * x.w) % x.c
		deviation[c] += (v - mean[c]) * (v - mean[c]) / count
	}
	for c, v := range deviation {
		deviation[c] = math.Sqrt(v + 1e-5)
	}
	return newMaps(x.n, x.c, x.h, x.w, func(n, c, y, col int) float64 {
		return w[c]*(x.at(n, c, y, col)-mean[c])/deviation[c] + b[c]
	})
}

func rectify(x maps) maps {
	return newMaps(x.n, x.c, x.h, x.w, func(n, c, y, col int) float64 { return max(x.at(n, c, y, col), 0) })
}

func plus(a, b maps) maps {
	return newMaps(a.n, a.c, a.h, a.w, func(n, c, y, x int) float64 { return a.at(n, c, y, x) + b.at(n, c, y, x) })
}

func beside(a, b maps) maps {
	return newMaps(a.n, a.c+b.c, a.h, a.w, func(n, c, y, x int) float64 {
		if c < a.c {
			return a.at(n, c, y, x)
		}
		return b.at(n, c-a.c, y, x)
	})
}

// twice is source = dst (n-1)/(2n-1), between neighbours.
func twice(a maps) maps {
	place := func(dst, n int) (int, int, float64) {
		at := float64(dst*(n-1)) / float64(2*n-1)
		i := min(int(at), n-1)
		return i, min(i+1, n-1), at - float64(i)
	}
	return newMaps(a.n, a.c, 2*a.h, 2*a.w, func(n, c, y, x int) float64 {
		y0, y1, fy := place(y, a.h)
		x0, x1, fx := place(x, a.w)
		top := (1-fx)*a.at(n, c, y0, x0) + fx*a.at(n, c, y0, x1)
		bottom := (1-fx)*a.at(n, c, y1, x0) + fx*a.at(n, c, y1, x1)
		return (1-fy)*top + fy*bottom
	})
}

// unit is a block of the students: names end in .0 and .1.
func (r *reference) unit(x maps, name string, stride int) maps {
	return rectify(r.norm(r.conv(x, name+".0", stride, 0), name+".1"))
}

// stages are those of a CIFAR ResNet with one basic block each.
func (r *reference) stages() [4]maps {
	var out [4]maps
	x := rectify(r.norm(r.conv(r.x, "conv1", 1, 1), "bn1"))
	for i := range out {
		name, stride := fmt.Sprintf("layer%d.0.", i+1), min(i, 1)+1
		y := rectify(r.norm(r.conv(x, name+"conv1", stride, 1), name+"bn1"))
		y = r.norm(r.conv(y, name+"conv2", 1, 1), name+"bn2")
		if i > 0 {
			x = r.norm(r.conv(x, name+"downsample.0", 2, 0), name+"downsample.1")
		}
		x = rectify(plus(y, x))
		out[i] = x
	}
	return out
}

// pooled are the means (n, c) over positions.
func pooled(x maps) []float64 {
	f := make([]float64, x.n*x.c)
	for i, v := range x.v {
		f[i/(x.h*x.w)] += v / float64(x.h*x.w)
	}
	return f
}

func (r *reference) linear(f []float64, name string) [][]float64 {
	w, b := r.params[name+".weight"], r.params[name+".bias"]
	d := len(f) / r.x.n
	z := make([][]float64, r.x.n)
	for i := range z {
		for k := range b {
			sum := b[k]
			for c := range d {
				sum += w[k*d+c] * f[i*d+c]
			}
			z[i] = append(z[i], sum)
		}
	}
	return z
}

// loss is that of specs/teskd.md section 5.
func (r *reference) loss() float64 {
	s := r.stages()
	f := pooled(s[3])
	if r.feature == nil {
		r.feature = f
	}
	zt := r.linear(f, "fc")
	total := r.o.CE * r.o.BackboneCE * r.entropy(zt)
	m := r.unit(s[3], "method.lateral4", 1)
	for j := 3; j >= 1; j-- {
		block := func(kind string) string { return fmt.Sprintf("method.%s%d", kind, j) }
		u := r.unit(twice(m), block("up"), 1)
		m = r.unit(beside(plus(u, r.unit(s[j-1], block("lateral"), 1)), u), block("fuse"), 1)
		head := r.unit(m, block("head"), r.kernels[j-1])
		head = rectify(r.norm(r.conv(head, block("head")+".3", 1, 0), block("head")+".4"))
		fj := pooled(head)
		zj := r.linear(fj, block("fc"))
		total += r.o.CE*r.o.StudentCE[j-1]*r.entropy(zj) + r.o.KD*r.divergence(zt, zj)
		for i, v := range fj {
			if v > 0 || r.feature[i] > 0 {
				total += r.o.Feature * (v - r.feature[i]) * (v - r.feature[i])
			}
		}
	}
	return total
}

func softmax(z []float64, temperature float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		p[i] = math.Exp(v / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func (r *reference) entropy(z [][]float64) float64 {
	sum := 0.0
	for i, row := range z {
		sum -= math.Log(softmax(row, 1)[r.labels[i]])
	}
	return sum / float64(len(z))
}

func (r *reference) divergence(zt, zj [][]float64) float64 {
	sum := 0.0
	for i := range zt {
		p, q := softmax(zt[i], r.o.Temperature), softmax(zj[i], r.o.Temperature)
		for k := range p {
			sum += (p[k] + 1e-7) * (math.Log(p[k]+1e-7) - math.Log(q[k]))
		}
	}
	return r.o.Temperature * r.o.Temperature * sum / float64(len(zt))
}
