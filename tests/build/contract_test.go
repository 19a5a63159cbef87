package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The JSON object of build has the members that scripts rely on, and nothing
// else is on stdout.
func TestContractJSON(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "coco").layOut(t)
	e := tailorbird(t, nil, "build", recipe, "--out", r.path("out"), "--json", "--progress", "lines")
	e.report(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(e.stdout), &got); err != nil {
		t.Fatal(err)
	}
	for key, kind := range map[string]string{"ok": "bool", "out": "string", "root_hash": "string", "recipe_hash": "string", "examples": "float64",
		"quarantined": "float64", "splits": "map[string]interface {}", "seconds": "float64", "cpu_seconds": "float64", "images_per_second": "float64",
		"peak_rss_bytes": "float64", "resumed_shards": "float64", "runner": "string"} {
		if have := fmt.Sprintf("%T", got[key]); have != kind {
			t.Errorf("%s is %s, want %s", key, have, kind)
		}
	}
	if got["out"] != r.path("out") || got["runner"] != "prism" || got["examples"] != 6.0 {
		t.Errorf("%v", got)
	}
	var m map[string]any
	if err := json.Unmarshal(read(t, r.path("out", "manifest.json")), &m); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"format", "version", "recipe_hash", "root_hash", "codec", "seed", "inputs", "splits", "quarantine"} {
		if _, ok := m[key]; !ok {
			t.Errorf("manifest.json has no %s", key)
		}
	}
	for _, name := range []string{"recipe.yaml", "report.html", "README.md", "croissant.json", "webdataset/train-000000.tar",
		"tfrecord/train.tfrecord-00000-of-00002", "data/train-00000-of-00002.parquet", "annotations/train.json"} {
		if _, err := os.Stat(r.path("out", name)); err != nil {
			t.Error(err)
		}
	}
}

func TestContractHumanSummary(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "lvis-keep").layOut(t)
	e := tailorbird(t, nil, "build", recipe, "--out", r.path("out"))
	if e.status != 0 || !strings.Contains(e.stdout, manifestOf(t, r.path("out")).RootHash) || strings.HasPrefix(e.stdout, "{") {
		t.Errorf("exit status %d\n%s%s", e.status, e.stdout, e.stderr)
	}
}

// The stored recipe builds the same dataset again.
func TestContractStoredRecipe(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "imagenet-val").layOut(t)
	first := build(t, recipe, r.path("out"))
	second := build(t, r.path("out", "recipe.yaml"), r.path("again"))
	if first.RootHash != second.RootHash || first.RecipeHash != second.RecipeHash {
		t.Errorf("%+v\n%+v", first, second)
	}
	sameTree(t, r.path("out"), r.path("again"))
}

// Flags make the same dataset as the recipe that says the same.
func TestContractFlagsInPlaceOfARecipe(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.imagenetDir(8)
	want := build(t, r.recipe("recipe", "dataset: imagenet\ninputs: {images: train, synsets: LOC_synset_mapping.txt}"), r.path("out"))
	e := tailorbird(t, nil, "build", "--dataset", "imagenet", "--images", r.path("train"), "--input", "synsets="+r.path("LOC_synset_mapping.txt"),
		"--out", r.path("flags"), "--json")
	if e.status != 0 || e.report(t).RootHash != want.RootHash {
		t.Errorf("exit status %d\n%s%s", e.status, e.stdout, e.stderr)
	}
}

// A recipe with a list of builds still prints one object, with one of each
// build inside.
func TestContractListOfBuilds(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.coco()
	r.imagenetVal(5)
	r.write("both.yaml", []byte(`version: 1
seed: 3
out: out
build:
- dataset: coco
  out: detection
  inputs: {images: train2017, annotations: instances_train2017.json}
- dataset: imagenet
  out: classes
  inputs: {images: val, synsets: LOC_synset_mapping.txt, labels: LOC_val_solution.csv}
`))
	e := tailorbird(t, nil, "build", r.path("both.yaml"), "--json")
	res := e.report(t)
	if e.status != 0 || !res.OK || res.Out != r.path("out") || res.Examples != 11 || res.Splits["train"] != 6 || res.Splits["val"] != 5 {
		t.Errorf("exit status %d, %+v\n%s", e.status, res, e.stderr)
	}
	for _, name := range []string{"detection", "classes"} {
		verifyClean(t, r.path("out", name))
		if m := manifestOf(t, r.path("out", name)); m.Seed != 3 {
			t.Errorf("%s: seed %d", name, m.Seed)
		}
	}
}

