package imagenet

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const synsetText = "n90000001 red disc, disk\nn90000002 blue square\nn90000003 kite, paper kite\nn90000004 bell\n"

// outcome is all that a plan says.
type outcome struct {
	refs     []datasets.Ref
	rejected []datasets.Rejection
	inputs   []datasets.InputFile
	notes    []string
	read     int64
	meta     datasets.Meta
	err      error
}

func planOf(in datasets.Inputs, splits ...string) *outcome {
	o := &outcome{}
	p := &datasets.Planner{
		Splits: splits,
		Emit:   func(r datasets.Ref) error { o.refs = append(o.refs, r); return nil },
		Reject: func(r datasets.Rejection) error { o.rejected = append(o.rejected, r); return nil },
		Input:  func(f datasets.InputFile) { o.inputs = append(o.inputs, f) },
		Note:   func(format string, args ...any) { o.notes = append(o.notes, fmt.Sprintf(format, args...)) },
		Read:   func(n int64) { o.read += n },
	}
	o.err = source{}.Plan(context.Background(), in, p)
	o.meta = p.Meta
	return o
}

// String puts an outcome into lines that a test can compare.
func (o *outcome) String() string {
	var b strings.Builder
	for _, r := range o.refs {
		fmt.Fprintf(&b, "%s %s %d %q+%d\n", r.Split, r.Key, r.Label, r.Image.Name, r.Image.Length)
	}
	for _, r := range o.rejected {
		fmt.Fprintf(&b, "- %s %s %s: %s\n", r.Split, r.Key, r.Reason, r.Message)
	}
	if o.err != nil {
		fmt.Fprintf(&b, "%s: %v\n", fault.CodeOf(o.err), o.err)
	}
	return b.String()
}

// tree writes files below a new directory; the address is that directory.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name, body, _ := strings.Cut(f, "=")
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		name, body, _ := strings.Cut(f, "=")
		h := &tar.Header{Name: name, Size: int64(len(body)), Typeflag: tar.TypeReg, Mode: 0o644}
		if target, ok := strings.CutPrefix(body, "->"); ok {
			h.Typeflag, h.Linkname, h.Size, body = tar.TypeSymlink, target, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, body)
	}
	w.Close()
	return b.Bytes()
}

func inputs(t testing.TB, images string, more ...string) datasets.Inputs {
	in := datasets.Inputs{"images": images, "synsets": write(t, "LOC_synset_mapping.txt", []byte(synsetText))}
	for i := 0; i < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	return in
}

