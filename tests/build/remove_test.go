package build

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/kernels/morph"
	codec "github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd/removal"
)

// removed is a recipe that removes objects, one and several at a time, from small
// pictures.
const removed = `
dataset: lvis
inputs: {images: coco, annotations: lvis_v1_train.json}
transforms: decode | resize(long=96) | encode(jpeg, quality=90)
formats: [webdataset, coco]
shards: 2
objects: both
holdout: 0.4`

// One root hash, whatever runs it, with however many workers and whichever codec;
// and another one for each way to fill.
func TestRemoveGivesTheSameBytesEverywhere(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.lvis()
	roots := map[string]string{}
	for _, fill := range []string{"telea", "navier_stokes", "patchmatch"} {
		recipe := r.section(fill, "remove", removed+"\ninpaint: "+fill)
		clean := r.path("clean " + fill)
		want := removing.run(t, recipe, clean, "--runner", "direct", "--workers", "1").RootHash
		if other := roots[want]; other != "" {
			t.Errorf("%s and %s have one root hash", fill, other)
		}
		roots[want] = fill
		for i, env := range [][]string{nil, {"TAILORBIRD_NATIVE=off"}} {
			for _, flags := range [][]string{{"--runner", "direct", "--workers", "2"}, {"--runner", "prism", "--workers", "1"}, {"--runner", "prism", "--workers", "2"}} {
				if fill != "telea" && (i > 0) != (flags[1] == "direct") {
					continue // two of six: the graph is the same for every fill
				}
				out := r.path(fmt.Sprintf("out %s %d %s", fill, i, strings.Join(flags, " ")))
				if res := removing.runIn(t, env, recipe, out, flags...); res.RootHash != want {
					t.Errorf("%s, %q, %q: root hash %s, want %s", fill, env, flags, res.RootHash, want)
				}
				sameTree(t, clean, out)
			}
		}
	}
}

// A death at any of the steps that a shard goes through costs time only.
func TestRemoveKilledGoesOn(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.lvis()
	recipe := r.section("removed", "remove", removed)
	removing.run(t, recipe, r.path("clean"))
	for i, step := range []string{"plan.rows", "shard.example:2", "shard.file:1", "shard.done:1", "shard.done:2", "finish.merged", "finish.manifest"} {
		out := r.path("out-" + step)
		removing.kill(t, step, recipe, out, "--runner", []string{"direct", "prism"}[i%2], "--workers", "1")
		if hasManifest(out) != (step == "finish.manifest") {
			t.Errorf("%s: there is a manifest: %t", step, hasManifest(out))
		}
		removing.again(t, recipe, r.path("clean"), out)
	}
}

// The pictures are the stored one but for the widened masks: there each pixel may
// differ, elsewhere none. Masks are widened here pixel by pixel.
func TestRemoveTouchesNothingOutsideTheMasks(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.lvis()
	r.refer()
	referred := strings.NewReplacer("dataset: lvis", "dataset: refcoco", "images: coco, annotations: lvis_v1_train.json", `images: train2014, annotations: instances.json, refs: "refcoco/refs(unc).p"`, "objects: both", "objects: single").Replace(removed)
	for name, body := range map[string]string{
		"lvis":    removed,
		"wide":    removed + "\ndilate: 15",
		"multi":   strings.Replace(removed, "objects: both", "objects: multi", 1),
		"refcoco": referred,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := r.path("out " + name)
			removing.run(t, r.section(name, "remove", body), out)
			verifyClean(t, out)
			before, after := 4, 5 // a square of 10 has its middle at its fifth pixel
			if name == "wide" {
				before, after = 7, 7
			}
			edits, single, several := 0, 0, 0
			for _, ex := range allExamples(t, out) { // of RefCOCO a picture may lie in several splits
				for i := range ex.Edits {
					checkEdit(t, ex, &ex.Edits[i], before, after)
					edits++
					if ex.Edits[i].Count > 1 {
						several++
					} else {
						single++
					}
				}
			}
			if edits < 3 || (single > 0) != (name != "multi") || (several > 0) != (name != "refcoco") {
				t.Errorf("%d edits: %d of one object, %d of several", edits, single, several)
			}
		})
	}
}

