package build

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// bomb is a PNG of 50,000 x 50,000 pixels, as far as its header says.
func bomb() []byte {
	header := []byte("IHDR\x00\x00\xc3\x50\x00\x00\xc3\x50\x08\x02\x00\x00\x00")
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\r"), header...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(header))
}

var html = []byte("<!DOCTYPE html><html><title>Quota exceeded</title></html>\n")

// spoilt is one bad example and what the quarantine must say of it.
type spoilt struct {
	key, source string
	stage       string
	reason      fault.Code
	says        string
}

// spoiltCoco lays out the COCO fixture with one more image of each kind of fault.
func (r *raw) spoiltCoco() []spoilt {
	r.coco()
	good := photos(r.t)[0]
	var doc map[string]any
	if err := json.Unmarshal(read(r.t, r.path("instances_train2017.json")), &doc); err != nil {
		r.t.Fatal(err)
	}
	images, objects := doc["images"].([]any), doc["annotations"].([]any)
	add := func(id int, data []byte, boxes ...map[string]any) {
		name := fmt.Sprintf("%012d.jpg", id)
		if data != nil {
			r.write("train2017/"+name, data)
		}
		images = append(images, map[string]any{"id": id, "file_name": name, "width": 160, "height": 120, "license": 1})
		for i, b := range boxes {
			o := map[string]any{"id": 1_000_000 + 10*id + i, "image_id": id, "category_id": 1, "iscrowd": 0, "area": 25, "bbox": []float64{1, 1, 5, 5},
				"segmentation": [][]float64{{1, 1, 6, 1, 6, 6, 1, 6}}}
			for k, v := range b {
				o[k] = v
			}
			objects = append(objects, o)
		}
	}
	add(901, nil)
	add(902, good[:len(good)/2])
	add(903, []byte{})
	add(904, html)
	add(905, bomb())
	add(906, good, map[string]any{"category_id": 4711})
	add(907, good, map[string]any{"bbox": []float64{10, 10, -5, 5}})
	add(908, good, map[string]any{"bbox": []float64{100, 100, 500, 500}})
	images = append(images, map[string]any{"id": 906, "file_name": "000000000906.jpg", "width": 160, "height": 120, "license": 1})
	doc["images"], doc["annotations"] = images, objects
	text, err := json.Marshal(doc)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write("instances_train2017.json", text)
	var out []spoilt
	for _, s := range []struct {
		id     int
		stage  string
		reason fault.Code
		says   string
	}{
		{901, "read", fault.NotFound, "not there"},
		{902, "decode", fault.Corrupt, ""},
		{903, "decode", fault.Corrupt, ""},
		{904, "decode", fault.Unsupported, "HTML"},
		{905, "decode", fault.TooLarge, "50000"},
		{906, "annotations", fault.InvalidAnnotation, "4711"},
		{907, "annotations", fault.InvalidAnnotation, "[10 10 -5 5]"},
		{908, "annotations", fault.InvalidAnnotation, "leaves the image"},
		{906, "plan", fault.Conflict, "906"},
	} {
		bad := spoilt{key: fmt.Sprintf("%012d", s.id), stage: s.stage, reason: s.reason, says: s.says}
		if s.stage != "plan" { // the annotation file is the source then, and the message names it
			bad.source = bad.key + ".jpg"
		}
		out = append(out, bad)
	}
	return out
}

const spoiltRecipe = `
dataset: coco
inputs: {images: train2017, annotations: instances_train2017.json}
transforms: decode | resize(short=64) | encode(jpeg)
shards: 3
error_budget: `

// Every bad example is one line of the quarantine, with its stage, a typed
// reason and where it came from; the others are built.
func TestQuarantineNamesEveryBadExample(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	bad := r.spoiltCoco()
	res := build(t, r.recipe("coco", spoiltRecipe+"90%"), r.path("out"))
	lines := quarantineOf(t, r.path("out"))
	if res.Examples != 6 || res.Quarantined != len(bad) || len(lines) != len(bad) {
		t.Errorf("%d examples, %d set aside, %d lines; want 6, %d and as many", res.Examples, res.Quarantined, len(lines), len(bad))
	}
	reasons := map[fault.Code]int{}
	for _, want := range bad {
		reasons[want.reason]++
		found := 0
		for _, l := range lines {
			if l.Key != want.key || l.Stage != want.stage {
				continue
			}
			found++
			if l.Reason != want.reason || l.Source.Name != want.source || l.Split != "train" || l.Message == "" || !strings.Contains(l.Message, want.says) {
				t.Errorf("want %+v\n got %+v", want, l)
			}
		}
		if found != 1 {
			t.Errorf("%d lines for %s at stage %s", found, want.key, want.stage)
		}
	}
	m := manifestOf(t, r.path("out"))
	if m.Quarantine.Examples != len(bad) || fmt.Sprint(m.Quarantine.Reasons) != fmt.Sprint(reasons) {
		t.Errorf("manifest: %+v, want %v", m.Quarantine, reasons)
	}
	verifyClean(t, r.path("out"))
	noLeavings(t, r.path("out"))
	if t.Failed() {
		for _, l := range lines {
			t.Logf("%+v", l)
		}
	}
}

