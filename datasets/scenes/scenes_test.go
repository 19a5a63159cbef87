package scenes

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kisielk/og-rek"

	"github.com/tailorbird/tailorbird/datasets"
	_ "github.com/tailorbird/tailorbird/datasets/imagenet"
	"github.com/tailorbird/tailorbird/internal/fault"
)

var small = Size{Scenes: 24, Referred: 16, PerClass: 1}

// shrink makes the images of the tests four times smaller.
const shrink = 2

func TestTheSameSeedGivesTheSameFiles(t *testing.T) {
	t.Parallel()
	sums := map[string]uint64{}
	for _, seed := range []uint64{1, 1, 2} {
		dir := filepath.Join(t.TempDir(), "demo")
		if _, err := write(dir, seed, small, shrink); err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			fmt.Fprintf(h, "%s %x\n", strings.TrimPrefix(path, dir), sha256.Sum256(b))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		sum := fmt.Sprintf("%x", h.Sum(nil))
		if first, ok := sums[sum]; ok != (first == seed && seed == 1 && len(sums) == 1) && len(sums) > 0 {
			t.Errorf("seed %d: files as of seed %d", seed, first)
		}
		sums[sum] = seed
	}
	if len(sums) != 2 {
		t.Errorf("three runs with two seeds give %d different trees", len(sums))
	}
}

func TestADirectoryInUseIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := write(dir, 0, small, shrink); fault.CodeOf(err) != fault.Occupied {
		t.Errorf("error %v, want occupied", err)
	}
	if _, err := Write(filepath.Join(dir, "x"), 0, Size{Scenes: 3}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("error %v, want usage", err)
	}
}

// drawn is a drawing of some scenes that is not written anywhere; the tests that
// share it only read.
var drawn = sync.OnceValue(func() *drawing {
	size, _ := Size{Scenes: 48, Referred: 48}.withDefaults()
	d := &drawing{seed: 5, size: size, shrink: shrink}
	d.drawScenes()
	return d
})

func TestMasksBoxesAndAreasAgree(t *testing.T) {
	t.Parallel()
	d := drawn()
	byImage := map[int64]*picture{}
	for _, p := range d.pics {
		byImage[p.id] = p
	}
	var polygons, runs int
	for _, a := range annotations(d.pics) {
		if a.ID == beyondID {
			continue
		}
		p := byImage[a.ImageID]
		v := p.objects[a.ID-p.annID].visible
		b := a.BBox
		if b[0] < 0 || b[1] < 0 || b[2] <= 0 || b[3] <= 0 || b[0]+b[2] > float64(p.w) || b[1]+b[3] > float64(p.h) {
			t.Errorf("annotation %d: box %v in an image of %dx%d", a.ID, b, p.w, p.h)
		}
		if math.Abs(a.Area-float64(v.pixels)) > 0.04*a.Area+6 {
			t.Errorf("annotation %d: area %v, %d pixels are seen", a.ID, a.Area, v.pixels)
		}
		if a.Segmentation.RLE == nil {
			polygons++
			continue
		}
		runs++
		var sum, ones uint32
		for i, n := range a.Segmentation.RLE.Runs {
			if sum += n; i%2 == 1 {
				ones += n
			}
		}
		if sum != uint32(p.w*p.h) || ones != uint32(v.pixels) {
			t.Errorf("annotation %d: runs of %d pixels, %d of them set; the image has %d, %d are seen", a.ID, sum, ones, p.w*p.h, v.pixels)
		}
	}
	if polygons < 30 || runs < 30 {
		t.Errorf("%d polygons and %d run-length masks", polygons, runs)
	}
}

// parsed reads an expression back from its words.
func parsed(t *testing.T, s *scene, text string) phrase {
	t.Helper()
	bad := func() phrase { t.Fatalf("%q is not an expression", text); return phrase{} }
	rest, ok := strings.CutPrefix(text, "the ")
	if !ok {
		return bad()
	}
	p := phrase{colour: anyColour}
	for _, size := range []string{"small", "large"} {
		if r, ok := strings.CutPrefix(rest, size+" "); ok {
			p.size, rest = size, r
		}
	}
	for _, r := range relations {
		if head, tail, ok := strings.Cut(rest, " "+r+" the "); ok {
			c, k, _ := strings.Cut(tail, " ")
			l := s.named(colourNamed(c), kindNamed(k))
			if len(l) != 1 {
				t.Fatalf("%q: %d landmarks", text, len(l))
			}
			p.relation, p.landmark, rest = r, l[0], head
		}
	}
	for _, side := range sides {
		if head, ok := strings.CutSuffix(rest, " "+side); ok {
			p.where, rest = side, head
		}
	}
	words := strings.Fields(rest)
	if len(words) == 2 {
		p.colour = colourNamed(words[0])
	}
	if p.kind = kindNamed(words[len(words)-1]); p.kind == kinds || len(words) > 2 {
		return bad()
	}
	return p
}