func TestContractAMistakeInTheLastBuildIsToldBeforeTheFirst(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.coco()
	r.write("both.yaml", []byte(`version: 1
out: out
build:
- dataset: coco
  out: detection
  inputs: {images: train2017, annotations: instances_train2017.json}
- dataset: imagenet
  out: classes
  inputs: {images: nowhere, synsets: LOC_synset_mapping.txt}
`))
	e := tailorbird(t, nil, "build", r.path("both.yaml"))
	if e.status != 2 || !strings.Contains(e.stderr, "both.yaml:9: inputs.images") {
		t.Errorf("exit status %d\n%s", e.status, e.stderr)
	}
	if _, err := os.Stat(r.path("out")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was built: %v", err)
	}
}

// stamps maps every file and directory below dir to its size and time.
func stamps(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && !st.IsDir() {
			out[path] = fmt.Sprint(st.Size(), " ", st.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameStamps(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := stamps(t, dir)
	for path, st := range got {
		if want[path] != st {
			t.Errorf("%s was written: %s, was %q", path, st, want[path])
		}
	}
	for path := range want {
		if got[path] == "" {
			t.Errorf("%s is gone", path)
		}
	}
}

// refused runs a build that must end with status 5 and leave dir as it is.
func refused(t *testing.T, dir, says string, args ...string) {
	t.Helper()
	before := stamps(t, dir)
	e := tailorbird(t, nil, args...)
	if e.status != 5 {
		t.Errorf("exit status %d, want 5\n%s%s", e.status, e.stdout, e.stderr)
	}
	if !strings.Contains(e.stderr, says) {
		t.Errorf("%q is not in the message:\n%s", says, e.stderr)
	}
	if res := e.report(t); res.OK || res.ExitStatus != 5 {
		t.Errorf("%+v", res)
	}
	sameStamps(t, dir, before)
}

func TestContractTargetHoldsSomethingElse(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "imagenet-directory").layOut(t)
	other := r.recipe("other", "dataset: imagenet\ninputs: {images: train, synsets: LOC_synset_mapping.txt}\nshards: 5")
	r.write("foreign/thesis.tex", []byte("years of work"))
	refused(t, r.path("foreign"), "thesis.tex", buildArgs(recipe, r.path("foreign"))...)
	refused(t, r.path("foreign"), "thesis.tex", buildArgs(recipe, r.path("foreign"), "--fresh")...)
	r.write("strange/manifest.json", []byte(`{"format": "somebody else's"}`))
	refused(t, r.path("strange"), "manifest.json", buildArgs(recipe, r.path("strange"))...)

	out := r.path("out")
	first := build(t, recipe, out)
	before := stamps(t, out)
	for _, runner := range []string{"direct", "prism"} {
		if res := build(t, recipe, out, "--runner", runner); res.RootHash != first.RootHash {
			t.Errorf("root hash %s, want %s", res.RootHash, first.RootHash)
		}
		sameStamps(t, out, before)
		noLeavings(t, out)
	}
	refused(t, out, "another dataset", buildArgs(other, out)...)
	refused(t, out, "another dataset", buildArgs(recipe, out, "--seed", "7")...)
	refused(t, out, "finished", buildArgs(recipe, out, "--fresh")...)

	r.write("train/n01440764/n01440764_999.JPEG", photos(t)[0])
	for _, runner := range []string{"direct", "prism"} {
		refused(t, out, "changed", buildArgs(recipe, out, "--runner", runner)...)
		noLeavings(t, out)
	}
}

// An unfinished build is not finished by another recipe, nor with other inputs.
func TestContractTargetHoldsAnUnfinishedBuild(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"imagenet-directory", "coco"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, recipe := shapeNamed(t, name).layOut(t)
			build(t, recipe, r.path("clean"))
			out := r.path("out")
			kill(t, "shard.done:1", recipe, out, "--runner", "direct", "--workers", "1")
			for _, runner := range []string{"direct", "prism"} {
				refused(t, out, "unfinished", buildArgs(recipe, out, "--runner", runner, "--set", "build.shards=1")...)
				refused(t, out, "unfinished", buildArgs(recipe, out, "--runner", runner, "--set", "build.transforms=decode | encode(png)")...)
			}
			changed := "train/n01440764/n01440764_999.JPEG"
			if name == "coco" {
				changed = "train2017/000000000009.jpg"
			}
			old, err := os.ReadFile(r.path(changed))
			r.write(changed, append(photos(t)[1], "trailing bytes"...))
			for _, runner := range []string{"direct", "prism"} {
				refused(t, out, "unfinished", buildArgs(recipe, out, "--runner", runner)...)
			}
			if err == nil {
				r.write(changed, old)
			} else if err := os.Remove(r.path(changed)); err != nil {
				t.Fatal(err)
			}
			again(t, recipe, r.path("clean"), out)
		})
	}
}

