package chain

import (
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	canonicalResize = "resize(short=256, filter=bicubic, antialias=true, enlarge=true)"
	canonicalEncode = "encode(jpeg, quality=90, subsampling=420)"
)

func TestAChainPrintsItsCanonicalForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"keep", "keep"},
		{" keep ( ) ", "keep"},
		{"decode|encode(png)", "decode(orient=false) | encode(png)"},
		{"decode | resize(short=256, filter=bicubic) | encode(jpeg, quality=90)", "decode(orient=false) | " + canonicalResize + " | " + canonicalEncode},
		{"decode()|resize(filter = bicubic,short=0256)|encode(form=jpeg)", "decode(orient=false) | " + canonicalResize + " | " + canonicalEncode},
		{"decode(orient=true) | resize(width=30, height=+20, filter=area, antialias=false, enlarge=false) | encode(jpeg, subsampling=444, quality=1)",
			"decode(orient=true) | resize(width=30, height=20, filter=area, antialias=false, enlarge=false) | encode(jpeg, quality=1, subsampling=444)"},
		{"decode | center_crop(224) | encode(png)", "decode(orient=false) | center_crop(224, 224) | encode(png)"},
		{"decode | center_crop(320, 240) | encode(png)", "decode(orient=false) | center_crop(320, 240) | encode(png)"},
		{"decode | center_crop(height=240, width=320) | encode(png)", "decode(orient=false) | center_crop(320, 240) | encode(png)"},
		{"decode | pad(width=9, height=65535, color=#7F7f00) | encode(png)", "decode(orient=false) | pad(width=9, height=65535, color=#7f7f00, place=center) | encode(png)"},
		{"decode | pad(height=1, width=1, place=top_left) | encode(png)", "decode(orient=false) | pad(width=1, height=1, color=#000000, place=top_left) | encode(png)"},
		{"decode\n| resize(long=64)\n| resize(short=32)\n| encode(png)",
			"decode(orient=false) | resize(long=64, filter=bicubic, antialias=true, enlarge=true) | resize(short=32, filter=bicubic, antialias=true, enlarge=true) | encode(png)"},
	} {
		p, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := p.String(); got != c.want {
			t.Errorf("%s\nprints %s\nwant   %s", c.text, got, c.want)
		}
		again, err := Parse(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%s: the canonical form is not its own: %v", c.text, err)
		}
		if p.Keep() != (c.want == "keep") {
			t.Errorf("%s: Keep = %v", c.text, p.Keep())
		}
	}
}