func kindNamed(name string) kind {
	k := disc
	for k < kinds && k.String() != name {
		k++
	}
	return k
}

func colourNamed(name string) colour {
	return colour(slices.IndexFunc(colourTable, func(c struct {
		name string
		rgb  rgb
	}) bool {
		return c.name == name
	}))
}

func TestExpressionsAreTrueOfTheirObjectAlone(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	d := drawn()
	for _, r := range d.refs(d.pics) {
		if r.annID == beyondID {
			continue
		}
		var p *picture
		for _, q := range d.pics {
			if q.id == r.imageID {
				p = q
			}
		}
		for _, s := range r.sentences {
			want := p.objects[r.annID-p.annID]
			if got := p.denotes(parsed(t, p.scene, s.sent)); len(got) != 1 || got[0] != want {
				t.Errorf("image %d: %q is true of %d objects", p.id, s.sent, len(got))
			}
			for _, w := range append(slices.Clone(sides), append(relations, "small", "large")...) {
				said[w] = said[w] || strings.Contains(s.sent, w)
			}
		}
	}
	for w, ok := range said {
		if !ok {
			t.Errorf("no expression says %q", w)
		}
	}
}

func TestRefsAreAPythonPickle(t *testing.T) {
	t.Parallel()
	d := drawn()
	refs := d.refs(d.pics)
	v, err := ogórek.NewDecoder(bytes.NewReader(pickleRefs(refs))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	list, ok := v.([]any)
	if !ok || len(list) != len(refs) {
		t.Fatalf("%T of %d, want a list of %d", v, len(list), len(refs))
	}
	splits := map[string]int{}
	for i, item := range list {
		m, r := item.(map[any]any), refs[i]
		splits[m["split"].(string)]++
		last := m["sentences"].([]any)[len(r.sentences)-1].(map[any]any)
		want := r.sentences[len(r.sentences)-1]
		if m["ann_id"] != r.annID || m["ref_id"] != r.refID || m["file_name"] != r.fileName || last["sent"] != want.sent || len(last["tokens"].([]any)) != len(strings.Fields(want.sent)) {
			t.Errorf("ref %d is %v, want %+v", i, m, r)
		}
	}
	for _, s := range []string{"train", "val", "testA", "testB"} {
		if splits[s] == 0 {
			t.Errorf("no ref in %s: %v", s, splits)
		}
	}
}

func TestTheLVISFileKeepsItsOwnRules(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	layout, err := write(dir, 0, Size{}, shrink)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(layout.LVIS.Inputs["annotations"])
	if err != nil {
		t.Fatal(err)
	}
	var f lvisFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	classes := map[string]int{}
	for _, c := range f.Categories {
		classes[c.Frequency]++
		if c.InstanceCount < c.ImageCount || c.ImageCount == 0 || c.Frequency != datasets.FrequencyGroup(int64(c.ImageCount)) {
			t.Errorf("category %+v", c)
		}
	}
	if classes["r"] < 3 || classes["c"] < 3 || classes["f"] < 1 {
		t.Errorf("categories by frequency: %v", classes)
	}
	checkTail(t, f)
	has := map[[2]int64]bool{}
	for _, a := range f.Annotations {
		has[[2]int64{a.ImageID, a.CategoryID}] = true
	}
	for _, m := range f.Images {
		for _, c := range m.NegCategoryIDs {
			if has[[2]int64{m.ID, c}] {
				t.Errorf("image %d shows category %d, which it is said not to", m.ID, c)
			}
		}
		for _, c := range m.NotExhaustiveCategoryIDs {
			if !has[[2]int64{m.ID, c}] {
				t.Errorf("image %d: category %d is not exhaustive and not there", m.ID, c)
			}
		}
	}
	checkImages(t, layout.LVIS, filepath.Join(dir, "coco", "train2017"), "", len(f.Images))
	checkImages(t, layout.RefCOCO, layout.RefCOCO.Inputs["images"], "COCO_train2014_", 40)
	planImageNet(t, layout.Train, 40+5, 0)
	planImageNet(t, layout.Val, 10, 2)
}

// checkTail finds rare classes whose objects can be cut out: seen whole, so with
// their outline, away from the border, and large enough.
func checkTail(t *testing.T, f lvisFile) {
	t.Helper()
	size := map[int64]lvisImage{}
	for _, m := range f.Images {
		size[m.ID] = m
	}
	usable := 0
	for _, c := range f.Categories {
		if c.ImageCount > 3 {
			continue
		}
		whole := 0
		for _, a := range f.Annotations {
			m, b := size[a.ImageID], a.BBox
			if a.CategoryID == c.ID && a.Segmentation.RLE == nil && b[0] >= 1 && b[1] >= 1 && b[0]+b[2] <= float64(m.Width-1) && b[1]+b[3] <= float64(m.Height-1) &&
				a.Area >= 0.003*float64(m.Width*m.Height) {
				whole++
			}
		}
		if whole > 0 {
			usable++
		}
		if kindTable[c.ID-1].clear && whole != c.InstanceCount {
			t.Errorf("%d of %d objects of %s can be cut out", whole, c.InstanceCount, c.Name)
		}
	}
	if usable < 4 {
		t.Errorf("%d classes of at most three images can be cut out, want 4", usable)
	}
}

// checkImages decodes every image of a folder: those that fail are the planted.
func checkImages(t *testing.T, r Recipe, dir, prefix string, n int) {
	t.Helper()
	for _, p := range r.Planted {
		b, err := os.ReadFile(filepath.Join(dir, prefix+p.Key+".jpg"))
		if p.Reason == fault.NotFound {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is there", p.Key)
			}
			continue
		}
		c, cfgErr := jpeg.DecodeConfig(bytes.NewReader(b))
		if p.Reason == fault.TooLarge { // to decode it takes the memory that it claims
			if cfgErr != nil || c.Width != 65535 || c.Height != 65535 {
				t.Errorf("%s claims %dx%d, %v", p.Key, c.Width, c.Height, cfgErr)
			}
			continue
		}
		_, err = jpeg.Decode(bytes.NewReader(b))
		if good := p.Reason == fault.InvalidAnnotation; good != (err == nil) {
			t.Errorf("%s, %s: %v", p.Key, p.What, err)
		}
		if p.Reason == "" {
			if _, err := png.Decode(bytes.NewReader(b)); err != nil {
				t.Errorf("%s is no PNG: %v", p.Key, err)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != n-1 || len(r.Planted) != int(accidents) {
		t.Errorf("%s: %d files, %d planted, %v", dir, len(files), len(r.Planted), err)
	}
}

func planImageNet(t *testing.T, r Recipe, want, rejected int) {
	t.Helper()
	src, _ := datasets.Lookup(r.Dataset)
	var n, out int
	err := src.Plan(t.Context(), r.Inputs, &datasets.Planner{
		Splits: r.Splits,
		Emit:   func(datasets.Ref) error { n++; return nil },
		Reject: func(x datasets.Rejection) error {
			out++
			if !slices.ContainsFunc(r.Planted, func(p Planted) bool { return p.Key == x.Key && p.Reason == x.Reason }) {
				t.Errorf("set aside: %+v", x)
			}
			return nil
		},
		Input: func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {},
	})
	if err != nil || n != want || out != rejected {
		t.Errorf("%s: %d images, %d set aside, %v; want %d and %d", r.Splits, n, out, err, want, rejected)
	}
}

func BenchmarkCompose(b *testing.B) {
	d := &drawing{}
	b.ReportAllocs()
	for b.Loop() {
		d.painter.compose(d.rng(forScene, 0), 640, 480, []kind{disc, square, triangle, star, ring, hexagon})
	}
	b.ReportMetric(640*480*float64(b.N)/1e6/b.Elapsed().Seconds(), "megapixels/s")
}

func BenchmarkWrite(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		if _, err := Write(filepath.Join(b.TempDir(), fmt.Sprint(i)), 0, Size{}); err != nil {
			b.Fatal(err)
		}
	}
}
