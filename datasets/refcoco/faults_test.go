package refcoco

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// notes collects what a plan tells its user.
type notes struct{ list []string }

func (n *notes) add(format string, args ...any) {
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

// pickled is x, of lists, maps, strings and whole numbers, as protocol 2 with
// the strings of Python 2.
func pickled(x any) []byte { return append(appendPickle([]byte{0x80, 2}, x), '.') }

func appendPickle(b []byte, x any) []byte {
	switch x := x.(type) {
	case nil:
		return append(b, 'N')
	case string:
		b = binary.LittleEndian.AppendUint32(append(b, 'T'), uint32(len(x)))
		return append(b, x...)
	case int:
		return binary.LittleEndian.AppendUint32(append(b, 'J'), uint32(x))
	case float64:
		return appendPickle(b, int(x))
	case []any:
		b = append(b, ']', '(')
		for _, v := range x {
			b = appendPickle(b, v)
		}
		return append(b, 'e')
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		b = append(b, '}', '(')
		for _, k := range keys {
			b = appendPickle(appendPickle(b, k), x[k])
		}
		return append(b, 'u')
	}
	panic(fmt.Sprintf("%T", x))
}

type object = map[string]any

func refsOf(t testing.TB) []any {
	t.Helper()
	raw, err := os.ReadFile("testdata/refs.json")
	if err != nil {
		t.Fatal(err)
	}
	var refs []any
	if err := json.Unmarshal(raw, &refs); err != nil {
		t.Fatal(err)
	}
	return refs
}

// many is the refs of raw so many times, each under a ref_id of its own.
func many(t testing.TB, raw []byte, copies int) []any {
	t.Helper()
	var out []any
	for range copies {
		var refs []any
		if err := json.Unmarshal(raw, &refs); err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			r.(object)["ref_id"] = len(out)
			out = append(out, r)
		}
	}
	return out
}

// write puts refs into a file refs(unc).p and returns the inputs with it.
func write(t testing.TB, data []byte) datasets.Inputs {
	t.Helper()
	in := inputs("")
	in["refs"] = filepath.Join(t.TempDir(), "refs(unc).p")
	if err := os.WriteFile(in["refs"], data, 0o600); err != nil {
		t.Fatal(err)
	}
	return in
}

// The first ref of the fixture is ref 0, of image 9 in train.
func TestFault25ABrokenRefSetsItsExampleAside(t *testing.T) {
	t.Parallel()
	sentences := func(r object) []any { return r["sentences"].([]any) }
	for _, c := range []struct {
		name    string
		change  func(r object)
		reason  fault.Code
		message string
	}{
		{"no such annotation", func(r object) { r["ann_id"] = 7 }, fault.InvalidAnnotation, "ref 0: annotation 7 is not in "},
		{"annotation of another image", func(r object) { r["ann_id"] = 100015 }, fault.InvalidAnnotation, "ref 0 of image 9: annotation 100015 is of image 36"},
		{"no sentences", func(r object) { r["sentences"] = []any{} }, fault.InvalidAnnotation, "ref 0: no sentence"},
		{"an empty sentence", func(r object) { sentences(r)[1].(object)["raw"] = ""; sentences(r)[1].(object)["sent"] = "" }, fault.InvalidAnnotation, "ref 0: sentences[1] (sent_id 1) is empty"},
		{"a ref_id that another has", func(r object) { r["ref_id"] = 1 }, fault.Conflict, "ref 1 is there twice: of image 9 in train, and of image 9 in train"},
		{"a sentence of wrong type", func(r object) { sentences(r)[1].(object)["sent_id"] = "1" }, fault.Corrupt, "ref 0: sentences[1].sent_id: byte "},
		{"tokens of wrong type", func(r object) { sentences(r)[0].(object)["tokens"] = []any{"a", 1} }, fault.Corrupt, "int, want string"},
		{"tokens that are text", func(r object) { sentences(r)[0].(object)["tokens"] = "a b" }, fault.Corrupt, "string, want list"},
		{"no raw", func(r object) { delete(sentences(r)[0].(object), "raw") }, fault.Corrupt, "no raw"},
		{"several annotations", func(r object) { r["ann_id"] = []any{1, 2} }, fault.Corrupt, "ref 0 (record 0): ann_id: byte "},
		{"no ref_id", func(r object) { delete(r, "ref_id") }, fault.Corrupt, "record 0"},
		{"sentences that are None", func(r object) { r["sentences"] = nil }, fault.Corrupt, "None, want list"},
	} {
		refs := refsOf(t)
		c.change(refs[0].(object))
		got := mustPlan(t, "refcoco", write(t, pickled(refs)))
		if len(got.refs) != 9 || len(got.rejected) != 1 {
			t.Errorf("%s: %d planned, rejected %v", c.name, len(got.refs), got.rejected)
			continue
		}
		r := got.rejected[0]
		if r.Key != "000000000009" || r.Split != "train" || r.Stage != "plan" || r.Reason != c.reason || !strings.Contains(r.Message, c.message) || r.Label != -1 {
			t.Errorf("%s: rejected as %+v, want %s with %q", c.name, r, c.reason, c.message)
		}
	}
}

