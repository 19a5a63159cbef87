package verify_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// damage is one way to spoil a detection dataset, and what is to be found.
type damage struct {
	name string
	do   func(*dataset)
	want []string
}

func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }

var damages = []damage{
	{"a tar cut short", func(d *dataset) { d.edit(tar0, cut(1024)) }, []string{"size " + tar0, "structure " + tar0}},
	{"a tar cut before the record of its last image", func(d *dataset) { d.edit(tar0, cut(2048)) }, []string{"size " + tar0, "structure " + tar0, "record " + tar0 + " 000000000009"}},
	{"TFRecords cut short", func(d *dataset) { d.edit(records0, cut(9)) }, []string{"size " + records0, "structure " + records0}},
	{"Parquet cut short", func(d *dataset) { d.edit(parquet0, cut(9)) }, []string{"size " + parquet0, "structure " + parquet0}},
	{"annotations cut short", func(d *dataset) { d.edit(merged, cut(9)) }, []string{"size " + merged, "structure " + merged}},
	{"an empty shard", func(d *dataset) { d.write(tar0, nil) }, []string{"size " + tar0, "structure " + tar0}},
	{"bytes after the end", func(d *dataset) { d.edit(tar0, func(b []byte) []byte { return append(b, 'x') }) }, []string{"size " + tar0}},
	{"a missing shard", func(d *dataset) { d.check(os.Remove(d.path(tar0))) }, []string{"missing " + tar0}},
	{"a missing annotation file", func(d *dataset) { d.check(os.Remove(d.path(merged))) }, []string{"missing " + merged}},
	{"a missing description", func(d *dataset) { d.check(os.Remove(d.path("tfrecord/features.json"))) }, []string{"missing tfrecord/features.json"}},
	{"a description cut short", func(d *dataset) { d.edit("tfrecord/features.json", cut(1)) }, []string{"size tfrecord/features.json"}},
	{"a directory in a shard's place", func(d *dataset) {
		d.check(os.Remove(d.path(tar0)))
		d.check(os.Mkdir(d.path(tar0), 0o755))
	}, []string{"missing " + tar0}},

	{"fault 30: shards swapped", func(d *dataset) { d.swap(tar0, tar1) }, []string{"size " + tar0, "size " + tar1}},
	{"fault 30: half an old build", func(d *dataset) { d.write("webdataset/train-000002.tar", d.read(tar0)) }, []string{"stray webdataset/train-000002.tar"}},
	{"fault 30: a format of an old build", func(d *dataset) { d.write("old/train-0.bin", nil) }, []string{"stray old/train-0.bin"}},
	{"what a killed run left", func(d *dataset) {
		d.write("webdataset/.tb-train-000000.tar-1", nil)
		d.write(".tb-lock", nil)
		d.write(".tailorbird/plan.json", nil)
	}, []string{"stray webdataset/.tb-train-000000.tar-1", "stray .tb-lock", "stray .tailorbird/plan.json"}},
	{"files beside the dataset are nobody's business", func(d *dataset) {
		d.write("notes.txt", nil)
		d.write("quarantine/rejected.jsonl", nil)
	}, nil},

	{"fault 30: the manifest tampered", func(d *dataset) { d.replace(manifest.Name, `"examples": 10`, `"examples": 11`) }, []string{"manifest manifest.json"}},
	{"another root hash", func(d *dataset) { d.replace(manifest.Name, `"root_hash": "`, `"root_hash": "0`) }, []string{"manifest manifest.json"}},
	{"a manifest that is no JSON", func(d *dataset) { d.edit(manifest.Name, cut(9)) }, []string{"manifest manifest.json"}},
	{"a path that leaves the dataset", func(d *dataset) {
		d.m.Splits["val"].Shards[0].Path = "../x.tar"
		d.sealAsIs()
	}, []string{"manifest manifest.json"}},
	{"a format that nobody knows", func(d *dataset) {
		d.m.Splits["val"].Shards[0].Format = "lmdb"
		d.sealAsIs()
	}, []string{"manifest " + "annotations/val.json"}},
	{"another checksum", func(d *dataset) {
		d.m.Splits["val"].Shards[0].CRC32C = "00000000"
		d.sealAsIs()
	}, []string{"hash annotations/val.json"}},
	{"numbers changed where they agree", func(d *dataset) {
		s := d.m.Splits["val"]
		s.Examples++
		for i := range s.Shards {
			s.Shards[i].Examples++
		}
		d.m.Splits["val"] = s
		d.sealAsIs()
	}, []string{"count annotations/val.json", "count data/val-00000-of-00001.parquet", "count tfrecord/val.tfrecord-00000-of-00001", "count " + valTar}},
	{"a split's number changed", func(d *dataset) {
		s := d.m.Splits["val"]
		s.Examples++
		d.m.Splits["val"] = s
		d.sealAsIs()
	}, []string{"count manifest.json", "count manifest.json", "count manifest.json", "count manifest.json"}},
	{"the number of annotations changed", func(d *dataset) {
		s := d.m.Splits["val"]
		s.Annotations++
		d.m.Splits["val"] = s
		d.sealAsIs()
	}, []string{"count manifest.json"}},

	{"a checksum inside TFRecords, and the manifest fits", func(d *dataset) {
		d.edit(records0, func(b []byte) []byte { b[8] ^= 1; return b })
		d.reseal()
	}, []string{"structure " + records0}},
	{"data inside TFRecords, and the manifest fits", func(d *dataset) {
		d.edit(records0, func(b []byte) []byte { b[40] ^= 1; return b })
		d.reseal()
	}, []string{"structure " + records0}},
	{"a box outside its image in every format", func(d *dataset) {
		(*d.exs["train"][2].Annotations)[1].BBox[0] = 5000
		*d = *writeDataset(d.t, datasets.Detection, d.exs)
	}, []string{"annotation " + merged + " 000000000003", "annotation " + parquet0 + " 000000000003", "annotation " + records0 + " 000000000003", "annotation " + tar0 + " 000000000003"}},
	{"a box outside its image in the annotation file alone", func(d *dataset) {
		d.replace(merged, `"bbox":[0.25,`, `"bbox":[9000.25,`)
		d.reseal()
	}, []string{"annotation " + merged + " 000000000003"}},
	{"an annotation of no image", func(d *dataset) {
		d.replace(merged, `"image_id":2,`, `"image_id":777,`)
		d.reseal()
	}, []string{"record " + merged + " 000000000777"}},
	{"an image of another size", func(d *dataset) {
		d.exs["train"][3].Image = formattest.Picture(40, 30, 0)
		*d = *writeDataset(d.t, datasets.Detection, d.exs, "webdataset", "coco")
	}, []string{"image " + tar1 + " 000000000004"}},
	{"an image that does not decode", func(d *dataset) {
		ex := d.exs["train"][3]
		ex.Image = ex.Image[:len(ex.Image)/2]
		*d = *writeDataset(d.t, datasets.Detection, d.exs, "tfrecord")
	}, []string{"image tfrecord/train.tfrecord-00001-of-00002 000000000004"}},
	{"an image without bytes", func(d *dataset) {
		d.exs["train"][3].Image = nil
		*d = *writeDataset(d.t, datasets.Detection, d.exs, "webdataset")
	}, []string{"image " + tar1 + " 000000000004"}},
	{"the fields of another task", func(d *dataset) {
		d.m.Task = string(datasets.Referring)
		d.m.Splits = map[string]manifest.Split{"val": {Examples: 3, Annotations: d.m.Splits["val"].Annotations, Shards: d.m.Splits["val"].Shards[3:]}}
		d.check(os.RemoveAll(d.path("annotations")))
		d.check(os.RemoveAll(d.path("data")))
		d.check(os.Remove(d.path(tar0)))
		d.check(os.Remove(d.path(tar1)))
		for i := range 2 {
			d.check(os.Remove(d.path(fmt.Sprintf("tfrecord/train.tfrecord-0000%d-of-00002", i))))
		}
		d.check(os.Remove(d.path("tfrecord/val.tfrecord-00000-of-00001")))
		d.reseal()
	}, []string{"record " + valTar + " 000000000011", "record " + valTar + " 000000000012", "record " + valTar + " 000000000013"}},
	{"a shard of another split", func(d *dataset) {
		*d = *writeDataset(d.t, datasets.Detection, map[string][]*datasets.Example{"test": d.exs["val"]}, "webdataset")
	}, []string{"record webdataset/test-000000.tar 000000000011", "record webdataset/test-000000.tar 000000000012", "record webdataset/test-000000.tar 000000000013"}},
	{"a key in two shards", func(d *dataset) {
		*d = *newDataset(d.t, datasets.Detection, "webdataset")
		d.write(tar1, d.read(tar0))
		s := d.m.Splits["train"]
		s.Annotations = 2 * objectsOf(d.exs["train"], 0)
		d.m.Splits["train"] = s
		d.reseal()
	}, []string{"duplicate " + tar1 + " 000000000001", "duplicate " + tar1 + " 000000000003", "duplicate " + tar1 + " 000000000005",
		"duplicate " + tar1 + " 000000000007", "duplicate " + tar1 + " 000000000009"}},
	{"keys that differ between formats", func(d *dataset) {
		*d = *newDataset(d.t, datasets.Detection, "webdataset", "tfrecord")
		other := examples(datasets.Detection)
		ex := other["val"][2]
		id := int64(99)
		ex.Key, ex.ImageID = "000000000099", &id
		x := writeDataset(d.t, datasets.Detection, other, "tfrecord")
		d.write("tfrecord/val.tfrecord-00000-of-00001", x.read("tfrecord/val.tfrecord-00000-of-00001"))
		d.reseal()
	}, []string{"record " + valTar + " 000000000013"}},
	{"keys that do not rise", func(d *dataset) {
		*d = *newDataset(d.t, datasets.Detection, "tfrecord")
		// Two records change places: each is whole.
		d.edit("tfrecord/val.tfrecord-00000-of-00001", func(b []byte) []byte {
			n := 16 + (int(b[0]) | int(b[1])<<8)
			m := n + 16 + (int(b[n]) | int(b[n+1])<<8)
			return append(append(bytes.Clone(b[n:m]), b[:n]...), b[m:]...)
		})
		d.reseal()
	}, []string{"structure tfrecord/val.tfrecord-00000-of-00001 000000000011"}},
}

// objectsOf counts the objects of every second example.
func objectsOf(exs []*datasets.Example, from int) int {
	n := 0
	for i := from; i < len(exs); i += trainShards {
		n += len(exs[i].Objects())
	}
	return n
}

func TestEveryDamageIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range damages {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDataset(t, datasets.Detection)
			c.do(d)
			_, first := d.run(verify.Options{Workers: 1})
			same(t, first, c.want...)
			for _, workers := range []int{2, 7} {
				if _, got := d.run(verify.Options{Workers: workers}); !reflect.DeepEqual(got, first) {
					t.Errorf("with %d workers %+v\nwith one %+v", workers, got, first)
				}
			}
		})
	}
}