func expect(t *testing.T, o *outcome, want string) {
	t.Helper()
	if got := o.String(); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWnidDirectories(t *testing.T) {
	t.Parallel()
	dir := tree(t, "n90000002/n90000002_10.JPEG=ab", "n90000001/n90000001_2.jpg=c", "n90000001/n90000001_10.PNG=de",
		"n90000001/._n90000001_2.jpg=x", "n90000001/README=x", "n90000004/ILSVRC2012_val_00000007.jpeg=f")
	o := planOf(inputs(t, dir))
	expect(t, o, `
train n90000001_10 0 "n90000001/n90000001_10.PNG"+2
train n90000001_2 0 "n90000001/n90000001_2.jpg"+1
train n90000002_10 1 "n90000002/n90000002_10.JPEG"+2
train ILSVRC2012_val_00000007 3 "n90000004/ILSVRC2012_val_00000007.jpeg"+1`)
	if got := strings.Join(o.notes, "; "); !strings.Contains(got, "2 files") || !strings.Contains(got, "1 of 4 synsets have no image in train: n90000003") {
		t.Errorf("notes: %s", got)
	}
	if len(o.inputs) != 2 || o.inputs[1].Of != "listing" || o.inputs[1].Bytes != 8 || o.read != int64(8+len(synsetText)) {
		t.Errorf("inputs %+v, %d bytes read", o.inputs, o.read)
	}
	if c := o.meta.Classes[2]; c.ID != 2 || c.Name != "kite, paper kite" || c.Synset != "n90000003" {
		t.Errorf("class 2 is %+v", c)
	}
	expect(t, planOf(inputs(t, dir), "val", "test"), `usage: imagenet: the images of `+dir+` make up the split "train"; the recipe asks for ["val" "test"]`)
	if o := planOf(inputs(t, dir), "val"); o.err != nil || o.refs[0].Split != "val" {
		t.Errorf("one split in the recipe names it: %s", o)
	}
	if o := planOf(inputs(t, dir), "tranig"); fault.CodeOf(o.err) != fault.Usage {
		t.Errorf("a split of no known name: %v", o.err)
	}
}

func TestImagesThatCannotBeUsedAreSetAside(t *testing.T) {
	t.Parallel()
	o := planOf(inputs(t, tree(t,
		"n90000001/a.b.JPEG=x", "n90000001/a_b.JPEG=x", "n90000001/n90000001_1.JPEG=x", "n90000001/n90000001_1.jpg=x",
		"n90000002/a_b.png=x", "n90000002/n90000001_1.JPEG=x", "n90000009/n90000009_1.JPEG=x", "n90000003/sub/x.JPEG=x", "top.JPEG=x")))
	expect(t, o, `
train a_b 0 "n90000001/a.b.JPEG"+1
train n90000001_1 0 "n90000001/n90000001_1.JPEG"+1
- train a_b conflict: images: n90000001/a_b.JPEG has the key of a file of n90000001
- train n90000001_1 conflict: images: n90000001/n90000001_1.jpg has the key of n90000001/n90000001_1.JPEG
- train a_b conflict: images: n90000002/a_b.png has the key of a file of n90000001
- train n90000001_1 invalid_annotation: images: n90000002/n90000001_1.JPEG lies in n90000002 and is named for n90000001
- train x invalid_annotation: images: "n90000003/sub" is not in the synset list
- train n90000009_1 invalid_annotation: images: "n90000009" is not in the synset list
- train top invalid_annotation: images: "" is not in the synset list`)
}

func TestATarOfTarsIsReadInPlace(t *testing.T) {
	t.Parallel()
	data := archive(t,
		"n90000001.tar="+string(archive(t, "n90000001_1.JPEG=one", "./n90000001_2.JPEG=three")),
		"n90000003.tar="+string(archive(t, "n90000003_7.JPEG=seven", "notes.txt=x")))
	in := inputs(t, write(t, "ILSVRC2012_img_train.tar", data))
	o := planOf(in)
	expect(t, o, `
train n90000001_1 0 ""+3
train n90000001_2 0 ""+5
train n90000003_7 2 ""+5`)
	for i, want := range []string{"one", "three", "seven"} {
		if s := o.refs[i].Image; string(data[s.Offset:s.Offset+s.Length]) != want {
			t.Errorf("image %d is %q, want %q", i, data[s.Offset:s.Offset+s.Length], want)
		}
	}
	if o.read != int64(len(data)+len(synsetText)) || o.inputs[1].Bytes != int64(len(data)) {
		t.Errorf("%d bytes read of %d; inputs %+v", o.read, len(data), o.inputs)
	}
}

func TestOneBrokenInnerTarCostsItsOwnImages(t *testing.T) {
	t.Parallel()
	bad := archive(t, "n90000001_1.JPEG=one", "n90000001_2.JPEG=two")
	bad[1024+30] ^= 1
	good := string(archive(t, "n90000002_1.JPEG=one"))
	o := planOf(inputs(t, write(t, "train.tar", archive(t,
		"n90000001.tar="+string(bad), "n90000002.tar="+good, "n90000003.tar="+strings.Repeat("<html>", 200), "n90000002.tar="+good, "n90000004/n90000004_1.JPEG=x"))))
	expect(t, o, `
train n90000001_1 0 ""+3
train n90000002_1 1 ""+3
- train n90000001 corrupt: train.tar: n90000001.tar: byte 1536: tar: the checksum of the header does not agree
- train n90000003 corrupt: train.tar: n90000003.tar: byte 6656: n90000003.tar is not a tar
- train n90000002 conflict: train.tar: n90000002.tar: n90000002.tar is there more than once; the first counts
- train n90000004_1 unsupported: images: n90000004/n90000004_1.JPEG: archives and single images are mixed`)
}

func TestFault19HostileMembersAreNotFollowed(t *testing.T) {
	t.Parallel()
	o := planOf(inputs(t, write(t, "x.tar", archive(t,
		"n90000001/n90000001_1.JPEG=x", "../n90000001_2.JPEG=x", "/etc/n90000001_3.JPEG=x", "n90000001/n90000001_4.JPEG=->/etc/passwd",
		"n90000002/n90000002_1.JPEG=x", "n90000001/n90000001_1.JPEG=twice"))))
	expect(t, o, `
train n90000001_1 0 ""+1
train n90000002_1 1 ""+1
- train n90000001_2 unsupported: x.tar: byte 1024: tar: member "../n90000001_2.JPEG": the name leads out of its directory
- train n90000001_3 unsupported: x.tar: byte 2048: tar: member "/etc/n90000001_3.JPEG": the name is absolute
- train n90000001_4 unsupported: x.tar: byte 3072: tar: member "n90000001/n90000001_4.JPEG": a symbolic link, which is not followed
- train n90000001_1 conflict: images: n90000001/n90000001_1.JPEG has the key of a file of n90000001`)
}

func TestATruncatedArchiveEndsThePlan(t *testing.T) {
	t.Parallel()
	data := archive(t, "n90000001.tar="+string(archive(t, "n90000001_1.JPEG="+strings.Repeat("x", 3000))))
	o := planOf(inputs(t, write(t, "train.tar", data[:2000])))
	if fault.CodeOf(o.err) != fault.Corrupt || !fault.PlaceOf(o.err).HasOffset || !strings.Contains(o.err.Error(), "train.tar") {
		t.Errorf("%v", o.err)
	}
}

const solution = "ImageId,PredictionString\r\n" +
	"ILSVRC2012_val_00000002,n90000002 1 2 3 4 n90000001 1 2 3 4 \r\n" +
	"ILSVRC2012_val_00000001,n90000003 0 0 9 9 \r\n" +
	"ILSVRC2012_val_00000003,n12345678 0 0 9 9 \r\n" +
	"ILSVRC2012_val_00000004,n90000001 0 0 9 9\r\n" +
	"ILSVRC2012_val_00000005,n90000001 0 0 9 9\r\n" +
	"ILSVRC2012_val_00000005,n90000002 0 0 9 9\r\n"

func TestFlatImagesTakeTheirLabelFromTheSolution(t *testing.T) {
	t.Parallel()
	dir := tree(t, "ILSVRC2012_val_00000001.JPEG=a", "ILSVRC2012_val_00000002.JPEG=b", "ILSVRC2012_val_00000002.png=b",
		"ILSVRC2012_val_00000003.JPEG=c", "ILSVRC2012_val_00000005.JPEG=e", "ILSVRC2012_val_00000009.JPEG=z")
	o := planOf(inputs(t, dir, "labels", write(t, "LOC_val_solution.csv", []byte(solution))))
	expect(t, o, `
val ILSVRC2012_val_00000001 2 "ILSVRC2012_val_00000001.JPEG"+1
val ILSVRC2012_val_00000002 1 "ILSVRC2012_val_00000002.JPEG"+1
- val ILSVRC2012_val_00000002 conflict: images: ILSVRC2012_val_00000002.png has the label of ILSVRC2012_val_00000002.JPEG
- val ILSVRC2012_val_00000003 invalid_annotation: LOC_val_solution.csv: byte 132: "n12345678" is not in the synset list
- val ILSVRC2012_val_00000005 conflict: LOC_val_solution.csv: lines that disagree about ILSVRC2012_val_00000005
- val ILSVRC2012_val_00000009 invalid_annotation: labels: no line for ILSVRC2012_val_00000009
- val ILSVRC2012_val_00000004 not_found: images: no file for ILSVRC2012_val_00000004, which labels name`)
	if o := planOf(inputs(t, dir)); fault.CodeOf(o.err) != fault.Usage || !strings.Contains(o.err.Error(), "inputs.labels") {
		t.Errorf("without labels: %v", o.err)
	}
}

// The ids of the kit are not the order of the wnids: taken for labels they would
// give 0, 1, 2, 3.
func TestGroundTruthIDsGoThroughTheDevelopmentKit(t *testing.T) {
	t.Parallel()
	images := archive(t, "ILSVRC2012_val_00000003.JPEG=c", "ILSVRC2012_val_00000001.JPEG=a", "ILSVRC2012_val_00000006.JPEG=f", "x.JPEG=x")
	for _, kit := range []string{"meta.mat", "meta_plain.mat"} {
		in := inputs(t, write(t, "ILSVRC2012_img_val.tar", images),
			"labels", write(t, "ILSVRC2012_validation_ground_truth.txt", []byte("1\n\n3\n4\n1\n7\n")), "devkit", filepath.Join("testdata", kit))
		o := planOf(in)
		expect(t, o, `
val ILSVRC2012_val_00000003 3 ""+1
val ILSVRC2012_val_00000001 2 ""+1
- val ILSVRC2012_val_00000006 invalid_annotation: ILSVRC2012_validation_ground_truth.txt: byte 9: "7" is not an ILSVRC2012_ID of the development kit
- val x invalid_annotation: labels: no line for x
- val ILSVRC2012_val_00000002 not_found: images: no file for ILSVRC2012_val_00000002, which labels name
- val ILSVRC2012_val_00000004 not_found: images: no file for ILSVRC2012_val_00000004, which labels name
- val ILSVRC2012_val_00000005 not_found: images: no file for ILSVRC2012_val_00000005, which labels name`)
		delete(in, "devkit")
		if o := planOf(in); fault.CodeOf(o.err) != fault.Usage || !strings.Contains(o.err.Error(), "meta.mat") {
			t.Errorf("without the kit: %v", o.err)
		}
	}
}

func TestBrokenInputsNameFileAndByte(t *testing.T) {
	t.Parallel()
	flat := tree(t, "ILSVRC2012_val_00000001.JPEG=a")
	for _, c := range []struct {
		name, synsets, labels, devkit string
		code                          fault.Code
		text                          string
	}{
		{"a page instead of the synsets", "<!DOCTYPE html>", "", "", fault.Corrupt, "LOC_synset_mapping.txt: byte 0"},
		{"a wnid twice", "n90000001 a\nn90000001 b\n", "", "", fault.Conflict, "byte 12"},
		{"synsets without a line", "\n\n", "", "", fault.Corrupt, "no line"},
		{"a page instead of the labels", synsetText, "<html>", "", fault.Corrupt, "labels: byte 0"},
		{"a row without a comma", synsetText, "ImageId,PredictionString\nx\n", "", fault.Corrupt, "byte 25"},
		{"a page instead of the kit", synsetText, "1\n", strings.Repeat("<html>", 100), fault.Corrupt, "meta.mat: byte 126"},
		{"an empty kit", synsetText, "1\n", "", fault.Corrupt, "0 bytes"},
	} {
		in := datasets.Inputs{"images": flat, "synsets": write(t, "LOC_synset_mapping.txt", []byte(c.synsets)),
			"labels": write(t, "labels", []byte(c.labels)), "devkit": write(t, "meta.mat", []byte(c.devkit))}
		if o := planOf(in); fault.CodeOf(o.err) != c.code || !strings.Contains(o.err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, o.err)
		}
	}
	for name, dir := range map[string]string{"empty": t.TempDir(), "missing": filepath.Join(t.TempDir(), "x"), "one too high": tree(t, "train/n90000001/a.JPEG=x")} {
		if o := planOf(inputs(t, dir)); o.err == nil {
			t.Errorf("images that are %s: no error", name)
		}
	}
}