func TestFault25OneRefInTwoSplitsSetsBothAside(t *testing.T) {
	t.Parallel()
	refs := refsOf(t)
	refs = append(refs, copyOf(refs[0].(object), object{"split": "val"}))
	got := mustPlan(t, "refcoco", write(t, pickled(refs)))
	if len(got.refs) != 9 || len(got.rejected) != 2 {
		t.Fatalf("%d planned, rejected %v", len(got.refs), got.rejected)
	}
	for i, split := range []string{"train", "val"} {
		r := got.rejected[i]
		if r.Split != split || r.Reason != fault.Conflict || !strings.Contains(r.Message, "of image 9 in train, and of image 9 in val") {
			t.Errorf("rejected as %+v", r)
		}
	}
	if !slices.ContainsFunc(got.notes.list, func(s string) bool { return strings.Contains(s, "splits train and val share 1 images and 1 objects") }) {
		t.Errorf("notes %q name no overlap", got.notes.list)
	}
}

func copyOf(r, changes object) object {
	out := object{}
	for k, v := range r {
		out[k] = v
	}
	for k, v := range changes {
		out[k] = v
	}
	return out
}

func TestFault25AnImageThatInstancesLackIsNotFound(t *testing.T) {
	t.Parallel()
	refs := refsOf(t)
	refs = append(refs, copyOf(refs[0].(object), object{"ref_id": 9000, "image_id": 12345}))
	got := mustPlan(t, "refcoco", write(t, pickled(refs)))
	if len(got.refs) != 10 || len(got.rejected) != 1 || got.rejected[0].Key != "000000012345" || got.rejected[0].Reason != fault.NotFound {
		t.Errorf("%d planned, rejected %+v", len(got.refs), got.rejected)
	}
}

func TestFault25AnEmptyNormalisedSentenceIsKeptWithItsRawText(t *testing.T) {
	t.Parallel()
	refs := refsOf(t)
	s := refs[0].(object)["sentences"].([]any)[0].(object)
	s["sent"], s["tokens"], s["raw"] = "", []any{}, "?? caf\xe9"
	in := write(t, pickled(refs))
	got := mustPlan(t, "refcoco", in, "train")
	ex, err := exampleOf(t, "refcoco", in, got.refs[0], &got.meta)
	if err != nil {
		t.Fatal(err)
	}
	if s := (*ex.Refs)[0].Sentences[0]; s.Raw != "?? caf\u00e9" || s.Sent != "" || len(s.Tokens) != 0 || s.Tokens == nil {
		t.Errorf("got %+v", s)
	}
}

func TestFault25AnotherCategoryThanTheAnnotationsIsInvalid(t *testing.T) {
	t.Parallel()
	refs := refsOf(t)
	refs[0].(object)["category_id"] = 3
	in := write(t, pickled(refs))
	got := mustPlan(t, "refcoco", in, "train")
	_, err := exampleOf(t, "refcoco", in, got.refs[0], &got.meta)
	if fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), "ref 0: category 3, its annotation 100001 has 51") {
		t.Errorf("got %v", err)
	}
}

func TestFault25SplitsThatShareImagesAreNoted(t *testing.T) {
	t.Parallel()
	got := mustPlan(t, "refcocog", inputs("refcocog/refs(google).p"))
	want := "refcocog (google): the splits train and val share 3 images and 0 objects; they are not disjoint by image"
	if !slices.Contains(got.notes.list, want) || len(got.notes.list) != 1 {
		t.Errorf("notes %q, want %q", got.notes.list, want)
	}
	refs := refsOf(t)
	refs = append(refs, copyOf(refs[0].(object), object{"ref_id": 9000, "split": "val"}))
	got = mustPlan(t, "refcoco", write(t, pickled(refs)))
	want = "refcoco (unc): the splits train and val share 1 images and 1 objects; they are not disjoint by image"
	if !slices.Contains(got.notes.list, want) {
		t.Errorf("notes %q, want %q", got.notes.list, want)
	}
}

func TestUnknownSplitsAndFileNamesAreKeptAndNoted(t *testing.T) {
	t.Parallel()
	refs := refsOf(t)
	refs[0].(object)["split"] = "extra"
	in := write(t, pickled(refs))
	got := mustPlan(t, "refcoco", in, "extra")
	if len(got.refs) != 1 || !strings.Contains(strings.Join(got.notes.list, "\n"), `1 refs are in a split "extra", which refcoco (unc) does not have`) {
		t.Errorf("%d refs, notes %q", len(got.refs), got.notes.list)
	}
	other := filepath.Join(filepath.Dir(in["refs"]), "mine.p")
	if err := os.Rename(in["refs"], other); err != nil {
		t.Fatal(err)
	}
	in["refs"] = other
	got = mustPlan(t, "refcoco", in)
	if len(got.refs) != 11 || !strings.Contains(got.notes.list[0], "mine.p: the name is none of refcoco's refs(SPLITBY).p") {
		t.Errorf("%d refs, notes %q", len(got.refs), got.notes.list)
	}
	if _, err := planOf(t, "refcoco", in, "testC"); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "holds the splits extra, testA, testB, train, val, not testC") {
		t.Errorf("a split that is not there: %v", err)
	}
}

