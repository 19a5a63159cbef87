package card

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

type object = map[string]any

// Croissant returns the description of the dataset in Croissant 1.1 (MLCommons,
// "Croissant Format Specification"), in the terms that readers of 1.0 know: a
// FileObject with its SHA-256 for every file, a FileSet a split and format, and
// record sets over them. Synthetic examples are told of in the description and in
// rai:dataCollection (MLCommons, "Croissant RAI Specification").
func Croissant(m *manifest.Manifest, made ...Synthetic) []byte {
	d := &description{m: m}
	for _, s := range m.SplitNames() {
		d.split(s)
	}
	for _, f := range m.Files {
		d.file(f.Path, f.Bytes, f.SHA256, encodingOf("", f.Path))
	}
	doc := object{
		"@context":     context(),
		"@type":        "sc:Dataset",
		"conformsTo":   "http://mlcommons.org/croissant/1.1",
		"name":         public(m.Dataset),
		"description":  fmt.Sprintf("%s %d images in %d splits. Root hash %s.", tasks[m.Task], m.Examples(), len(m.Splits), public(m.RootHash)),
		"version":      "1.0.0",
		"keywords":     append([]string{"tailorbird", public(m.Task)}, tags[m.Task]...),
		"distribution": d.files,
		"recordSet":    d.records(),
	}
	if text := syntheticText(made); text != "" {
		doc["description"] = doc["description"].(string) + " " + public(text)
		doc["rai:dataCollection"] = public(text)
	}
	if len(m.Licenses) > 0 {
		var urls []string
		for _, l := range m.Licenses {
			urls = append(urls, public(l.URL))
		}
		doc["license"] = urls
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(doc); err != nil {
		panic(err) // maps of texts and numbers always encode
	}
	return b.Bytes()
}

// description gathers the distribution.
type description struct {
	m     *manifest.Manifest
	files []object
	sets  map[string][]object // references to the file sets of each kind
}

func (d *description) file(name string, size int64, sha256, encoding string) {
	d.files = append(d.files, object{
		"@type": "cr:FileObject", "@id": public(name), "name": public(name), "contentUrl": public(name),
		"contentSize": strconv.FormatInt(size, 10) + " B", "encodingFormat": encoding, "sha256": sha256,
	})
}

func (d *description) split(split string) {
	inside := map[string][]object{}
	for _, x := range d.m.Splits[split].Shards {
		d.file(x.Path, x.Bytes, x.SHA256, encodingOf(x.Format, x.Path))
		inside[x.Format] = append(inside[x.Format], object{"@id": x.Path})
	}
	if d.sets == nil {
		d.sets = map[string][]object{}
	}
	set := func(kind, id, encoding string, includes []string, in []object) {
		o := object{"@type": "cr:FileSet", "@id": id, "name": id, "encodingFormat": encoding, "includes": includes}
		if len(in) > 0 {
			o["containedIn"] = in
		}
		d.files = append(d.files, o)
		d.sets[kind] = append(d.sets[kind], object{"@id": id})
	}
	if in := inside["webdataset"]; len(in) > 0 {
		set("images", "webdataset-"+split+"-images", "image/jpeg", []string{"*.jpg", "*.png"}, in)
		set("records", "webdataset-"+split+"-records", "application/json", []string{"*.json"}, in)
	}
	if files := splitFiles(d.m, "parquet", split); len(files) == 1 {
		set("parquet", "parquet-"+split, "application/x-parquet", files, nil)
	}
}

func encodingOf(format, name string) string {
	switch {
	case format == "webdataset":
		return "application/x-tar"
	case format == "parquet":
		return "application/x-parquet"
	case path.Ext(name) == ".json":
		return "application/json"
	}
	return "application/octet-stream"
}

// field is one field of a record set.
type field struct {
	name, about, dataType string
	of                    []datasets.Task // nil: of all tasks
}

var fields = []field{
	{"key", "name of the example, unique in its split", "sc:Text", nil},
	{"width", "of the stored image, pixels", "sc:Integer", nil},
	{"height", "of the stored image, pixels", "sc:Integer", nil},
	{"label", "position of the class in the list of classes", "sc:Integer", []datasets.Task{datasets.Classification}},
	{"wnid", "WordNet id of the class", "sc:Text", []datasets.Task{datasets.Classification}},
	{"image_id", "number of the image in the source", "sc:Integer", []datasets.Task{datasets.Detection, datasets.Referring}},
}

func (f field) has(task string) bool {
	for _, t := range f.of {
		if string(t) == task {
			return true
		}
	}
	return f.of == nil
}

// records describes a record set a file set, so that each field has one source.
func (d *description) records() []object {
	var sets []object
	for i, split := range d.wdsSplits() {
		sets = append(sets, d.wdsRecords(split, d.sets["records"][i], d.sets["images"][i])...)
	}
	for _, set := range d.sets["parquet"] {
		id := set["@id"].(string) + "-rows"
		fs := d.fields(id, set, func(name string) object { return object{"column": name} })
		image := source(id+"/image", "the encoded image", "sc:ImageObject", set, object{"column": "image"})
		image["source"].(object)["transform"] = object{"jsonPath": "bytes"}
		record := source(id+"/record", "the whole record as JSON text, the annotations included", "sc:Text", set, object{"column": "record"})
		sets = append(sets, recordSet(id, "rows of the Parquet files", append(fs, image, record)))
	}
	return sets
}

// wdsSplits lists the splits with webdataset shards, in the order of their file
// sets.
func (d *description) wdsSplits() []string {
	var names []string
	for _, s := range d.m.SplitNames() {
		if len(splitFiles(d.m, "webdataset", s)) > 0 {
			names = append(names, s)
		}
	}
	return names
}

// wdsRecords describes the two files of an example, which share their name up to
// the dot. They are two record sets: readers cannot join the files of an archive
// by a part of their name.
func (d *description) wdsRecords(split string, records, images object) []object {
	of := func(kind, about, dataType string, set object, name string) object {
		id := "webdataset-" + split + "-" + kind
		key := source(id+"/key", "name of the example, unique in its split", "sc:Text", set, object{"fileProperty": "filename"})
		key["source"].(object)["transform"] = object{"regex": name}
		content := source(id+"/"+kind, about, dataType, set, object{"fileProperty": "content"})
		return recordSet(id, about+" of each example", []object{key, content})
	}
	return []object{
		of("record", "the whole record as JSON, the annotations included", "sc:Text", records, `^(.+)\.json$`),
		of("image", "the encoded image", "sc:ImageObject", images, `^(.+)\.(?:jpg|png)$`),
	}
}

func (d *description) fields(id string, set object, extract func(name string) object) []object {
	var fs []object
	for _, f := range fields {
		if f.has(d.m.Task) {
			fs = append(fs, source(id+"/"+f.name, f.about, f.dataType, set, extract(f.name)))
		}
	}
	return fs
}

func source(id, about, dataType string, set, extract object) object {
	return object{"@type": "cr:Field", "@id": id, "name": id, "description": about, "dataType": dataType,
		"source": object{"fileSet": set, "extract": extract}}
}

func recordSet(id, about string, fields []object) object {
	return object{"@type": "cr:RecordSet", "@id": id, "name": id, "description": about, "field": fields}
}

// context is the JSON-LD context that the specification prescribes.
func context() object {
	c := object{
		"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
		"cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
		"dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo", "citeAs": "cr:citeAs",
		"data":     object{"@id": "cr:data", "@type": "@json"},
		"dataType": object{"@id": "cr:dataType", "@type": "@vocab"},
		"examples": object{"@id": "cr:examples", "@type": "@json"},
	}
	for _, term := range []string{"arrayShape", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
		"includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
		"repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"} {
		c[term] = "cr:" + term
	}
	return c
}