func quarantineOf(t *testing.T, out string) []datasets.Rejection {
	t.Helper()
	var list []datasets.Rejection
	in := bufio.NewScanner(bytes.NewReader(read(t, filepath.Join(out, "quarantine", "quarantine.jsonl"))))
	for in.Scan() {
		var r datasets.Rejection
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// What ImageNet's layouts can have wrong is found while planning.
func TestQuarantineOfImageNetLayouts(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.imagenetDir(8)
	p := photos(t)
	r.write("train/n01440764/same.JPEG", p[0])
	r.write("train/n02110185/same.JPEG", p[1])
	r.write("train/n09999999/n09999999_1.JPEG", p[0])
	r.write("train/n01440764/n02110185_77.JPEG", p[0])
	build(t, r.recipe("dir", "dataset: imagenet\ninputs: {images: train, synsets: LOC_synset_mapping.txt}\nshards: 2\nerror_budget: 50%\nclass_error_budget: 100%"), r.path("out-dir"))
	r.imagenetVal(6)
	r.write("LOC_val_solution.csv", append(read(t, r.path("LOC_val_solution.csv")), "ILSVRC2012_val_00000099,n01440764 1 2 3 4\n"...))
	r.write("val/ILSVRC2012_val_00000055.JPEG", p[0])
	build(t, r.recipe("val", "dataset: imagenet\ninputs: {images: val, synsets: LOC_synset_mapping.txt, labels: LOC_val_solution.csv}\nshards: 2\nerror_budget: 50%"), r.path("out-val"))
	for out, want := range map[string][]string{
		"out-dir": {"same plan conflict", "n09999999_1 plan invalid_annotation", "n02110185_77 plan invalid_annotation"},
		"out-val": {"ILSVRC2012_val_00000099 plan not_found", "ILSVRC2012_val_00000055 plan invalid_annotation"},
	} {
		got := map[string]bool{}
		for _, l := range quarantineOf(t, r.path(out)) {
			got[fmt.Sprintf("%s %s %s", l.Key, l.Stage, l.Reason)] = true
		}
		for _, w := range want {
			if !got[w] {
				t.Errorf("%s: no line %q in %v", out, w, got)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", out, got, want)
		}
		verifyClean(t, r.path(out))
	}
}

// More bad examples than the budget end the run with status 3, and say how many
// of which reason; there is no dataset then. With a larger budget the same
// target can be finished.
func TestErrorBudget(t *testing.T) {
	t.Parallel()
	for _, runner := range []string{"direct", "prism"} {
		t.Run(runner, func(t *testing.T) {
			t.Parallel()
			r := newRaw(t)
			bad := r.spoiltCoco()
			recipe := r.recipe("coco", spoiltRecipe+"20%")
			e := tailorbird(t, nil, buildArgs(recipe, r.path("out"), "--runner", runner)...)
			res := e.report(t)
			if e.status != 3 || res.OK || res.ExitStatus != 3 || hasManifest(r.path("out")) {
				t.Errorf("exit status %d, manifest %t\n%s%s", e.status, hasManifest(r.path("out")), e.stdout, e.stderr)
			}
			for _, want := range []string{"error budget", fmt.Sprint(6 + len(bad))} {
				if !strings.Contains(res.Error, want) || !strings.Contains(e.stderr, want) {
					t.Errorf("%q is not in the message:\n%s\nstderr: %s", want, res.Error, e.stderr)
				}
			}
			named := 0
			for _, reason := range fault.Reasons {
				if strings.Contains(res.Error, string(reason)) {
					named++
				}
			}
			if named == 0 {
				t.Errorf("the message names no reason: %s", res.Error)
			}
			more := build(t, recipe, r.path("out"), "--runner", runner, "--set", "build.error_budget=90%")
			if more.Quarantined != len(bad) {
				t.Errorf("%d set aside, want %d", more.Quarantined, len(bad))
			}
			noLeavings(t, r.path("out"))
		})
	}
}

// A class whose images are all bad ends the run although the whole is within its
// budget, and is named.
func TestFault26ClassBudget(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.imagenetDir(40)
	for _, m := range members(t, 40) {
		if m.wnid == "n02105855" {
			r.write("train/"+m.wnid+"/"+m.name, html)
		}
	}
	recipe := r.recipe("imagenet", "dataset: imagenet\ninputs: {images: train, synsets: LOC_synset_mapping.txt}\nshards: 3\nerror_budget: 40%")
	e := tailorbird(t, nil, buildArgs(recipe, r.path("out"))...)
	res := e.report(t)
	if e.status != 3 || hasManifest(r.path("out")) {
		t.Errorf("exit status %d, manifest %t\n%s", e.status, hasManifest(r.path("out")), e.stderr)
	}
	for _, want := range []string{"n02105855", "Shetland", "10 of its 10"} {
		if !strings.Contains(res.Error, want) {
			t.Errorf("%q is not in %q", want, res.Error)
		}
	}
	if got := build(t, recipe, r.path("out"), "--set", "build.class_error_budget=100%"); got.Quarantined != 10 || got.ResumedShards != 3 {
		t.Errorf("%+v", got)
	}
}