func TestUnsortedSynsetsKeepTheirPositionAndAreNoted(t *testing.T) {
	t.Parallel()
	in := inputs(t, tree(t, "n90000001/n90000001_1.JPEG=x"))
	in["synsets"] = write(t, "synset_words.txt", []byte("n90000002 b\nn90000001\ta\n"))
	o := planOf(in)
	if len(o.refs) != 1 || o.refs[0].Label != 1 || o.meta.Classes[1].Name != "a" || !strings.Contains(strings.Join(o.notes, ""), "not in ascending order") {
		t.Errorf("%s%q", o, o.notes)
	}
}

func TestExampleStatesTheClass(t *testing.T) {
	t.Parallel()
	m := &datasets.Meta{Classes: []datasets.Class{{Synset: "n1", Name: "a"}, {ID: 1, Synset: "n2", Name: "b, c"}}}
	ex, err := source{}.Example(&datasets.Ref{Key: "k", Split: "val", Label: 1}, nil, m)
	if err != nil || *ex.Label != 1 || ex.Wnid != "n2" || ex.Name != "b, c" || ex.Key != "k" || ex.Split != "val" || ex.Task() != datasets.Classification {
		t.Errorf("%+v, %v", ex, err)
	}
	for _, label := range []int{-1, 2} {
		if _, err := (source{}).Example(&datasets.Ref{Label: label}, nil, m); fault.CodeOf(err) != fault.InvalidAnnotation {
			t.Errorf("label %d: %v", label, err)
		}
	}
}

func TestKeysHoldWhatAKeyCanHold(t *testing.T) {
	t.Parallel()
	for stem, want := range map[string]string{
		"n01440764_10026":    "n01440764_10026",
		"n02086240_Shih-Tzu": "n02086240_Shih-Tzu",
		"n03992509_potter's": "n03992509_potter's", "": "_",
		"a.b c":                 "a_b c",
		"ü\xff":                 "ü_",
		strings.Repeat("x", 80): strings.Repeat("x", 80),
		strings.Repeat("x", 81): strings.Repeat("x", 63) + "-4d1f7bb876c6aae0",
	} {
		if got := keyOf(stem); got != want {
			t.Errorf("key of %q is %q, want %q", stem, got, want)
		}
	}
}
