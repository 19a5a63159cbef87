package build

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// What was there is still there, untouched; what was made has ids of its own,
// lies inside its picture, and never says that the added class is absent.
func TestSewnDatasetHoldsTogether(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	server := &fake.Server{Faults: fake.Some(1, fake.Shares{Refuse: 0.1, Black: 0.05, WrongSize: 0.05, Fail: 0.05})}
	url := serve(t, server)
	for name, body := range map[string]string{
		"copy_paste": "from: from\nplan: {classes: all, images_per_class: 8}\nshards: 2",
		"served":     asked(url),
		"cropped":    strings.Replace(asked(url), "geometry: none", "geometry: crop", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recipe := r.section(name, "sew", body)
			out := r.path(name)
			res := sewing.run(t, recipe, out)
			verifyClean(t, out)
			source, _ := sewnExamples(t, r.path("from"))
			real, synthetic := sewnExamples(t, out)
			if len(synthetic) == 0 || len(synthetic) != res.Synthetic || res.Examples != len(real)+len(synthetic) {
				t.Fatalf("%d real and %d synthetic examples, %+v", len(real), len(synthetic), res)
			}
			for key, ex := range source {
				if !reflect.DeepEqual(real[key], ex) {
					t.Errorf("%s is not what it was", key)
				}
			}
			checkIDs(t, real, synthetic)
			for _, key := range slices.Sorted(maps.Keys(synthetic)) {
				ex := synthetic[key]
				base := source[ex.Synthetic.BaseKey]
				if base == nil {
					t.Fatalf("%s: no base %s", key, ex.Synthetic.BaseKey)
				}
				checkObjects(t, ex, base)
			}
			checkAcceptance(t, &res)
		})
	}
}

// checkIDs wants every id of images and annotations once.
func checkIDs(t *testing.T, sets ...map[string]*datasets.Example) {
	t.Helper()
	images, annotations := map[int64]string{}, map[int64]string{}
	for _, set := range sets {
		for key, ex := range set {
			if other, twice := images[*ex.ImageID]; twice {
				t.Errorf("%s and %s have the image id %d", key, other, *ex.ImageID)
			}
			images[*ex.ImageID] = key
			for _, a := range *ex.Annotations {
				if other, twice := annotations[a.ID]; twice {
					t.Errorf("%s and %s have the annotation id %d", key, other, a.ID)
				}
				annotations[a.ID] = key
			}
		}
	}
}

// checkObjects holds a synthetic example against its base.
func checkObjects(t *testing.T, ex, base *datasets.Example) {
	t.Helper()
	s := ex.Synthetic
	added := 0
	for _, a := range *ex.Annotations {
		if a.ID == s.Annotation {
			added++
			if a.CategoryID != s.CategoryID {
				t.Errorf("%s: the added object is of class %d, asked was %d", ex.Key, a.CategoryID, s.CategoryID)
			}
		}
		b := a.BBox
		if b[0] < 0 || b[1] < 0 || b[2] <= 0 || b[3] <= 0 || b[0]+b[2] > float64(ex.Width) || b[1]+b[3] > float64(ex.Height) || a.Area <= 0 {
			t.Errorf("%s: annotation %d: box %v, area %g in %d x %d pixels", ex.Key, a.ID, b, a.Area, ex.Width, ex.Height)
		}
		if a.Segmentation != nil {
			mask, err := a.Segmentation.Mask(ex.Width, ex.Height, nil)
			if err != nil || mask.Area() == 0 {
				t.Errorf("%s: annotation %d: mask of %d pixels: %v", ex.Key, a.ID, mask.Area(), err)
			}
		}
	}
	if added != 1 || len(*ex.Annotations) > len(*base.Annotations)+1 {
		t.Errorf("%s: %d added objects, %d objects from %d", ex.Key, added, len(*ex.Annotations), len(*base.Annotations))
	}
	var want []int64
	for _, id := range *base.NegCategoryIDs {
		if id != s.CategoryID {
			want = append(want, id)
		}
	}
	if !slices.Equal(*ex.NegCategoryIDs, want) {
		t.Errorf("%s: absent are %v, of the base %v, added was %d", ex.Key, *ex.NegCategoryIDs, *base.NegCategoryIDs, s.CategoryID)
	}
	for _, a := range *ex.Annotations {
		if slices.Contains(*ex.NegCategoryIDs, a.CategoryID) {
			t.Errorf("%s: class %d is shown and said to be absent", ex.Key, a.CategoryID)
		}
	}
}

