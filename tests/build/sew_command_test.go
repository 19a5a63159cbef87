package build

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// What is wrong with a recipe or its source is told with its line, with status 2
// and before anything is made.
func TestSewCommandRefuses(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	r.imagenetDir(4)
	build(t, r.recipe("classes", "dataset: imagenet\ninputs: {images: train, synsets: LOC_synset_mapping.txt}\nformats: [webdataset]\nshards: 1"), r.path("classes"))
	for _, c := range []struct{ name, says, old, new string }{
		{"key", `key.yaml:6: sew has no key "bach"; did you mean "batch"?`, "batch: 4", "bach: 4"},
		{"deeper", `deeper.yaml:5: sew.plan has no key "image_per_class"`, "images_per_class", "image_per_class"},
		{"split", `split.yaml:5: the dataset has no split "trian"; did you mean "train"?`, "from: from", "from: from\nsplit: trian"},
		{"class", `class.yaml:5: plan.classes: addsd: no class "brocoli"; did you mean "broccoli"?`, "classes: all", "classes: [brocoli]"},
		{"labels", "labels.yaml:5: plan.sampling: superlabel needs supercategories, which dataset lvis has not", "images_per_class: 3", "images_per_class: 3, sampling: superlabel"},
		{"raw", "raw.yaml:4: from:", "from: from", "from: coco"},
		{"task", "task.yaml:4: from: imagenet is a dataset of classification", "from: from", "from: classes"},
		{"two", "give one of images_per_class, target_images and budget", "images_per_class: 3", "images_per_class: 3, budget: 5"},
		{"format", `no format "webdatset"; did you mean "webdataset"?`, "batch: 4", "formats: [webdatset]"},
		{"list", "list.yaml:5: plan.exclude", "images_per_class: 3", "images_per_class: 3, exclude: nosuch.txt"},
	} {
		recipe := r.section(c.name, "sew", strings.Replace(pasted, c.old, c.new, 1))
		sewing.refused(t, 2, c.says, recipe, r.path("out"))
	}
	sewing.refused(t, 2, "no section sew", r.path("lvis.yaml"), r.path("out"))
	if _, err := os.Lstat(r.path("out")); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
	recipe := r.section("sewn", "sew", pasted)
	sewing.refused(t, 2, "would write into the dataset that it reads", recipe, r.path("from"))
	sewing.run(t, recipe, r.path("sewn"))
	sewing.refused(t, 2, "sewn already", r.section("twice", "sew", strings.Replace(pasted, "from: from", "from: sewn", 1)), r.path("twice"))
	if hasManifest(r.path("twice")) {
		t.Error("a sewn dataset was sewn into")
	}
}

// A target that holds something else stays as it is; so does a finished dataset.
func TestSewCommandLeavesOtherTargetsAlone(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	r.write("foreign/thesis.tex", []byte("years of work"))
	refused(t, r.path("foreign"), "thesis.tex", sewing.args(recipe, r.path("foreign"))...)
	refused(t, r.path("foreign"), "thesis.tex", sewing.args(recipe, r.path("foreign"), "--fresh")...)
	out := r.path("out")
	first := sewing.run(t, recipe, out)
	before := stamps(t, out)
	if res := sewing.run(t, recipe, out); res.RootHash != first.RootHash || res.Synthetic != first.Synthetic {
		t.Errorf("the second time %+v, the first %+v", res, first)
	}
	sameStamps(t, out, before)
	refused(t, out, "another dataset", sewing.args(recipe, out, "--seed", "8")...)
	refused(t, out, "finished", sewing.args(recipe, out, "--fresh")...)
	build(t, r.path("lvis.yaml"), r.path("other"))
	refused(t, r.path("other"), "another dataset", sewing.args(recipe, r.path("other"))...)
}

