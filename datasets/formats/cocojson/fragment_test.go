package cocojson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/cocojson"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// sealed ends a fragment in a form, with the checksum that it should have.
func sealed(lines, form string) []byte {
	b := []byte(lines + "e{" + form)
	return fmt.Appendf(b, "\"crc32c\":\"%08x\"}\n", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func mergeAs(dataset string, fragments ...[]byte) error {
	return cocojson.Format{}.Merge(io.Discard, dataset, datasets.Detection, formattest.Meta(datasets.Detection), "train", sequence(fragments...))
}

const (
	recordA = `x{"key":"a","split":"train","image_id":1,"annotations":[],"source":{}}` + "\n"
	imageA  = `i{"id":1}` + "\n"
	objectA = `a{"id":7,"image_id":1}` + "\n"
)

func TestBrokenFragmentsAreFaultsWithOffsets(t *testing.T) {
	t.Parallel()
	good := recordA + imageA + objectA
	if err := mergeAs("coco", sealed(good, "")); err != nil {
		t.Fatal(err)
	}
	at := int64(len(good))
	for _, c := range []struct {
		name, fragment, message, key string
		offset                       int64
	}{
		{"empty", "", "no end line", "", 0},
		{"cut at a line", good, "no end line", "", at},
		{"cut in a line", good[:at-1], "a line without an end", "a", at - int64(len(objectA))},
		{"cut in the end line", good + `e{"crc32c":"0123`, "a line without an end", "", at},
		{"not whole", recordA + "i{\"id\":1\n", "not an object in one piece", "a", int64(len(recordA))},
		{"not an object", recordA + "i[]\n", "not an object in one piece", "a", int64(len(recordA))},
		{"empty line", good + "\n", "not an object in one piece", "", at},
		{"unknown kind", good + "q{}\n", "unknown kind 'q'", "", at},
		{"a record of an earlier form", `{{"key":"a"}` + "\n", "unknown kind '{'", "", 0},
		{"long rubbish", strings.Repeat("x", 3<<20) + "\n", "not an object in one piece", "", 0},
		{"other checksum", strings.Replace(string(sealed(good, "")), `"id":7`, `"id":8`, 1), "checksum", "", at},
		{"no checksum", good + "e{}\n", "checksum", "", at},
		{"more after the end", string(sealed(good, "")) + objectA, "after the end", "a", int64(len(sealed(good, "")))},
		{"counts of another form", string(sealed(good, `"categories":[],`)), "another dataset's form", "", at},
		{"broken counts", string(sealed(good, `"categories":[[1,"2"]],`)), "cannot unmarshal", "", at},
		{"no id in front", string(sealed(recordA+`a{"image_id":1,"id":7}`+"\n", "")), "without an id", "", int64(len(recordA))},
		{"an id too large", string(sealed(recordA+`a{"id":9223372036854775808,"image_id":1}`+"\n", "")), "without an id", "", int64(len(recordA))},
	} {
		err := mergeAs("coco", []byte(c.fragment))
		p := fault.PlaceOf(err)
		if fault.CodeOf(err) != fault.Corrupt || !p.HasOffset || p.Offset != c.offset || p.Key != c.key || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q at %d of key %q", c.name, err, c.message, c.offset, c.key)
		}
	}
	err := mergeAs("lvis", sealed("", `"categories":[],`), sealed(good, ""))
	if fault.CodeOf(err) != fault.Corrupt || err.Error() != fmt.Sprintf("shard 1: byte %d: fragment: of another dataset's form", at) {
		t.Errorf("a fragment of COCO's form in LVIS: %v", err)
	}
}

func TestAnIDThatComesTwiceIsAConflictThatNamesBothImages(t *testing.T) {
	t.Parallel()
	other := strings.NewReplacer(`"a"`, `"b"`, `_id":1`, `_id":2`).Replace(recordA + objectA)
	err := mergeAs("coco", sealed(recordA+imageA+objectA, ""), sealed(other, ""))
	want := `annotation id 7 comes twice in split train, in the images ["a" "b"]; tools that read the file would lose one`
	if fault.CodeOf(err) != fault.Conflict || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestOddExamplesComeBackAsFromTheirRecord(t *testing.T) {
	t.Parallel()
	for _, task := range []datasets.Task{datasets.Detection, datasets.Referring} {
		want := oddExamples(task)
		f := fragment(t, "lvis", task, want)
		r, err := cocojson.Format{}.NewReader(bytes.NewReader(f), int64(len(f)))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for ex, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(want[i])
			if err != nil {
				t.Fatal(err)
			}
			same, err := shardio.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(same, ex); d != "" {
				t.Errorf("%s %d: %s", task, i, d)
			}
			i++
		}
		if i != len(want) {
			t.Errorf("%d examples, want %d", i, len(want))
		}
	}
}

func TestRecordsThatDoNotFitTheirListsAreFaults(t *testing.T) {
	t.Parallel()
	without := strings.Replace(recordA, `"annotations":[],`, "", 1)
	for name, lines := range map[string]string{
		"objects of no list":    without + objectA,
		"refs of no object":     recordA + `r{"ref_id":1,"ann_id":7}` + "\n",
		"ref of another object": strings.Replace(recordA, "annotations", "refs", 1) + objectA + `r{"ref_id":1,"ann_id":8}` + "\n",
		"no record":             objectA,
		"other types":           recordA + `a{"id":"7"}` + "\n",
		"broken record":         "x{}\n" + objectA,
	} {
		err := formattest.Damaged(t, cocojson.Format{}, sealed(lines, ""))
		if fault.CodeOf(err) != fault.Corrupt || !fault.PlaceOf(err).HasOffset {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABrokenExampleDoesNotHideTheNext(t *testing.T) {
	t.Parallel()
	b := strings.NewReplacer(`"a"`, `"b"`).Replace(recordA)
	f := sealed(recordA+`a{"id":}`+"\n"+b+objectA, "")
	r, _ := cocojson.Format{}.NewReader(bytes.NewReader(f), int64(len(f)))
	var keys, faults []string
	for ex, err := range r.All() {
		if err != nil {
			faults = append(faults, fault.PlaceOf(err).Key)
		} else {
			keys = append(keys, ex.Key)
		}
	}
	if cmp.Diff([]string{"b"}, keys) != "" || cmp.Diff([]string{"a"}, faults) != "" {
		t.Errorf("examples %q, faults %q", keys, faults)
	}
}

func TestAnExampleThatCannotBeWrittenLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	exs := formattest.Examples(datasets.Detection, 3)
	nan, lost := *exs[1], *exs[1]
	nan.Annotations = &[]datasets.Annotation{{ID: 5, Area: math.NaN()}}
	lost.Key, lost.ImageID = "000000000002 b", nil
	var b bytes.Buffer
	w, err := cocojson.Format{}.NewWriter(&b, formattest.Header(datasets.Detection))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ex   *datasets.Example
		code fault.Code
		text string
	}{
		{exs[0], "", ""}, {&nan, fault.InvalidAnnotation, "000000000002: annotation 5: NaN is not a number of JSON"},
		{&lost, fault.Bug, "000000000002 b: example without an image id"}, {exs[2], "", ""},
	} {
		if err := w.Write(c.ex); fault.CodeOf(err) != c.code || err != nil && err.Error() != c.text {
			t.Errorf("%s: %v, want %q", c.ex.Key, err, c.text)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if want := fragment(t, "lvis", datasets.Detection, []*datasets.Example{exs[0], exs[2]}); !bytes.Equal(want, b.Bytes()) {
		t.Errorf("got\n%s", b.Bytes())
	}
}

func TestMergeStopsAtTheErrorOfAFragmentOrTheDisk(t *testing.T) {
	t.Parallel()
	fragments := func(yield func(io.Reader, error) bool) { yield(nil, io.ErrClosedPipe) }
	if err := (cocojson.Format{}).Merge(io.Discard, "coco", datasets.Detection, &datasets.Meta{}, "train", fragments); err != io.ErrClosedPipe {
		t.Errorf("got %v", err)
	}
	full := formattest.Shard(t, cocojson.Format{}, datasets.Detection, 5)
	if err := (cocojson.Format{}).Merge(failing{}, "lvis", datasets.Detection, &datasets.Meta{}, "train", sequence(full)); err != io.ErrShortWrite {
		t.Errorf("got %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func FuzzReader(f *testing.F) {
	f.Add(formattest.Shard(f, cocojson.Format{}, datasets.Referring, 2))
	f.Add([]byte(recordA + imageA + objectA))
	f.Fuzz(func(t *testing.T, lines []byte) {
		// What is sealed gets past the checksum, to where the lines are believed.
		for _, fragment := range [][]byte{lines, sealed(string(lines), `"categories":[[1,2,3]],`)} {
			formattest.Damaged(t, cocojson.Format{}, fragment)
			if err := mergeAs("lvis", fragment); err != nil && !fault.CodeOf(err).IsData() {
				t.Errorf("error without a data code: %v", err)
			}
		}
	})
}
