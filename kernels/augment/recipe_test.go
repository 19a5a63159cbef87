package augment

import (
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestARecipePrintsItsCanonicalForm(t *testing.T) {
	t.Parallel()
	const end = " | normalize(imagenet)"
	for text, want := range map[string]string{
		"":                "normalize(imagenet)",
		" pad_crop|flip ": "pad_crop(4) | flip(0.5)" + end,
		"pad_crop(4) | flip | normalize(cifar10)": "pad_crop(4) | flip(0.5) | normalize(cifar10)",
		"flip(p=0.250)":                              "flip(0.25)" + end,
		"random_resized_crop(224)":                   "random_resized_crop(224, scale_min=0.08, scale_max=1, ratio_min=0.75, ratio_max=1.3333333333333333, filter=bilinear)" + end,
		"random_resized_crop(size=8, scale_min=0.5)": "random_resized_crop(8, scale_min=0.5, scale_max=1, ratio_min=0.75, ratio_max=1.3333333333333333, filter=bilinear)" + end,
		"color_jitter(hue=0)":                        "color_jitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0)" + end,
		"rand_augment(2, 9)":                         "rand_augment(2, 9, bins=31)" + end,
		"resize(short=256) | center_crop(224)":       "resize(short=256, filter=bilinear) | center_crop(224)" + end,
	} {
		r, err := Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if r.String() != want {
			t.Errorf("%q prints %q, want %q", text, r, want)
		}
		if again, err := Parse(r.String()); err != nil || again.String() != want {
			t.Errorf("%q: the canonical form is not its own: %v", text, err)
		}
	}
}

func TestABadRecipeIsAUsageErrorThatNamesTheStep(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"flip |":                    "step 2: it is empty",
		"flop":                      `step 1: no augmentation "flop"; did you mean "flip"?`,
		"flip | pad_corp(4)":        `step 2: no augmentation "pad_corp"; did you mean "pad_crop"?`,
		"flip(2)":                   `step 1: flip: p: want a number from 0 to 1, found "2"`,
		"flip(NaN)":                 "want a number",
		"flip(0.5":                  "the parentheses do not match",
		"flip(0.5, p=0.5)":          "p is given twice",
		"flip(q=1)":                 `no argument "q"`,
		"pad_crop(-1)":              "pad: want a whole number from 0 to 4096",
		"pad_crop(1.5)":             "whole number",
		"random_resized_crop":       "give a size",
		"center_crop":               "give a size",
		"center_crop(0)":            "from 1 to 65535",
		"resize":                    "give short, or width and height",
		"resize(short=3, width=4)":  "give short, or width and height",
		"resize(width=4)":           "give short, or width and height",
		"resize(256)":               `argument "256" needs a name`,
		"resize(short=4, filter=x)": `filter: no "x"`,
		"random_resized_crop(4, scale_min=0.5, scale_max=0.2)": "at most",
		"random_resized_crop(4, ratio_max=0.1)":                "at most",
		"rand_augment(2, 31)":                                  "m is below bins, here 31",
		"normalize | flip":                                     "step 1: normalize comes last",
		"normalize(mnist)":                                     `no "mnist"`,
	} {
		_, err := Parse(text)
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "augment: ") {
			t.Errorf("%q: %v, want usage with %q", text, err, want)
		}
	}
}

func TestTheListedUsageOfEveryAugmentationParses(t *testing.T) {
	t.Parallel()
	for _, o := range Ops() {
		usage := strings.Replace(strings.ReplaceAll(o.Usage, "N", "3"), "short=3, width=3, height=3", "short=3", 1)
		if _, err := Parse(usage); err != nil || o.Doc == "" || !strings.HasPrefix(o.Usage, o.Name) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTheSizeOfTheResultIsKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		w, h  int
		fixed bool
	}{
		{"flip", 40, 30, false}, {"pad_crop(2)", 40, 30, false}, {"resize(short=15)", 20, 15, false}, {"resize(short=16)", 21, 16, false},
		{"random_resized_crop(7) | flip", 7, 7, true}, {"resize(short=15) | center_crop(9)", 9, 9, true}, {"resize(width=5, height=6)", 5, 6, true},
	} {
		r, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if w, h := r.Size(40, 30); w != c.w || h != c.h {
			t.Errorf("%s: %d x %d", c.text, w, h)
		}
		if _, _, ok := r.Fixed(); ok != c.fixed {
			t.Errorf("%s: fixed is %v", c.text, ok)
		}
		dst := apply(t, r.New(), noise(40, 30, 1), Seed{})
		if dst.Width != c.w || dst.Height != c.h {
			t.Errorf("%s makes %d x %d", c.text, dst.Width, dst.Height)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "pad_crop(4) | flip | normalize(cifar10)", "random_resized_crop(224, scale_min=0.2)", "a(b=c,d)|(", "rand_augment(2, 9)|color_jitter(hue=0.5)", "flip(1e-3)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			if fault.CodeOf(err) != fault.Usage {
				t.Fatalf("%v has another code", err)
			}
			return
		}
		if again, err := Parse(r.String()); err != nil || again.String() != r.String() {
			t.Fatalf("%q prints %q, then %v", text, r, err)
		}
	})
}
