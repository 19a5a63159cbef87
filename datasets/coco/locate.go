package coco

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Listing knows the files of an images directory and their sizes.
type Listing struct {
	sizes map[string]int64
}

// List lists the images directory at addr once and reports it as the input of
// role "images": its sha256 is over a line "name\tsize\n" a file, in bytewise
// order of names, its bytes are those of all files.
func List(ctx context.Context, addr string, p *datasets.Planner) (*Listing, error) {
	l := &Listing{sizes: map[string]int64{}}
	sum, total := sha256.New(), int64(0)
	for info, err := range blob.List(ctx, addr) {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.sizes[info.Name] = info.Size
		total += info.Size
		fmt.Fprintf(sum, "%s\t%d\n", info.Name, info.Size)
	}
	p.Input(datasets.InputFile{
		Role: "images", Name: blob.Base(addr), Bytes: total,
		SHA256: hex.EncodeToString(sum.Sum(nil)), Of: "listing",
	})
	return l, nil
}

// Find returns the span of the first of names that is there. Where none is, it is
// the first name with length -1.
func (l *Listing) Find(names []string) datasets.Span {
	for _, n := range names {
		if size, ok := l.sizes[n]; ok {
			return datasets.Span{Name: n, Length: size}
		}
	}
	return datasets.Span{Name: names[0], Length: -1}
}

// Locate names the places where an image may be, below the images directory, the
// likeliest first: at least one, all of them safe. The error is a fault.
type Locate func(im Image) ([]string, error)

// ByFileName finds images as COCO names them: file_name, its last part, the last
// two parts of coco_url, and its last part below a directory that is named like
// the annotation file (instances_train2017.json: train2017). An image without a
// file_name is found by its coco_url alone. A name that is unsafe is
// fault.InvalidAnnotation, as is none at all.
func ByFileName(annotations string) Locate {
	stem := strings.TrimSuffix(blob.Base(annotations), path.Ext(annotations))
	dir := stem[strings.LastIndex(stem, "_")+1:]
	return func(im Image) ([]string, error) {
		if im.FileName == "" {
			return ByURL(im)
		}
		if !safe(im.FileName) {
			return nil, unsafe(im.ID, "file_name", im.FileName)
		}
		base := path.Base(im.FileName)
		names := []string{im.FileName, base}
		if safe(im.URLPath) {
			names = append(names, im.URLPath)
		}
		if below := path.Join(dir, base); safe(below) {
			names = append(names, below)
		}
		return names, nil
	}
}

// ByURL finds images as LVIS names them: the last two parts of coco_url, or the
// last part alone. Only an image without a coco_url is found by its file_name. A
// name that is unsafe is fault.InvalidAnnotation, as is none at all.
func ByURL(im Image) ([]string, error) {
	field, name := "coco_url", im.URLPath
	if name == "" {
		field, name = "file_name", im.FileName
	}
	switch {
	case name == "":
		return nil, fault.New(fault.InvalidAnnotation, "image %d: neither coco_url nor file_name", im.ID)
	case !safe(name):
		return nil, unsafe(im.ID, field, name)
	}
	return []string{name, path.Base(name)}, nil
}

func unsafe(id int64, field, name string) error {
	return fault.New(fault.InvalidAnnotation, "image %d: %s %.100q is no name below the images directory", id, field, name)
}

// safe tells whether a name from a file can only lead below the directory that
// it is joined to, on any system.
func safe(name string) bool {
	if !fs.ValidPath(name) || name == "." || len(name) > 1024 {
		return false
	}
	for _, c := range name {
		if c < 0x20 || c == 0x7f || c == '\\' || c == ':' {
			return false
		}
	}
	return true
}

// urlPath returns the last two parts of the path of an address, its last part
// where it has one.
func urlPath(addr string) string {
	if i := strings.Index(addr, "://"); i >= 0 {
		addr = addr[i+3:]
		if _, rest, ok := strings.Cut(addr, "/"); ok {
			addr = rest
		}
	}
	if i := strings.LastIndexByte(addr, '/'); i >= 0 {
		if j := strings.LastIndexByte(addr[:i], '/'); j >= 0 {
			return strings.Clone(addr[j+1:])
		}
	}
	return strings.Clone(addr)
}