// What is wrong with a recipe or a command ends with status 2 before anything is
// written, and names the line or the right word.
func TestContractUsageErrors(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.coco()
	if err := os.Mkdir(r.path("empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	const inputs = "\ninputs: {images: train2017, annotations: instances_train2017.json}\n"
	for _, c := range []struct {
		name, body string
		args       []string
		says       []string
	}{
		{"an unknown key", "dataset: coco" + inputs + "shard: 3", nil, []string{".yaml:5", "shard", "shards"}},
		{"an unknown dataset", "dataset: cocoa" + inputs, nil, []string{".yaml:3", "cocoa", "coco"}},
		{"an unknown format", "dataset: coco" + inputs + "formats: [webdatasets]", nil, []string{".yaml:5", "webdataset"}},
		{"an unknown transform", "dataset: coco" + inputs + "transforms: decode | resise(short=3)", nil, []string{".yaml:5", "resize"}},
		{"an unknown split", "dataset: coco" + inputs + "splits: [trian]", nil, []string{"trian"}},
		{"a wrong type", "dataset: coco" + inputs + "shards: many", nil, []string{".yaml:5", "shards"}},
		{"a missing file", "dataset: coco\ninputs: {images: train2017, annotations: nowhere.json}", nil, []string{".yaml:4", "nowhere.json"}},
		{"a missing directory", "dataset: coco\ninputs: {images: nowhere, annotations: instances_train2017.json}", nil, []string{".yaml:4", "nowhere"}},
		{"an empty directory", "dataset: coco\ninputs: {images: empty, annotations: instances_train2017.json}", nil, []string{".yaml:4", "empty"}},
		{"a missing input", "dataset: coco\ninputs: {images: train2017}", nil, []string{".yaml:4", "annotations"}},
		{"an input too many", "dataset: coco\ninputs: {images: train2017, annotations: instances_train2017.json, refs: x.p}", nil, []string{".yaml:4", "refs"}},
		{"an annotation file that is none", "dataset: coco\ninputs: {images: train2017, annotations: train2017/000000000009.jpg}", nil, []string{"000000000009.jpg"}},
		{"boxes of a dataset without", "dataset: imagenet\ninputs: {images: train2017, synsets: instances_train2017.json}\nformats: [coco]", nil, []string{".yaml:5", "coco"}},
		{"--set of an unknown key", "dataset: coco" + inputs, []string{"--set", "build.sharts=3"}, []string{"sharts", "shards"}},
		{"an unknown runner", "dataset: coco" + inputs, []string{"--runner", "prizm"}, []string{"prizm", "prism"}},
		{"too little memory", "dataset: coco" + inputs, []string{"--memory", "1MiB"}, []string{"--memory"}},
		{"an unknown Beam flag", "dataset: coco" + inputs, []string{"--", "--nonsense"}, []string{"nonsense"}},
		{"a local path on Dataflow", "dataset: coco" + inputs, []string{"--runner", "dataflow"}, []string{"gs://"}},
		{"an unknown flag", "dataset: coco" + inputs, []string{"--wrokers", "3"}, []string{"--wrokers"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name := strings.ReplaceAll(c.name, " ", "-")
			out := r.path("out-" + name)
			e := tailorbird(t, nil, buildArgs(r.recipe(name, c.body), out, c.args...)...)
			if res := e.report(t); e.status != 2 || res.OK || res.ExitStatus != 2 || res.Error == "" {
				t.Errorf("exit status %d, want 2; %+v", e.status, res)
			}
			for _, want := range c.says {
				if !strings.Contains(e.stderr, want) {
					t.Errorf("%q is not in the message", want)
				}
			}
			if _, err := os.Stat(out); err == nil && len(tree(t, out)) > 0 {
				t.Errorf("it has written %v", tree(t, out))
			}
			if t.Failed() {
				t.Logf("stderr: %s", e.stderr)
			}
		})
	}
}

// Nothing that a build publishes or logs names a place of the machine or its
// user.
func TestFault34NoPathsOrSecrets(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.spoiltCoco()
	home := r.path("home-of-somebody")
	r.write("home-of-somebody/.netrc", []byte("password hunter2"))
	env := []string{"HOME=" + home, "USER=somebody", "LOGNAME=somebody", "AWS_SECRET_ACCESS_KEY=hunter2", "GOOGLE_APPLICATION_CREDENTIALS=" + home + "/key.json"}
	recipe := r.recipe("coco", strings.Replace(spoiltRecipe, "shards: 3", "shards: 3\nformats: [webdataset, tfrecord, parquet, coco]", 1)+"90%")
	buildIn(t, env, recipe, r.path("out"))
	secrets := []string{r.dir, scratch, home, "somebody", "hunter2"}
	if host, err := os.Hostname(); err == nil && len(host) > 5 { // a shorter name is in any shard by chance
		secrets = append(secrets, host)
	}
	for name := range tree(t, r.path("out")) {
		text := string(read(t, r.path("out", name)))
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				i := strings.Index(text, secret)
				t.Errorf("%s holds %q: %q", name, secret, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
}