// allExamples reads the WebDataset shards of every split.
func allExamples(t *testing.T, out string) (exs []*datasets.Example) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "webdataset", "*.tar"))
	if err != nil {
		t.Fatal(err)
	}
	f, _ := formats.Lookup("webdataset")
	for _, name := range files {
		exs = append(exs, examplesOf(t, f, name)...)
	}
	return exs
}

func checkEdit(t *testing.T, ex *datasets.Example, e *datasets.Edit, before, after int) {
	t.Helper()
	what := ex.Key + "." + e.Name
	stored, made := decoded(t, ex.Image), decoded(t, e.Image)
	if made.Width != stored.Width || made.Height != stored.Height {
		t.Fatalf("%s: %d x %d pixels of %d x %d", what, made.Width, made.Height, stored.Width, stored.Height)
	}
	mask := widened(t, ex, e.AnnotationIDs, before, after)
	area, changed := 0, 0
	for i, inside := range mask {
		same := bytes.Equal(stored.Pix[3*i:3*i+3], made.Pix[3*i:3*i+3])
		if inside {
			area++
		}
		if !same {
			changed++
			if !inside {
				t.Fatalf("%s: pixel (%d, %d) has changed, the mask does not hold it", what, i%ex.Width, i/ex.Width)
			}
		}
	}
	if got := e.MaskFraction * float64(ex.Width*ex.Height); int(got+0.5) != area || changed == 0 || len(e.AnnotationIDs) != e.Count {
		t.Errorf("%s: mask of %g pixels, want %d; %d have changed; %d of %d objects", what, got, area, changed, len(e.AnnotationIDs), e.Count)
	}
}

func decoded(t *testing.T, data []byte) *raster.RGB {
	t.Helper()
	dec := codec.NewDecoder(codec.Limits{})
	defer dec.Close()
	var img raster.RGB
	if err := dec.RGB(&img, data); err != nil {
		t.Fatal(err)
	}
	return &img
}

