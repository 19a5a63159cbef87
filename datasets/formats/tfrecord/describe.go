package tfrecord

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
)

// version is what TFDS shows as the dataset's: a built dataset has hashes, not
// releases.
const version = "1.0.0"

// object is a JSON object; encoding/json sorts its members.
type object = map[string]any

// Describe writes what tfds.builder_from_directory reads: dataset_info.json,
// features.json and the label names.
func (Format) Describe(dataset string, task datasets.Task, m *datasets.Meta, splits []formats.Split) (map[string][]byte, error) {
	if m == nil {
		m = &datasets.Meta{}
	}
	info := object{
		"name": tfdsName(dataset), "version": version, "fileFormat": "tfrecord",
		"description": fmt.Sprintf("%s, built by tailorbird", dataset),
		"splits":      splitInfos(splits),
	}
	files := map[string][]byte{}
	for name, value := range map[string]object{"dataset_info.json": info, "features.json": features(task, len(m.Classes))} {
		text, err := indent(value)
		if err != nil {
			return nil, err
		}
		files["tfrecord/"+name] = text
	}
	for _, name := range labelFeatures(task) {
		files["tfrecord/"+name+".labels.txt"] = labels(task, m)
	}
	return files, nil
}

func indent(v object) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// splitInfos is the repeated SplitInfo of dataset_info.proto in its JSON form,
// where 64-bit numbers are strings.
func splitInfos(splits []formats.Split) []object {
	infos := make([]object, 0, len(splits))
	for _, s := range splits {
		lengths := make([]string, len(s.ShardCounts))
		for i, n := range s.ShardCounts {
			lengths[i] = strconv.Itoa(n)
		}
		total := int64(0)
		for _, n := range s.ShardBytes {
			total += n
		}
		infos = append(infos, object{
			"name": s.Name, "shardLengths": lengths, "numBytes": strconv.FormatInt(total, 10),
			"filepathTemplate": "{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
		})
	}
	return infos
}

// tfdsName makes a name of lower-case letters, digits and underscores.
func tfdsName(dataset string) string {
	s := strings.ReplaceAll(strings.ToLower(dataset), "+", "_plus")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
}

// labelFeatures names the features that carry class names; TFDS writes the path
// of a nested one with a dash.
func labelFeatures(task datasets.Task) []string {
	switch task {
	case datasets.Classification:
		return []string{"label"}
	case datasets.Detection:
		return []string{"objects-label", "neg_category_ids", "not_exhaustive_category_ids"}
	}
	return []string{"objects-label"}
}

// labels lists one name a class and line. ImageNet's go by wnid, as in TFDS.
func labels(task datasets.Task, m *datasets.Meta) []byte {
	var b bytes.Buffer
	for _, name := range shardio.ClassNames(m, task == datasets.Classification) {
		b.WriteString(name + "\n")
	}
	return b.Bytes()
}

const featuresPackage = "tensorflow_datasets.core.features."

func connector(class, member string, value object) object {
	return object{"pythonClassName": featuresPackage + class, member: value}
}

func dict(features object) object {
	return connector("features_dict.FeaturesDict", "featuresDict", object{"features": features})
}

func sequence(feature object) object {
	return connector("sequence_feature.Sequence", "sequence", object{"feature": feature, "length": "-1"})
}

func scalar(dtype string) object {
	return connector("tensor_feature.Tensor", "tensor", object{"dtype": dtype, "encoding": "none", "shape": object{}})
}

func text() object { return connector("text_feature.Text", "text", object{}) }

// features describes what row.fill writes, as TFDS's FeaturesDict.to_json does.
func features(task datasets.Task, classes int) object {
	label := func() object {
		return connector("class_label_feature.ClassLabel", "classLabel", object{"numClasses": strconv.Itoa(classes)})
	}
	fs := object{
		"key": text(), "record": text(), "width": scalar("int64"), "height": scalar("int64"),
		"image": connector("image_feature.Image", "image", object{"dtype": "uint8", "shape": object{"dimensions": []string{"-1", "-1", "3"}}}),
	}
	if task == datasets.Classification {
		fs["label"] = label()
		return dict(fs)
	}
	objects := object{
		"id": scalar("int64"), "label": label(), "is_crowd": scalar("bool"), "area": scalar("float32"),
		"bbox": connector("bounding_boxes.BBoxFeature", "boundingBox", object{
			"bboxFormat": "REL_YXYX", "dtype": "float32", "shape": object{"dimensions": []string{"4"}},
		}),
	}
	if task == datasets.Detection {
		fs["neg_category_ids"], fs["not_exhaustive_category_ids"] = sequence(label()), sequence(label())
	} else {
		objects["ref_id"] = scalar("int64")
		objects["refexp"] = sequence(dict(object{"refexp_id": scalar("int64"), "raw": text(), "sent": text()}))
	}
	fs["image/id"], fs["objects"] = scalar("int64"), sequence(dict(objects))
	return dict(fs)
}
