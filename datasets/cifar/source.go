package cifar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func init() {
	datasets.Register(source{&cifar10})
	datasets.Register(source{&cifar100})
}

// source is one of the two datasets.
type source struct{ v *variant }

func (s source) Spec() datasets.Spec {
	return datasets.Spec{Name: s.v.name, Task: datasets.Classification, Summary: s.v.summary, Inputs: []datasets.Input{
		{Role: "images", Required: true, Doc: s.v.release + ", unpacked or not, or a directory or tar of SPLIT/CLASS/NAME.png"},
	}}
}

func (s source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	if err := datasets.CheckInputs(s.Spec(), in); err != nil {
		return err
	}
	p.Meta.Classes = s.v.classes()
	pl := &plan{ctx: ctx, p: p, v: s.v, in: in["images"], listing: sha256.New(), keys: map[string]string{}}
	if err := pl.walk(); err != nil {
		return err
	}
	return pl.finish()
}

func (s source) Example(ref *datasets.Ref, _ [][]byte, m *datasets.Meta) (*datasets.Example, error) {
	if ref.Label < 0 || ref.Label >= len(m.Classes) {
		return nil, fault.New(fault.InvalidAnnotation, "%s: label %d, there are %d classes", s.v.name, ref.Label, len(m.Classes))
	}
	label := ref.Label
	return &datasets.Example{Key: ref.Key, Split: ref.Split, Label: &label, Name: m.Classes[label].Name}, nil
}

// plan is one walk over the files.
type plan struct {
	ctx context.Context
	p   *datasets.Planner
	v   *variant
	in  string

	listing hash.Hash
	bytes   int64
	keys    map[string]string // of pictures: key -> file
	files   int               // of either form
	ignored int
}

// file takes one file of the input.
func (pl *plan) file(f file) error {
	if err := pl.ctx.Err(); err != nil {
		return err
	}
	line := f.name
	if strings.ContainsAny(line, "\t\n\"") {
		line = strconv.Quote(line)
	}
	pl.listing.Write([]byte(line + "\t" + strconv.FormatInt(f.span.Offset, 10) + "\t" + strconv.FormatInt(f.span.Length, 10) + "\n"))
	base := f.name[strings.LastIndexByte(f.name, '/')+1:]
	switch split, binary := pl.v.binaries[base]; {
	case strings.HasPrefix(base, "."):
		pl.ignored++
	case binary:
		pl.files++
		return pl.binary(f, base, split)
	case isPicture(base):
		pl.files++
		return pl.picture(f)
	default:
		pl.ignored++
	}
	return nil
}

func (pl *plan) finish() error {
	if pl.files == 0 {
		return fault.New(fault.Usage, "%s: %s holds neither %s nor SPLIT/CLASS/NAME.png or .jpg", pl.v.name, blob.Base(pl.in), pl.v.anyBinary())
	}
	if pl.ignored > 0 {
		pl.p.Note("%s: %d files of %s are neither records nor pictures and were left out", pl.v.name, pl.ignored, blob.Base(pl.in))
	}
	pl.p.Input(datasets.InputFile{Role: "images", Name: blob.Base(pl.in), Bytes: pl.bytes, SHA256: hex.EncodeToString(pl.listing.Sum(nil)), Of: "listing"})
	return nil
}

func (pl *plan) emit(key, split string, span datasets.Span, label int) error {
	if !pl.p.Want(split) {
		return nil
	}
	return pl.p.Emit(datasets.Ref{Key: key, Split: split, Image: span, Label: label})
}

func (pl *plan) reject(key, split string, span datasets.Span, label int, err error) error {
	if split != "" && !pl.p.Want(split) {
		return nil
	}
	return pl.p.Reject(datasets.Rejection{Key: key, Split: split, Stage: "plan", Reason: fault.CodeOf(err), Message: err.Error(), Label: label,
		Source: datasets.Origin{Name: span.Name, Offset: span.Offset, Bytes: span.Length}})
}

func isPicture(base string) bool {
	i := strings.LastIndexByte(base, '.')
	return i > 0 && slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(base[i:]))
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