// widened says of each pixel whether it is at most before pixels before and after
// pixels behind one of the objects', across and down.
func widened(t *testing.T, ex *datasets.Example, ids []int64, before, after int) []bool {
	t.Helper()
	w, h := ex.Width, ex.Height
	out := make([]bool, w*h)
	for _, o := range ex.Objects() {
		if !slices.Contains(ids, o.ID) {
			continue
		}
		m, err := o.Segmentation.Mask(w, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b morph.Bitmap
		if err := morph.FromMask(&b, m); err != nil {
			t.Fatal(err)
		}
		for i, set := range b.Pix {
			if set == 0 {
				continue
			}
			x, y := i%w, i/w
			for v := max(0, y-before); v <= min(h-1, y+after); v++ {
				for u := max(0, x-before); u <= min(w-1, x+after); u++ {
					out[v*w+u] = true
				}
			}
		}
	}
	return out
}

// seedsOf reads an index of pairs: [[key, [pair, ..]], ..].
func seedsOf(t *testing.T, file string) map[string][]removal.Pair {
	t.Helper()
	var list [][2]json.RawMessage
	if err := json.Unmarshal(read(t, file), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string][]removal.Pair{}
	for _, entry := range list {
		var key string
		var pairs []removal.Pair
		if err := errors.Join(json.Unmarshal(entry[0], &key), json.Unmarshal(entry[1], &pairs)); err != nil {
			t.Fatal(err)
		}
		if out[key] != nil || len(pairs) == 0 {
			t.Errorf("%s: %s is there twice, or without pairs", file, key)
		}
		out[key] = pairs
	}
	return out
}

// The two indices together hold every edit once, no picture is in both, and what
// they name are members of the tars.
func TestRemoveIndicesOfPairs(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.lvis()
	out := r.path("out")
	removing.run(t, r.section("removed", "remove", removed), out)
	train, held := seedsOf(t, filepath.Join(out, "extra", "seeds_lvis_vanilla.json")), seedsOf(t, filepath.Join(out, "extra", "seeds_lvis_holdout_vanilla.json"))
	if len(train) == 0 || len(held) == 0 {
		t.Fatalf("%d pictures to train with, %d held out", len(train), len(held))
	}
	members := tarMembers(t, out)
	real, _ := sewnExamples(t, out)
	for key, ex := range real {
		pairs := append(slices.Clone(train[key]), held[key]...)
		if (train[key] != nil && held[key] != nil) || len(pairs) != len(ex.Edits) {
			t.Fatalf("%s: %d pairs to train with, %d held out, %d edits", key, len(train[key]), len(held[key]), len(ex.Edits))
		}
		for i, p := range pairs {
			e := ex.Edits[i]
			if p.Instruction != e.Instruction || !bytes.Equal(members[p.Removed], e.Image) || !bytes.Equal(members[p.Original], ex.Image) {
				t.Errorf("%s: pair %+v, edit %s %q", key, p, e.Name, e.Instruction)
			}
		}
		delete(train, key)
		delete(held, key)
	}
	if len(train)+len(held) > 0 {
		t.Errorf("pictures that the dataset has not: %v %v", train, held)
	}
	all := r.path("all")
	removing.run(t, r.section("all", "remove", strings.Replace(removed, "holdout: 0.4", "holdout: 0", 1)), all)
	if files, _ := filepath.Glob(filepath.Join(all, "extra", "seeds_*")); len(files) != 1 || len(seedsOf(t, files[0])) < 3 {
		t.Errorf("nothing held out: %q", files)
	}
}

// tarMembers maps "webdataset/SHARD.tar/MEMBER" to the bytes.
func tarMembers(t *testing.T, out string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "webdataset", "*.tar"))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string][]byte{}
	for _, name := range files {
		in := tar.NewReader(bytes.NewReader(read(t, name)))
		for {
			h, err := in.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			members[path.Join("webdataset", filepath.Base(name), h.Name)] = data
		}
	}
	return members
}

// What cannot be done is told with its line before anything is written.
func TestRemoveRefuses(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.lvis()
	r.refer()
	r.imagenetDir(2)
	refs := `images: train2014, annotations: instances.json, refs: "refcoco/refs(unc).p"`
	for _, c := range []struct {
		name, says string
		change     []string // of the recipe: old, new
	}{
		{"classes", "classes.yaml:4: dataset imagenet has classes only", []string{"dataset: lvis", "dataset: imagenet", "images: coco, annotations: lvis_v1_train.json", "images: train, synsets: LOC_synset_mapping.txt", "webdataset, coco", "webdataset"}},
		{"parquet", "parquet.yaml:7: formats: pictures with objects removed are kept by webdataset only, not by parquet", []string{"webdataset, coco", "webdataset, parquet"}},
		{"fill", `fill.yaml:9: inpaint: no "patchmach"; did you mean "patchmatch"?`, []string{"objects: both", "inpaint: patchmach"}},
		{"refs", "refs.yaml:9: objects: multi: expressions name single objects", []string{"dataset: lvis", "dataset: refcoco", "images: coco, annotations: lvis_v1_train.json", refs, "objects: both", "objects: multi"}},
		{"wide", "wide.yaml:9: dilate", []string{"objects: both", "dilate: 256"}},
		{"key", `key.yaml:9: remove has no key "object"; did you mean "objects"?`, []string{"objects: both", "object: both"}},
	} {
		recipe := r.section(c.name, "remove", strings.NewReplacer(c.change...).Replace(removed))
		removing.refused(t, 2, c.says, recipe, r.path("out"))
	}
	recipe := r.section("removed", "remove", removed)
	removing.refused(t, 2, "no section remove", r.section("sewn", "sew", pasted), r.path("out"))
	if left, _ := filepath.Glob(r.path("out*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	r.write("foreign/thesis.tex", []byte("years of work"))
	removing.refused(t, 5, "thesis.tex", recipe, r.path("foreign"))
}
