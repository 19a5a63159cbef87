package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

const (
	tar0     = "webdataset/train-000000.tar"
	tar1     = "webdataset/train-000001.tar"
	valTar   = "webdataset/val-000000.tar"
	records0 = "tfrecord/train.tfrecord-00000-of-00002"
	parquet0 = "data/train-00000-of-00002.parquet"
	merged   = "annotations/train.json"
)

func TestACleanDatasetHasNoProblems(t *testing.T) {
	t.Parallel()
	for _, task := range formattest.Tasks {
		for _, names := range append([][]string{nil}, each(formatsOf(task))...) {
			t.Run(fmt.Sprintf("%s %v", task, names), func(t *testing.T) {
				t.Parallel()
				res, got := newDataset(t, task, names...).run(verify.Options{})
				same(t, got)
				want := trainExamples + valExamples
				if len(names) == 1 && names[0] == "coco" {
					want = 0 // no image is there
				}
				if res.Examples != want || res.Bytes == 0 {
					t.Errorf("%+v, want %d examples", res, want)
				}
			})
		}
	}
}

func each(names []string) (lists [][]string) {
	for _, n := range names {
		lists = append(lists, []string{n})
	}
	return lists
}

// One byte changed in a file is one problem with its bytes, whatever else it does.
func TestAChangedByteIsFoundInEveryFile(t *testing.T) {
	t.Parallel()
	for _, task := range formattest.Tasks {
		d := newDataset(t, task)
		var paths []string
		for _, s := range d.m.Splits {
			for _, x := range s.Shards {
				paths = append(paths, x.Path)
			}
		}
		for _, f := range d.m.Files {
			paths = append(paths, f.Path)
		}
		for _, p := range paths {
			clean := d.read(p)
			for _, at := range []int{0, len(clean) / 3, len(clean) - 1} {
				bad := bytes.Clone(clean)
				bad[at] ^= 4
				d.write(p, bad)
				for _, quick := range []bool{true, false} {
					_, got := d.run(verify.Options{Quick: quick})
					hashes := 0
					for _, x := range got {
						if x.Path != p && x.Kind != verify.Record { // formats may disagree on a key that changed
							t.Errorf("byte %d of %s: %+v", at, p, x)
						}
						if x.Kind == verify.Hash {
							hashes++
						}
					}
					if hashes != 1 || quick && len(got) != 1 {
						t.Errorf("byte %d of %s: %+v", at, p, got)
					}
				}
			}
			d.write(p, clean)
		}
		_, got := d.run(verify.Options{})
		same(t, got)
	}
}

func TestTheLabelsOfClassificationAreChecked(t *testing.T) {
	t.Parallel()
	exs := examples(datasets.Classification)
	label := 1000
	exs["val"][1].Label = &label
	_, got := writeDataset(t, datasets.Classification, exs, "webdataset").run(verify.Options{})
	same(t, got, "annotation "+valTar+" "+exs["val"][1].Key)
}

func TestTheExpressionsOfReferringAreChecked(t *testing.T) {
	t.Parallel()
	exs := examples(datasets.Referring)
	(*exs["val"][1].Refs)[0].Sentences = nil
	_, got := writeDataset(t, datasets.Referring, exs, "parquet").run(verify.Options{})
	same(t, got, "annotation data/val-00000-of-00001.parquet "+exs["val"][1].Key)
}

func TestAManifestOfALaterVersionIsRefused(t *testing.T) {
	t.Parallel()
	d := newDataset(t, datasets.Detection, "webdataset")
	d.replace(manifest.Name, `"version": 1`, `"version": 7`)
	_, err := verify.Run(t.Context(), d.dir, verify.Options{}, func(verify.Problem) {})
	if fault.CodeOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "version 7") {
		t.Errorf("%v", err)
	}
}

