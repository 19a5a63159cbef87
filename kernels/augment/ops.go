package augment

import (
	"fmt"
	"math"
	"strconv"

	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// op is one operation of the language. size is nil where the size stays, apply
// where the last step works on floats.
type op struct {
	name   string
	doc    string // one line
	params []param
	check  func(step) error
	size   func(s step, w, h int) (int, int)
	apply  func(a *Augmenter, s step, src *raster.RGB) *raster.RGB
}

// param is one argument: a choice, a whole number or a fraction.
type param struct {
	name       string
	positional bool
	whole      bool
	lo, hi     float64
	choices    []string
	dflt       string // empty: none
}

// value is an argument as parsed; text is its canonical form.
type value struct {
	set  bool
	text string
	n    float64
}

func (v value) int() int { return int(v.n) }

// maxSide bounds what a recipe may ask for, pixels.
const maxSide = 65535

var filters = []string{"bilinear", "bicubic", "nearest", "area", "hamming", "lanczos3"}

func side(name string, positional bool) param {
	return param{name: name, positional: positional, whole: true, lo: 1, hi: maxSide}
}

func filterParam() param { return param{name: "filter", choices: filters, dflt: "bilinear"} }

func strength(name, dflt string, hi float64) param { return param{name: name, hi: hi, dflt: dflt} }

var ops []*op

func init() {
	ops = []*op{
		{name: "resize", doc: "to a short side, or to width and height, antialiased", check: checkResize, size: resizeSize, apply: applyResize,
			params: []param{side("short", false), side("width", false), side("height", false), filterParam()}},
		{name: "center_crop", doc: "the middle square; outside the picture black", size: square, apply: applyCenterCrop,
			check: needSize, params: []param{side("size", true)}},
		{name: "pad_crop", doc: "a window of the picture's size after a black frame of pad pixels was put around it", apply: applyPadCrop,
			params: []param{{name: "pad", positional: true, whole: true, lo: 0, hi: 4096, dflt: "4"}}},
		{name: "random_resized_crop", doc: "a window of random area and shape, resized to a square", size: square, apply: applyRandomResizedCrop,
			check: checkRandomResizedCrop, params: []param{side("size", true),
				{name: "scale_min", lo: 1e-6, hi: 1, dflt: "0.08"}, {name: "scale_max", lo: 1e-6, hi: 1, dflt: "1"},
				{name: "ratio_min", lo: 0.01, hi: 100, dflt: "0.75"}, {name: "ratio_max", lo: 0.01, hi: 100, dflt: "1.3333333333333333"}, filterParam()}},
		{name: "flip", doc: "left to right, with a probability", apply: applyFlip, params: []param{{name: "p", positional: true, lo: 0, hi: 1, dflt: "0.5"}}},
		{name: "color_jitter", doc: "brightness, contrast, saturation and hue by random factors, in random order", apply: applyJitter,
			params: []param{strength("brightness", "0.4", 10), strength("contrast", "0.4", 10), strength("saturation", "0.4", 10), strength("hue", "0.1", 0.5)}},
		{name: "rand_augment", doc: "n of 14 operations at random, each of magnitude m of bins", apply: applyRandAugment, check: checkRandAugment,
			params: []param{{name: "n", positional: true, whole: true, lo: 0, hi: 100, dflt: "2"}, {name: "m", positional: true, whole: true, lo: 0, hi: 999, dflt: "9"},
				{name: "bins", whole: true, lo: 2, hi: 1000, dflt: "31"}}},
		{name: "normalize", doc: "to float32: (pixel/255 - mean) / deviation of each channel", params: []param{
			{name: "statistics", positional: true, choices: statisticsNames, dflt: "imagenet"}}},
	}
}

// Op describes one augmentation for help texts.
type Op struct{ Name, Usage, Doc string }

// Ops lists the augmentations.
func Ops() []Op {
	out := make([]Op, len(ops))
	for i, o := range ops {
		s := step{op: o}
		for _, p := range o.params {
			v := value{set: true, text: p.dflt}
			if p.dflt == "" {
				v.text = "N"
			}
			s.args = append(s.args, v)
		}
		out[i] = Op{o.name, s.String(), o.doc}
	}
	return out
}

func names() []string {
	list := make([]string, len(ops))
	for i, o := range ops {
		list[i] = o.name
	}
	return list
}

func lookup(name string) *op {
	for _, o := range ops {
		if o.name == name {
			return o
		}
	}
	return nil
}

func (o *op) index(name string) int {
	for i, p := range o.params {
		if p.name == name {
			return i
		}
	}
	return -1
}

func (o *op) paramNames() []string {
	list := make([]string, len(o.params))
	for i, p := range o.params {
		list[i] = p.name
	}
	return list
}

func (p param) parse(text string) (value, error) {
	v := value{set: true, text: text}
	if p.choices != nil {
		for i, c := range p.choices {
			if c == text {
				v.n = float64(i)
				return v, nil
			}
		}
		return v, fmt.Errorf("%s: no %q%s", p.name, text, recipe.Suggest(text, p.choices))
	}
	if p.whole {
		n, err := strconv.Atoi(text)
		if err != nil || float64(n) < p.lo || float64(n) > p.hi {
			return v, fmt.Errorf("%s: want a whole number from %v to %v, found %q", p.name, p.lo, p.hi, text)
		}
		v.n, v.text = float64(n), strconv.Itoa(n)
		return v, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= p.lo && n <= p.hi) {
		return v, fmt.Errorf("%s: want a number from %v to %v, found %q", p.name, p.lo, p.hi, text)
	}
	v.n = math.Abs(n) // "-0" is 0
	v.text = strconv.FormatFloat(v.n, 'g', -1, 64)
	return v, nil
}

func needSize(s step) error {
	if !s.arg("size").set {
		return fmt.Errorf("give a size")
	}
	return nil
}

func checkResize(s step) error {
	short, w, h := s.arg("short").set, s.arg("width").set, s.arg("height").set
	if short == w || w != h {
		return fmt.Errorf("give short, or width and height")
	}
	return nil
}

func checkRandomResizedCrop(s step) error {
	if s.arg("scale_min").n > s.arg("scale_max").n || s.arg("ratio_min").n > s.arg("ratio_max").n {
		return fmt.Errorf("scale_min and ratio_min are at most scale_max and ratio_max")
	}
	return needSize(s)
}

func checkRandAugment(s step) error {
	if s.arg("m").n >= s.arg("bins").n {
		return fmt.Errorf("m is below bins, here %s", s.arg("bins").text)
	}
	return nil
}

func square(s step, _, _ int) (int, int) { return s.arg("size").int(), s.arg("size").int() }

// resizeSize rounds the long side down, as torchvision's Resize does.
func resizeSize(s step, w, h int) (int, int) {
	if !s.arg("short").set {
		return s.arg("width").int(), s.arg("height").int()
	}
	short := s.arg("short").int()
	if w <= h {
		return short, max(1, short*h/max(w, 1))
	}
	return max(1, short*w/max(h, 1)), short
}
