package imagenet

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func init() { datasets.Register(source{}) }

type source struct{}

func (source) Spec() datasets.Spec {
	return datasets.Spec{
		Name:    "imagenet",
		Task:    datasets.Classification,
		Summary: "ILSVRC2012 (ImageNet-1K): one class an image, from folders or from the original archives",
		Inputs: []datasets.Input{
			{Role: "images", Required: true, Doc: "a directory of wnid directories, ILSVRC2012_img_train.tar, the flat val directory or ILSVRC2012_img_val.tar"},
			{Role: "synsets", Required: true, Doc: "LOC_synset_mapping.txt or synset_words.txt: a wnid and its name a line, in the order of the labels"},
			{Role: "labels", Doc: "for flat images: LOC_val_solution.csv or ILSVRC2012_validation_ground_truth.txt"},
			{Role: "devkit", Doc: "for ILSVRC2012_validation_ground_truth.txt: meta.mat of the development kit"},
		},
	}
}

// maxSideFile bounds synsets, labels and devkit, bytes. The released ones have
// at most 6 MB.
const maxSideFile = 64 << 20

func (source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	if err := datasets.CheckInputs(source{}.Spec(), in); err != nil {
		return err
	}
	data, err := sideFile(ctx, in, "synsets", p)
	if err != nil {
		return err
	}
	set, err := parseSynsets(data)
	if err != nil {
		return fault.At(err, fault.Place{Path: in["synsets"]})
	}
	if !set.sorted {
		p.Note("imagenet: %s is not in ascending order of the wnids; the label is the position in the file", blob.Base(in["synsets"]))
	}
	p.Meta.Classes = set.classes
	pl := &plan{ctx: ctx, p: p, in: in, set: set, images: make([]int64, len(set.classes))}
	if err := pl.walk(); err != nil {
		return err
	}
	return pl.finish()
}

func (source) Example(ref *datasets.Ref, _ [][]byte, m *datasets.Meta) (*datasets.Example, error) {
	if ref.Label < 0 || ref.Label >= len(m.Classes) {
		return nil, fault.New(fault.InvalidAnnotation, "imagenet: label %d, there are %d classes", ref.Label, len(m.Classes))
	}
	label, c := ref.Label, m.Classes[ref.Label]
	return &datasets.Example{Key: ref.Key, Split: ref.Split, Label: &label, Wnid: c.Synset, Name: c.Name}, nil
}

// sideFile reads one of the small inputs and reports it.
func sideFile(ctx context.Context, in datasets.Inputs, role string, p *datasets.Planner) ([]byte, error) {
	data, err := blob.ReadFile(ctx, in[role], maxSideFile)
	if err != nil {
		return nil, fmt.Errorf("imagenet: inputs.%s: %w", role, err)
	}
	p.Read(int64(len(data)))
	p.Input(datasets.InputFile{
		Role: role, Name: blob.Base(in[role]), Bytes: int64(len(data)), SHA256: hexSum(data), Of: "content",
	})
	return data, nil
}

// isImage goes by the extension, whatever its case: the decoder looks at the
// bytes (n02105855_2933.JPEG is a PNG).
func isImage(name string) bool {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return false
	}
	switch strings.ToLower(name[i:]) {
	case ".jpeg", ".jpg", ".png":
		return true
	}
	return false
}
