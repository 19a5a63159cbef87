package parquet

import (
	"encoding/json"
	"strings"

	pq "github.com/parquet-go/parquet-go"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
)

// metadataKey is where Hugging Face datasets keeps the features of a file.
const metadataKey = "huggingface"

type columnKind int

const (
	textColumn columnKind = iota
	intColumn
	floatColumn
	classColumn // an int with names
	imageColumn // group of bytes and path
	groupColumn
	listColumn // of its one field
)

// column describes a column once, for Parquet's schema and for Hugging Face's
// features: those count only where both agree to the letter. So every level is
// optional, as Arrow's fields are by default, and members stand in the order of
// their names.
type column struct {
	name   string
	kind   columnKind
	fields []column
}

func listOf(name string, of column) column { return column{name, listColumn, []column{of}} }

func groupOf(name string, fields ...column) column { return column{name, groupColumn, fields} }

func columnsOf(task datasets.Task) column {
	fields := []column{
		{"image", imageColumn, nil}, {"key", textColumn, nil}, {"record", textColumn, nil},
		{"width", intColumn, nil}, {"height", intColumn, nil},
		{"original_width", intColumn, nil}, {"original_height", intColumn, nil},
		groupOf("source", column{"name", textColumn, nil}, column{"offset", intColumn, nil}, column{"bytes", intColumn, nil}, column{"sha256", textColumn, nil}),
	}
	thing := []column{
		listOf("bbox", column{"", floatColumn, nil}), {"category", classColumn, nil}, {"category_id", intColumn, nil},
		{"area", floatColumn, nil}, {"iscrowd", intColumn, nil}, {"segmentation", textColumn, nil},
	}
	switch task {
	case datasets.Classification:
		fields = append(fields, column{"label", classColumn, nil}, column{"wnid", textColumn, nil}, column{"name", textColumn, nil})
	case datasets.Detection:
		thing = append(thing, column{"id", intColumn, nil})
		fields = append(fields, column{"image_id", intColumn, nil}, column{"license", intColumn, nil},
			listOf("objects", groupOf("", thing...)),
			listOf("neg_category_ids", column{"", intColumn, nil}), listOf("not_exhaustive_category_ids", column{"", intColumn, nil}))
	case datasets.Referring:
		sentence := groupOf("", column{"sent_id", intColumn, nil}, column{"raw", textColumn, nil}, column{"sent", textColumn, nil},
			listOf("tokens", column{"", textColumn, nil}))
		thing = append(thing, column{"ref_id", intColumn, nil}, column{"ann_id", intColumn, nil}, listOf("sentences", sentence))
		fields = append(fields, column{"image_id", intColumn, nil}, listOf("refs", groupOf("", thing...)))
	}
	return groupOf("", fields...)
}

// node is the column in Parquet's schema.
func (c column) node() pq.Node {
	switch c.kind {
	case textColumn:
		return pq.Optional(pq.String())
	case intColumn, classColumn:
		return pq.Optional(pq.Leaf(pq.Int64Type))
	case floatColumn:
		return pq.Optional(pq.Leaf(pq.DoubleType))
	case imageColumn:
		// Compressed images would only cost time.
		pixels := pq.Compressed(pq.Leaf(pq.ByteArrayType), &pq.Uncompressed)
		return pq.Optional(pq.Group{"bytes": pq.Optional(pixels), "path": pq.Optional(pq.String())})
	case listColumn:
		return pq.Optional(pq.List(c.fields[0].node()))
	}
	return pq.Optional(c.root())
}

func (c column) root() pq.Group {
	g := pq.Group{}
	for _, f := range c.fields {
		g[f.name] = f.node()
	}
	return g
}

// feature is the column in Hugging Face's JSON form.
func (c column) feature(classes any) any {
	value := func(dtype string) any { return map[string]any{"dtype": dtype, "_type": "Value"} }
	switch c.kind {
	case textColumn:
		return value("string")
	case intColumn:
		return value("int64")
	case floatColumn:
		return value("float64")
	case classColumn:
		return classes
	case imageColumn:
		return map[string]any{"_type": "Image"}
	case listColumn:
		return []any{c.fields[0].feature(classes)}
	}
	m := map[string]any{}
	for _, f := range c.fields {
		m[f.name] = f.feature(classes)
	}
	return m
}

// Features returns the feature types of a dataset as datasets.Features.to_dict
// of Hugging Face gives them; it is of use to a dataset card too. A list is a
// JSON list of one type: releases before and after 4.0, which name their list
// class differently, both read that.
func Features(task datasets.Task, m *datasets.Meta) map[string]any {
	classes := map[string]any{"names": shardio.ClassNames(m, false), "_type": "ClassLabel"}
	return columnsOf(task).feature(classes).(map[string]any)
}

// metadata is the text under metadataKey.
func metadata(task datasets.Task, m *datasets.Meta) (string, error) {
	b, err := json.Marshal(map[string]any{"info": map[string]any{"features": Features(task, m)}})
	return string(b), err
}

// shortPath leaves Parquet's own levels of a list out of a column's path.
func shortPath(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".list.element", "")
}