func TestARefsFileThatIsNoneIsAnErrorWithItsPlace(t *testing.T) {
	t.Parallel()
	splits := []any{}
	for i := range 40 {
		splits = append(splits, object{"image_id": 1, "split": fmt.Sprint("s", i)})
	}
	for name, c := range map[string]struct {
		data    []byte
		code    fault.Code
		message string
	}{
		"code":               {[]byte("cos\nsystem\n(S'true'\ntR."), fault.Unsupported, "refs(unc).p: byte 0: pickle opcode GLOBAL"},
		"no list":            {pickled(object{}), fault.Corrupt, "dict, want list"},
		"no records":         {pickled([]any{1}), fault.Corrupt, "record 0: byte 4: int, want dict"},
		"no image":           {pickled([]any{object{"split": "train"}}), fault.Corrupt, "record 0: byte 4: no image_id"},
		"an image of text":   {pickled([]any{object{"image_id": "9"}}), fault.Corrupt, "image_id: byte 19: string, want int"},
		"no split":           {pickled([]any{object{"image_id": 9}}), fault.Corrupt, "no split"},
		"a split of numbers": {pickled([]any{object{"image_id": 9, "split": 1}}), fault.Corrupt, "split: byte"},
		"a split that leads out": {pickled([]any{object{"image_id": 9, "split": "../train"}}), fault.Corrupt,
			`split: "../train" is no name`},
		"too many splits": {pickled(splits), fault.TooLarge, "one more than the 32"},
	} {
		_, err := planOf(t, "refcoco", write(t, c.data))
		if fault.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.message) {
			t.Errorf("%s: got %v (%s), want %s with %q", name, err, fault.CodeOf(err), c.code, c.message)
		}
	}
}

func TestFault25ImagesAreFoundByTheirNamesOf2014AndOf2017(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"COCO_train2014_000000000042.jpg":           "COCO_train2014_000000000042.jpg",
		"train2014/COCO_train2014_000000000042.jpg": "train2014/COCO_train2014_000000000042.jpg",
		"000000000042.jpg":                          "000000000042.jpg",
		"train2017/000000000042.jpg":                "train2017/000000000042.jpg",
	} {
		in := inputs("refcoco/refs(unc).p")
		in["images"] = t.TempDir()
		path := filepath.Join(in["images"], filepath.FromSlash(dir))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("jpeg"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, ref := range mustPlan(t, "refcoco", in, "train").refs {
			if ref.Key == "000000000042" && (ref.Image.Name != want || ref.Image.Length != 4) {
				t.Errorf("%s: found as %+v", dir, ref.Image)
			}
			if ref.Key == "000000000009" && (ref.Image.Name != "COCO_train2014_000000000009.jpg" || ref.Image.Length != -1) {
				t.Errorf("a missing image is planned as %+v", ref.Image)
			}
		}
	}
}

func TestFault25AnImageNameThatLeadsOutIsRefused(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/instances.json")
	if err != nil {
		t.Fatal(err)
	}
	in := inputs("refcoco/refs(unc).p")
	in["annotations"] = filepath.Join(t.TempDir(), "instances.json")
	bad := strings.Replace(string(raw), `"COCO_train2014_000000000042.jpg"`, `"../secret.jpg"`, 1)
	if err := os.WriteFile(in["annotations"], []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	got := mustPlan(t, "refcoco", in)
	if len(got.rejected) != 1 || got.rejected[0].Key != "000000000042" || got.rejected[0].Reason != fault.InvalidAnnotation {
		t.Errorf("rejected %+v", got.rejected)
	}
}

func FuzzParseRefs(f *testing.F) {
	for _, name := range []string{"refcoco/refs(unc).p", "refcoco+/refs(unc).p", "refcocog/refs(umd).p"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(pickled([]any{object{"image_id": 9, "split": "train", "ref_id": 1, "ann_id": 2, "category_id": 3, "sentences": []any{}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		refs, err := parseRefs(data)
		if err != nil && !fault.CodeOf(err).IsData() {
			t.Fatalf("untyped: %v", err)
		}
		for _, r := range refs {
			if r.err != nil {
				continue
			}
			if _, err := r.parseSentences(); err != nil && !fault.CodeOf(err).IsData() {
				t.Fatalf("untyped: %v", err)
			}
		}
	})
}