// An unfinished run is finished by its own recipe only; --fresh makes way, whatever
// step the other one had come to.
func TestSewCommandFresh(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	other := r.section("other", "sew", strings.Replace(pasted, "images_per_class: 3", "images_per_class: 2", 1))
	sewing.run(t, recipe, r.path("clean"))
	for _, step := range []string{"survey.done:1", "sew.batch:2", "sew.selected", "shard.done:1", "finish.merged"} {
		out := r.path("out-" + step)
		sewing.kill(t, step, other, out)
		sewing.refused(t, 5, "unfinished", recipe, out)
		sewing.again(t, recipe, r.path("clean"), out, "--fresh")
	}
}

// explain tells where a picture comes from and, of a synthetic one, what was added
// to which.
func TestSewCommandExplain(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	out := r.path("out")
	sewing.run(t, r.section("sewn", "sew", pasted), out)
	real, made := sewnExamples(t, out)
	key, plain := slices.Sorted(maps.Keys(made))[0], slices.Sorted(maps.Keys(real))[0]
	s := made[key].Synthetic
	var name string
	for _, c := range manifestOf(t, out).Classes {
		if c.ID == s.CategoryID {
			name = c.Name
		}
	}
	for _, c := range []struct {
		key    string
		status int
		says   []string
	}{
		{key, 0, []string{key, s.BaseKey, name, "copy_paste"}},
		{plain, 0, []string{plain, "train2017/" + plain + ".jpg", "annotations"}},
		{"nosuch", 2, []string{"nosuch: no example has this key"}},
	} {
		e := tailorbird(t, nil, "explain", out, c.key)
		for _, want := range c.says {
			if e.status != c.status || !strings.Contains(e.stdout+e.stderr, want) {
				t.Errorf("%s: exit status %d, want %d and %q\n%s%s", c.key, e.status, c.status, want, e.stdout, e.stderr)
			}
		}
		if c.status != 0 {
			continue
		}
		var res struct {
			OK      bool
			Example struct {
				Key       string
				Synthetic *struct {
					BaseKey string `json:"base_key"`
				}
			}
		}
		e = tailorbird(t, nil, "explain", out, c.key, "--json")
		if err := json.Unmarshal([]byte(e.stdout), &res); err != nil || !res.OK || res.Example.Key != c.key || (res.Example.Synthetic != nil) != (c.key == key) {
			t.Errorf("%s: %v\n%s", c.key, err, e.stdout)
		}
		if res.Example.Synthetic != nil && res.Example.Synthetic.BaseKey != s.BaseKey {
			t.Errorf("%s: the base is %q, want %q", c.key, res.Example.Synthetic.BaseKey, s.BaseKey)
		}
	}
}

// plan writes nothing and counts what sew then does.
func TestSewCommandPlan(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	before := tree(t, r.dir)
	e := tailorbird(t, nil, "plan", recipe, "--json")
	var p struct {
		OK      bool
		Samples int
		Images  int64
		Seconds float64
		Classes []struct {
			Name, Note       string
			Planned, Cutouts int
		}
	}
	if err := json.Unmarshal([]byte(e.stdout), &p); err != nil || e.status != 0 || !p.OK || p.Seconds <= 0 || strings.Count(e.stdout, "\n") != 1 {
		t.Fatalf("exit status %d: %v\n%s%s", e.status, err, e.stdout, e.stderr)
	}
	if after := tree(t, r.dir); !maps.Equal(before, after) {
		t.Error("plan has written something")
	}
	res := sewing.run(t, recipe, r.path("out"))
	planned := 0
	for _, c := range p.Classes {
		if got := res.Acceptance[c.Name]; c.Planned > 0 && (got == nil || int(got.Planned) != c.Planned) {
			t.Errorf("%s: %d planned, sew says %+v", c.Name, c.Planned, got)
		}
		if c.Planned == 0 && c.Note == "" || c.Planned > 0 && c.Cutouts == 0 {
			t.Errorf("%+v", c)
		}
		planned += c.Planned
	}
	if planned != p.Samples || planned != len(readPlan(t, r.path("out")).Samples) || planned == 0 {
		t.Errorf("%d samples, by class %d, of sew %d", p.Samples, planned, len(readPlan(t, r.path("out")).Samples))
	}
	page := r.path("plan.html")
	if e := tailorbird(t, nil, "plan", recipe, "--page", page); e.status != 0 || !strings.Contains(e.stdout, "predicted") || !strings.Contains(string(read(t, page)), "broccoli") {
		t.Errorf("exit status %d\n%s%s", e.status, e.stdout, e.stderr)
	}
	if e := tailorbird(t, nil, "plan", r.path("lvis.yaml")); e.status != 2 || !strings.Contains(e.stderr, "no section sew") {
		t.Errorf("exit status %d\n%s", e.status, e.stderr)
	}
}

