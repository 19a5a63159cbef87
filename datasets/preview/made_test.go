package preview

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

const evil = `"><script>alert(1)</script>`

// newSewn writes a detection dataset of four samples in two shards: two real, one
// with edited copies, and two synthetic, the base of one of them elsewhere.
func newSewn(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	box := datasets.Box{5, 6, 20, 10}
	of := func(key string) *datasets.Example {
		return &datasets.Example{Key: key, Split: "train", Width: 64, Height: 48,
			Annotations: &[]datasets.Annotation{{ID: 7, CategoryID: 1, BBox: box, Area: 200}}}
	}
	made := func(key, base string) *datasets.Example {
		iou, ex := 0.9, of(key)
		ex.Synthetic = &datasets.Synthetic{BaseKey: base, CategoryID: 1, Annotation: 7, Prompt: evil,
			Generator: datasets.GeneratorIdentity{Name: "copy_paste", Version: evil}, Seed: 42, Localiser: "difference",
			Verdicts: []datasets.Verdict{{Check: evil, Value: 0.1, Limit: 0.2, OK: true}}, Truth: &datasets.Truth{BBox: box, Area: 200}, Found: &box, FoundIoU: &iou}
		return ex
	}
	edited := of("000b")
	edited.Edits = []datasets.Edit{{Name: "edit0", Instruction: evil, CategoryID: 1, Count: 1, MaskBBox: box, Inpaint: "telea"}, {Name: "edit1", Instruction: "Add a cat", MaskBBox: box}}
	m := &manifest.Manifest{Dataset: "sewn", Task: "detection", Classes: []manifest.Class{{ID: 1, Name: "cat"}}}
	s := manifest.Split{Examples: 4}
	for i, shard := range [][]*datasets.Example{{of("000a"), edited}, {made("000a-s1", "000a"), made("000z-s1", "000z")}} {
		var b bytes.Buffer
		for _, ex := range shard {
			line(t, &b, ex)
		}
		p := lines{}.Path("train", i, 2)
		write(t, filepath.Join(root, p), b.Bytes())
		s.Shards = append(s.Shards, manifest.Shard{Format: "lines", Path: p, Bytes: int64(b.Len()), Examples: len(shard)})
	}
	m.Splits = map[string]manifest.Split{"train": s}
	m.Seal()
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, manifest.Name), text)
	return root
}

func TestASyntheticSampleTellsHowItWasMade(t *testing.T) {
	t.Parallel()
	h := open(t, newSewn(t), Options{})
	page := get(h, "/sample/train/000a-s1?shard=1").Body.String()
	for _, want := range []string{`<span class="badge">synthetic</span>`, "copy_paste", "seed 42", "1 of 1 passed", "intersection over union with where it was put: 0.9",
		`class="box truth"`, `class="box found"`, `href="/sample/train/000a?shard=0"`, "one object of class cat was added"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "<script") {
		t.Error("text of the data became markup")
	}
	if page := get(h, "/sample/train/000z-s1").Body.String(); !strings.Contains(page, "not in this split") || strings.Contains(page, "open it") {
		t.Error("a base that is not there is linked")
	}
	if page := get(h, "/sample/train/000a").Body.String(); strings.Contains(page, "How it was made") || strings.Contains(page, `class="badge"`) {
		t.Error("a real sample is called synthetic")
	}
}

func TestSamplesAreFilteredByHowTheyCameToBe(t *testing.T) {
	t.Parallel()
	h := open(t, newSewn(t), Options{})
	for made, of := range map[string]struct{ samples, badges int }{"": {4, 2}, "synthetic": {2, 2}, "real": {2, 0}} {
		page := get(h, "/samples?made="+made).Body.String()
		samples, badges := strings.Count(page, `<figure class="sample">`), strings.Count(page, `<span class="badge">synthetic</span>`)
		if samples != of.samples || badges != of.badges {
			t.Errorf("made=%s: %d samples, %d badges, want %v", made, samples, badges, of)
		}
		if made != "" && !strings.Contains(page, "<option selected>"+made+"</option>") {
			t.Errorf("made=%s: the form does not say so", made)
		}
	}
	if w := get(h, "/samples?made=none"); w.Code != http.StatusBadRequest {
		t.Errorf("status %d", w.Code)
	}
	f := filter{Split: "train", Made: "real", At: cursor{1, 2}}
	if got := f.address(); got != "/samples?at=1.2&made=real&split=train" {
		t.Errorf("address %s", got)
	}
}

func TestEditedCopiesAreShownWhereTheFormatHoldsThem(t *testing.T) {
	t.Parallel()
	h := open(t, newSewn(t), Options{})
	page := get(h, "/sample/train/000b").Body.String()
	for _, want := range []string{"Copies with objects removed", `href="/edit/train/000b/0?shard=0"`, "this format does not hold the picture", "cat, 1 removed, filled by telea"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "/edit/train/000b/1") || strings.Contains(page, "<script") {
		t.Error("the page leads to what is not there, or text became markup")
	}
	if w := get(h, "/edit/train/000b/0"); w.Code != 200 || w.Body.String() != "edited 000b" || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("status %d, %s, %q", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	for _, address := range []string{"/edit/train/000b/1", "/edit/train/000b/2", "/edit/train/000b/-1", "/edit/train/000b/x", "/edit/train/none/0", "/edit/..%2f/000b/0"} {
		if w := get(h, address); w.Code != 404 {
			t.Errorf("%s: status %d", address, w.Code)
		}
	}
}