// manyShards is a classification dataset of one example a shard.
func manyShards(t testing.TB, n int) *dataset {
	t.Helper()
	d := newDataset(t, datasets.Classification, "webdataset")
	d.m.Splits = map[string]manifest.Split{}
	for split, count := range map[string]int{"train": n, "val": 2} {
		exs := formattest.Examples(datasets.Classification, count)
		s := manifest.Split{Examples: count, Annotations: count}
		for i, ex := range exs {
			ex.Split = split
			one := writeDataset(t, datasets.Classification, map[string][]*datasets.Example{"val": {ex}}, "webdataset")
			p := fmt.Sprintf("webdataset/%s-%06d.tar", split, i)
			d.write(p, one.read(valTar))
			s.Shards = append(s.Shards, manifest.Shard{Format: "webdataset", Path: p, Examples: 1})
		}
		d.m.Splits[split] = s
	}
	d.reseal()
	return d
}

func TestAFractionIsTheSameShardsEachTime(t *testing.T) {
	t.Parallel()
	d := manyShards(t, 40)
	hashed := func(fraction float64) map[string]bool {
		set := map[string]bool{}
		_, got := d.run(verify.Options{Fraction: fraction, Quick: true})
		for _, p := range got {
			set[p.Path] = true
		}
		return set
	}
	for _, s := range d.m.Splits {
		for _, x := range s.Shards {
			d.edit(x.Path, func(b []byte) []byte { b[520] ^= 1; return b })
		}
	}
	tenth, half, all := hashed(0.1), hashed(0.5), hashed(1)
	if len(all) != 42 || len(half) < 12 || len(half) > 32 || len(tenth) < 2 || len(tenth) > 12 {
		t.Errorf("%d, %d and %d of 42 shards are read", len(tenth), len(half), len(all))
	}
	for p := range tenth {
		if !half[p] {
			t.Errorf("%s is in a tenth and not in the half", p)
		}
	}
	for _, first := range []string{tar0, valTar} {
		if tiny := hashed(1e-12); !tiny[first] || len(tiny) != 2 {
			t.Errorf("the least share is %v, without %s", tiny, first)
		}
	}
	if again := hashed(0.1); !reflect.DeepEqual(again, tenth) {
		t.Errorf("read %v, then %v", tenth, again)
	}
	d.edit("webdataset/train-000033.tar", cut(512))
	if _, got := d.run(verify.Options{Fraction: 1e-12, Quick: true}); !strings.Contains(fmt.Sprint(got), "train-000033.tar") {
		t.Errorf("the size of a shard that is not read is checked too: %v", got)
	}
}

func TestAFractionOfACleanDatasetIsClean(t *testing.T) {
	t.Parallel()
	res, got := newDataset(t, datasets.Referring).run(verify.Options{Fraction: 1e-9})
	same(t, got)
	if want := trainExamples/trainShards + valExamples; res.Examples != want {
		t.Errorf("%d examples, want %d", res.Examples, want)
	}
}

func TestAnUnfinishedBuildSaysSo(t *testing.T) {
	t.Parallel()
	d := newDataset(t, datasets.Detection)
	d.check(os.Remove(d.path(manifest.Name)))
	d.write(".tailorbird/plan.json", []byte("{}"))
	_, err := verify.Run(t.Context(), d.dir, verify.Options{}, func(verify.Problem) {})
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "not finished") {
		t.Errorf("%v", err)
	}
}

func TestNothingToVerifySaysSo(t *testing.T) {
	t.Parallel()
	_, err := verify.Run(t.Context(), t.TempDir(), verify.Options{}, func(verify.Problem) {})
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "nothing to verify") {
		t.Errorf("%v", err)
	}
	_, err = verify.Run(t.Context(), t.TempDir()+"/none", verify.Options{}, func(verify.Problem) {})
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

func TestAProblemHasTheNamesOfTheContract(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(verify.Problem{Path: "p", Key: "k", Kind: "hash", Message: "m"})
	if want := `{"path":"p","key":"k","kind":"hash","message":"m"}`; err != nil || string(text) != want {
		t.Errorf("%s %v, want %s", text, err, want)
	}
}