func TestABadChainIsAUsageErrorThatSaysWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                                             "step 1: it is empty",
		"decode | | encode(png)":                                       "step 2: it is empty",
		"decode | encode(png) |":                                       "step 3: it is empty",
		"deocde | encode(png)":                                         `step 1: no transform "deocde"; did you mean "decode"?`,
		"decode | rezise(short=3)":                                     `step 2: no transform "rezise"; did you mean "resize"?`,
		"decode | resize(shrot=3)":                                     `resize: no argument "shrot"; did you mean "short"?`,
		"decode | resize(short=3, filter=cubic)":                       `filter: no "cubic"; did you mean "bicubic"?`,
		"decode | resize(256) | encode(png)":                           `argument "256" needs a name: short, long, width, height`,
		"decode | resize(short=1,) | encode(png)":                      `argument "" needs a name`,
		"decode | resize | encode(png)":                                "give short, or long, or width and height",
		"decode | resize() | encode(png)":                              "give short, or long, or width and height",
		"decode | resize(width=3) | encode(png)":                       "give short, or long, or width and height",
		"decode | resize(short=1, long=2) | encode(png)":               "give short, or long, or width and height",
		"decode | resize(short=1, width=2, height=3) | encode(png)":    "give short, or long, or width and height",
		"decode | resize(short=1, height=3) | encode(png)":             "give short, or long, or width and height",
		"decode | resize(short=1, short=1) | encode(png)":              "short is given twice",
		"decode | resize(short=0) | encode(png)":                       `short: want a number from 1 to 65535, found "0"`,
		"decode | resize(short=65536) | encode(png)":                   "from 1 to 65535",
		"decode | resize(short=-3) | encode(png)":                      "from 1 to 65535",
		"decode | resize(short=2.5) | encode(png)":                     `found "2.5"`,
		"decode | resize(short=99999999999999999999) | encode(png)":    "from 1 to 65535",
		"decode | resize(short=3, antialias=yes) | encode(png)":        `antialias: want true or false, found "yes"`,
		"decode | resize(short=3 | encode(png)":                        "the parentheses do not match",
		"decode | resize(short=3)) | encode(png)":                      "the parentheses do not match",
		"decode | resize(short=3) x | encode(png)":                     "the parentheses do not match",
		"decode | center_crop | encode(png)":                           "give a size",
		"decode | center_crop(height=4) | encode(png)":                 "give a size",
		"decode | center_crop(4, 5, 6) | encode(png)":                  `argument "6" needs a name`,
		"decode | center_crop(4, width=5) | encode(png)":               "width is given twice",
		"decode | pad(width=4) | encode(png)":                          "give width and height",
		"decode | pad(width=4, height=4, color=red) | encode(png)":     `want a colour such as #7f7f7f, found "red"`,
		"decode | pad(width=4, height=4, color=#12345) | encode(png)":  "want a colour",
		"decode | pad(width=4, height=4, color=#-12345) | encode(png)": "want a colour",
		"decode | pad(width=4, height=4, place=centre) | encode(png)":  `no "centre"; did you mean "center"?`,
		"decode | encode":                                              "say jpeg or png",
		"decode | encode(webp)":                                        `form: no "webp"`,
		"decode | encode(jpg)":                                         `no "jpg"; did you mean "jpeg"?`,
		"decode | encode(jpeg, quality=101)":                           "quality: want a number from 1 to 100",
		"decode | encode(jpeg, subsampling=411)":                       `subsampling: no "411"`,
		"decode | encode(png, quality=90)":                             "png has neither quality nor subsampling",
		"keep | encode(png)":                                           "keep stands alone",
		"decode | keep | encode(png)":                                  "keep stands alone",
		"keep | keep":                                                  "keep stands alone",
		"keep(3)":                                                      `argument "3" needs a name`,
		"decode":                                                       "a chain ends with encode",
		"encode(png)":                                                  "a chain starts with decode",
		"resize(short=3) | encode(png)":                                "a chain starts with decode",
		"decode | decode | encode(png)":                                "a chain starts with decode, and has it once",
		"decode | encode(png) | encode(png)":                           "a chain ends with encode, and has it once",
		"decode | encode(png) | resize(short=3)":                       "a chain ends with encode",
	} {
		_, err := Parse(text)
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "transforms: ") {
			t.Errorf("%q: %v, want usage with %q", text, err, want)
		}
	}
}

func TestTheListedUsageOfEveryTransformParses(t *testing.T) {
	t.Parallel()
	if len(Ops()) != len(Names()) {
		t.Fatalf("%d transforms, %d names", len(Ops()), len(Names()))
	}
	for _, o := range Ops() {
		if !strings.HasPrefix(o.Usage, o.Name) || o.Doc == "" {
			t.Errorf("%+v", o)
		}
		usage := strings.NewReplacer("N", "3", "jpeg|png", "jpeg", "420|422|444", "420").Replace(o.Usage)
		usage = strings.Replace(usage, "short=3, long=3, width=3, height=3", "short=3", 1) // one of the forms
		text := "decode | " + usage + " | encode(png)"
		switch o.Name {
		case "keep":
			text = usage
		case "decode":
			text = usage + " | encode(png)"
		case "encode":
			text = "decode | " + usage
		}
		if _, err := Parse(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"keep", "decode | resize(short=256, filter=bicubic) | encode(jpeg, quality=90)", "decode(orient=true)|center_crop(3)|encode(png)",
		"decode | pad(width=3, height=4, color=#ABCDEF, place=top_left) | encode(jpeg)", "a(b=c,d)|(", "decode|encode(form=png,)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			if fault.CodeOf(err) != fault.Usage {
				t.Fatalf("%v has another code", err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q prints %q, then %v, %v", text, c, again, err)
		}
	})
}
