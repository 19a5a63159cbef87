package chain

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/internal/recipe"
)

// op is one operation of the language.
type op struct {
	name   string
	doc    string // one line, for `list transforms`
	params []param
	check  func(step) error
}

// param is one argument of an op.
type param struct {
	name       string
	positional bool
	kind       paramKind
	lo, hi     int      // of a number
	choices    []string // of a choice
	dflt       string   // empty: none
}

type paramKind int

const (
	number paramKind = iota
	boolean
	choice
	colour
)

// value is an argument as parsed; text is its canonical form.
type value struct {
	set  bool
	text string
	n    int
	b    bool
	rgb  [3]byte
}

// maxSide bounds what a chain may ask for, pixels.
const maxSide = 65535

var filters = []string{"bicubic", "bilinear", "area", "lanczos3", "hamming", "nearest"}

var ops = []*op{
	{name: "keep", doc: "store the bytes as they are, after decoding them once to check"},
	{name: "decode", doc: "to 8-bit RGB; orient=true applies the EXIF orientation to pixels and annotations", params: []param{
		{name: "orient", kind: boolean, dflt: "false"}}},
	{name: "resize", doc: "to a short side, a long side, or width and height; antialiased as Pillow does it", check: checkResize, params: []param{
		{name: "short", lo: 1, hi: maxSide}, {name: "long", lo: 1, hi: maxSide}, {name: "width", lo: 1, hi: maxSide}, {name: "height", lo: 1, hi: maxSide},
		{name: "filter", kind: choice, choices: filters, dflt: "bicubic"}, {name: "antialias", kind: boolean, dflt: "true"}, {name: "enlarge", kind: boolean, dflt: "true"}}},
	{name: "center_crop", doc: "the middle width x height pixels; outside the image black; a single number is a square", check: checkCrop, params: []param{
		{name: "width", positional: true, lo: 1, hi: maxSide}, {name: "height", positional: true, lo: 1, hi: maxSide}}},
	{name: "pad", doc: "to at least width x height, the image in the middle or the top left", check: checkPad, params: []param{
		{name: "width", lo: 1, hi: maxSide}, {name: "height", lo: 1, hi: maxSide}, {name: "color", kind: colour, dflt: "#000000"},
		{name: "place", kind: choice, choices: []string{"center", "top_left"}, dflt: "center"}}},
	{name: "encode", doc: "to jpeg (quality, subsampling) or png", check: checkEncode, params: []param{
		{name: "form", positional: true, kind: choice, choices: []string{"jpeg", "png"}},
		{name: "quality", lo: 1, hi: 100}, {name: "subsampling", kind: choice, choices: []string{"420", "422", "444"}}}},
}

// Op describes one transform for help texts.
type Op struct{ Name, Usage, Doc string }

// Ops lists the transforms in the order in which a chain may use them.
func Ops() []Op {
	out := make([]Op, len(ops))
	for i, o := range ops {
		var args []string
		for _, p := range o.params {
			args = append(args, p.usage())
		}
		out[i] = Op{Name: o.name, Usage: o.name, Doc: o.doc}
		if len(args) > 0 {
			out[i].Usage += "(" + strings.Join(args, ", ") + ")"
		}
	}
	return out
}

// Names lists the transforms' names in order.
func Names() []string {
	names := make([]string, len(ops))
	for i, o := range ops {
		names[i] = o.name
	}
	sort.Strings(names)
	return names
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
	names := make([]string, len(o.params))
	for i, p := range o.params {
		names[i] = p.name
	}
	return names
}

func (p param) usage() string {
	v := p.dflt
	switch {
	case p.kind == choice && v == "":
		v = strings.Join(p.choices, "|")
	case v == "":
		v = "N"
	}
	if p.positional {
		return v
	}
	return p.name + "=" + v
}

func (p param) parse(text string) (value, error) {
	v := value{set: true, text: text}
	switch p.kind {
	case number:
		n, err := strconv.Atoi(text)
		if err != nil || n < p.lo || n > p.hi {
			return v, fmt.Errorf("%s: want a number from %d to %d, found %q", p.name, p.lo, p.hi, text)
		}
		v.n, v.text = n, strconv.Itoa(n)
	case boolean:
		if text != "true" && text != "false" {
			return v, fmt.Errorf("%s: want true or false, found %q", p.name, text)
		}
		v.b = text == "true"
	case choice:
		for _, c := range p.choices {
			if c == text {
				return v, nil
			}
		}
		return v, fmt.Errorf("%s: no %q%s", p.name, text, recipe.Suggest(text, p.choices))
	case colour:
		n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 32)
		if err != nil || len(text) != 7 || text[0] != '#' {
			return v, fmt.Errorf("%s: want a colour such as #7f7f7f, found %q", p.name, text)
		}
		v.rgb, v.text = [3]byte{byte(n >> 16), byte(n >> 8), byte(n)}, strings.ToLower(text)
	}
	return v, nil
}

func checkResize(s step) error {
	short, long := s.arg("short").set, s.arg("long").set
	w, h := s.arg("width").set, s.arg("height").set
	if n := btoi(short) + btoi(long) + btoi(w && h); n != 1 || w != h {
		return fmt.Errorf("give short, or long, or width and height")
	}
	return nil
}

func checkCrop(s step) error {
	if !s.arg("width").set {
		return fmt.Errorf("give a size: center_crop(224) or center_crop(320, 240)")
	}
	if i := s.op.index("height"); !s.args[i].set {
		s.args[i] = s.arg("width")
	}
	return nil
}

func checkPad(s step) error {
	if !s.arg("width").set || !s.arg("height").set {
		return fmt.Errorf("give width and height")
	}
	return nil
}

func checkEncode(s step) error {
	if !s.arg("form").set {
		return fmt.Errorf("say jpeg or png")
	}
	q, sub := s.op.index("quality"), s.op.index("subsampling")
	if s.arg("form").text == "png" {
		if s.args[q].set || s.args[sub].set {
			return fmt.Errorf("png has neither quality nor subsampling")
		}
		return nil
	}
	for _, d := range []struct {
		i    int
		text string
	}{{q, "90"}, {sub, "420"}} {
		if !s.args[d.i].set {
			v, err := s.op.params[d.i].parse(d.text)
			if err != nil {
				return err
			}
			s.args[d.i] = v
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