// checkAcceptance wants counts that add up, and a reason for each picture that is
// missing.
func checkAcceptance(t *testing.T, res *sewReport) {
	t.Helper()
	accepted := 0
	for name, c := range res.Acceptance {
		rejected := int64(0)
		for _, n := range c.Rejected {
			rejected += n
		}
		if c.Generated != c.Accepted+rejected || c.Accepted > c.Planned || c.Accepted < c.Planned && rejected < c.Planned-c.Accepted {
			t.Errorf("%s: %+v", name, c)
		}
		accepted += int(c.Accepted)
	}
	if accepted != res.Synthetic {
		t.Errorf("%d accepted by class, %d in all", accepted, res.Synthetic)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(read(t, filepath.Join(res.Out, "acceptance.json")), &file); err != nil || len(file) != len(res.Acceptance) {
		t.Errorf("acceptance.json has %d classes of %d: %v", len(file), len(res.Acceptance), err)
	}
}

// planOf is extra/plan.json as far as the tests look at it.
type planOf struct {
	Samples []struct {
		Key     string
		ImageID int64
		Bases   []struct{ Key string }
	}
	Classes []struct {
		Name, Note     string
		Quota, Planned int
		Chosen         bool
		Cutouts        int
	}
}

func readPlan(t *testing.T, out string) (p planOf) {
	t.Helper()
	if err := json.Unmarshal(read(t, filepath.Join(out, "extra", "plan.json")), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// A class that cannot get what was asked for says why.
func TestSewClassesShortOfTheirQuotaSayWhy(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	out := r.path("out")
	sewing.run(t, r.section("sewn", "sew", pasted), out)
	short := 0
	for _, c := range readPlan(t, out).Classes {
		if c.Chosen && c.Planned < c.Quota {
			short++
			if c.Note == "" {
				t.Errorf("%s: %d of %d and no word about it", c.Name, c.Planned, c.Quota)
			}
		}
		if c.Cutouts == 0 && c.Planned > 0 {
			t.Errorf("%s: %d planned without a cut-out", c.Name, c.Planned)
		}
	}
	if short < 5 {
		t.Errorf("%d classes are short: the fixtures have more without a cut-out", short)
	}
}

// The list of pictures that must not be touched is an annotation file or a list
// of ids; no picture of it is a base, also not of a later attempt.
func TestSewExcludedPicturesAreNeverTouched(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	r.write("keep.json", []byte(`{"info": {}, "images": [{"id": 9, "width": 1}, {"id": 86}], "annotations": []}`))
	r.write("keep.txt", []byte("# two pictures\n9\n\n 86 \n"))
	r.write("other.txt", []byte("250\n"))
	plain := sewing.run(t, r.section("plain", "sew", pasted), r.path("plain"))
	var roots []string
	for _, c := range []struct {
		list    string
		without []string
	}{{"keep.json", []string{"9", "86"}}, {"keep.txt", []string{"9", "86"}}, {"other.txt", []string{"250"}}} {
		out := r.path("without-" + c.list)
		res := sewing.run(t, r.section("sewn-"+c.list, "sew", strings.Replace(pasted, "images_per_class: 3", "images_per_class: 3, exclude: "+c.list, 1)), out)
		roots = append(roots, res.RootHash)
		bases := map[string]bool{}
		for _, s := range readPlan(t, out).Samples {
			for _, b := range s.Bases {
				bases[b.Key] = true
			}
		}
		for _, id := range c.without {
			for key := range bases {
				if strings.HasSuffix(key, fmt.Sprintf("%012s", id)) {
					t.Errorf("%s: %s is a base", c.list, key)
				}
			}
		}
		if len(bases) == 0 || len(bases) > 6-len(c.without) {
			t.Errorf("%s: bases %v", c.list, bases)
		}
	}
	if roots[0] == plain.RootHash || roots[2] == plain.RootHash || roots[0] == roots[2] {
		t.Errorf("root hashes %q, without a list %s", roots, plain.RootHash)
	}
	r.write("broken.txt", []byte("9\nnine\n"))
	sewing.refused(t, 2, `line 2: "nine" is no image id`, r.section("broken", "sew", strings.Replace(pasted, "images_per_class: 3", "images_per_class: 3, exclude: broken.txt", 1)), r.path("broken"))
}

// A picture that lies in two splits, as RefCOCO's do and LVIS's could, is not
// touched in one because it belongs to the other.
func TestSewOtherSplitsAreNeverTouched(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.lvis()
	text := read(t, r.path("lvis_v1_train.json"))
	r.write("both/lvis_v1_train.json", text)
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var images, kept []map[string]any
	var objects, keptObjects []map[string]any
	for name, list := range map[string]*[]map[string]any{"images": &images, "annotations": &objects} {
		if err := json.Unmarshal(file[name], list); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range images {
		if m["id"].(float64) == 9 || m["id"].(float64) == 109 {
			kept = append(kept, m)
		}
	}
	for _, a := range objects {
		if a["image_id"].(float64) == 9 || a["image_id"].(float64) == 109 {
			keptObjects = append(keptObjects, a)
		}
	}
	for name, list := range map[string][]map[string]any{"images": kept, "annotations": keptObjects} {
		b, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		file[name] = b
	}
	b, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	r.write("both/lvis_v1_val.json", b)
	recipe := r.recipe("both", "dataset: lvis\ninputs: {images: coco, annotations: both}\nshards: 1")
	e := tailorbird(t, nil, buildArgs(recipe, r.path("from"))...)
	if e.status != 0 {
		t.Skipf("this build of lvis takes one annotation file: %s", e.stderr)
	}
	out := r.path("out")
	sewing.run(t, r.section("sewn", "sew", pasted), out)
	for _, s := range readPlan(t, out).Samples {
		for _, base := range s.Bases {
			if strings.HasSuffix(base.Key, "000000000009") || strings.HasSuffix(base.Key, "000000000109") {
				t.Errorf("%s: base %s is in val", s.Key, base.Key)
			}
		}
	}
}