// A recipe with both sections makes with one run what two commands make.
func TestSewCommandRunDoesBuildAndSew(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	build(t, r.path("lvis.yaml"), r.path("seeded"), "--seed", "3")
	want := sewing.run(t, r.section("sewn", "sew", strings.Replace(pasted, "from: from", "from: seeded", 1)), r.path("apart"))
	r.write("both.yaml", []byte("version: 1\nseed: 3\nbuild:\n  dataset: lvis\n  inputs: {images: coco, annotations: lvis_v1_train.json}\n  formats: [webdataset, coco]\n  shards: 2\n  out: real\n"+
		"sew:\n"+strings.ReplaceAll(strings.Replace(pasted, "from: from", "from: real", 1), "\n", "\n  ")+"\n  out: sewn\n"))
	e := tailorbird(t, nil, "run", r.path("both.yaml"), "--out", r.path("together"), "--json", "--progress", "none")
	var res map[string]json.RawMessage
	var sewn sewReport
	if err := json.Unmarshal([]byte(e.stdout), &res); err != nil || e.status != 0 {
		t.Fatalf("exit status %d: %v\n%s%s", e.status, err, e.stdout, e.stderr)
	}
	if err := json.Unmarshal(res["sew"], &sewn); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(r.path("together", "*", manifest.Name))
	if err != nil || len(found) != 2 || sewn.RootHash != want.RootHash || sewn.Synthetic != want.Synthetic {
		t.Errorf("%q (%v): root hash %s with %d synthetic examples, want %s with %d", found, err, sewn.RootHash, sewn.Synthetic, want.RootHash, want.Synthetic)
	}
	sameExamples(t, r.path("apart"), sewn.Out)
}

// sameExamples wants the same shards in two datasets.
func sameExamples(t *testing.T, want, got string) {
	t.Helper()
	a, b := tree(t, filepath.Join(want, "webdataset")), tree(t, filepath.Join(got, "webdataset"))
	if len(a) == 0 || !maps.Equal(a, b) {
		t.Errorf("shards %v, want %v", b, a)
	}
}

// A batch of which a server answers nothing is not the samples' fault: the run ends
// with 1, keeps nothing of it, and the same command makes it when there is an
// answer again.
func TestSewCommandEndsWhereABatchGetsNoAnswer(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	var sick atomic.Bool
	server := &fake.Server{Faults: func(fake.Call) fake.Fault {
		if sick.Load() {
			return fake.Fault{Status: 500, Text: "out of memory"}
		}
		return fake.Fault{}
	}}
	recipe := r.section("served", "sew", strings.Replace(asked(serve(t, server)), "retries: 1", "retries: 0", 1))
	sewing.run(t, recipe, r.path("clean"))
	out := r.path("out")
	sick.Store(true)
	sewing.refused(t, 1, "answered for none", recipe, out)
	if hasManifest(out) || durable(t, out) > 0 {
		t.Errorf("a manifest: %t, durable pictures: %d", hasManifest(out), durable(t, out))
	}
	sick.Store(false)
	sewing.again(t, recipe, r.path("clean"), out)
}
