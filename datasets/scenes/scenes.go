package scenes

import (
	"bytes"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Size says how much is drawn. Zero fields take the default.
type Size struct {
	Scenes   int // images of the LVIS set; 108, at least 24
	Referred int // images of the RefCOCO set, the first scenes; 40, at least 16
	PerClass int // training images of each of the 10 ImageNet classes; 4
	ValClass int // validation images of each; 1
}

func (s Size) withDefaults() (Size, error) {
	for _, f := range []struct {
		v             *int
		zero, atLeast int
	}{{&s.Scenes, 108, 24}, {&s.Referred, 40, 16}, {&s.PerClass, 4, 1}, {&s.ValClass, 1, 1}} {
		if *f.v == 0 {
			*f.v = f.zero
		}
		if *f.v < f.atLeast {
			return s, fault.New(fault.Usage, "scenes: size %d, at least %d", *f.v, f.atLeast)
		}
	}
	s.Referred = min(s.Referred, s.Scenes)
	return s, nil
}

// Layout is what Write has written: one recipe's worth of inputs a set.
type Layout struct {
	RefCOCO, LVIS, Train, Val Recipe // Train and Val are ImageNet's
}

// Recipe is what a build section needs to name a set.
type Recipe struct {
	Dataset string
	Inputs  datasets.Inputs // role -> path below the directory given to Write
	Splits  []string
	Planted []Planted
}

// Planted is one accident of a set, on purpose.
type Planted struct {
	Key    string     // of the example
	What   string     // a few words
	Reason fault.Code // under which it should be set aside; "" where it should be used
}

const jpegQuality = 90

// Write draws the datasets into dir, which must be empty or not exist.
func Write(dir string, seed uint64, size Size) (Layout, error) {
	return write(dir, seed, size, 1)
}

// write is Write with images that are shrink times smaller each way, for tests.
func write(dir string, seed uint64, size Size, shrink int) (Layout, error) {
	size, err := size.withDefaults()
	if err != nil {
		return Layout{}, err
	}
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return Layout{}, fault.At(fault.New(fault.Occupied, "the directory is not empty"), fault.Place{Path: dir})
	}
	d := &drawing{dir: dir, seed: seed, size: size, shrink: shrink, dirs: map[string]bool{}}
	d.drawScenes()
	layout := Layout{RefCOCO: d.writeRefer(), LVIS: d.writeLVIS()}
	layout.Train, layout.Val = d.writeImageNet()
	return layout, d.err
}

// drawing is one call of Write. The first error sticks.
type drawing struct {
	dir     string
	seed    uint64
	size    Size
	shrink  int
	dirs    map[string]bool // made so far
	pics    []*picture
	painter painter
	err     error
}

// picture is a scene that has been encoded.
type picture struct {
	*scene
	id    int64 // of the image
	annID int64 // of its first object; the others follow
	jpeg  []byte
}

// rng is the source of randomness of one thing, which no other thing shares.
func (d *drawing) rng(purpose uint64, i int) *rand.Rand {
	return rand.New(rand.NewPCG(d.seed, purpose<<32|uint64(i)))
}

// Purposes of randomness.
const (
	forScene uint64 = iota + 1
	forKinds
	forSentences
	forLVIS
	forImageNet
)

func (d *drawing) drawScenes() {
	want := d.kindsOfScenes()
	annID := int64(20001)
	for i := range d.size.Scenes {
		rng := d.rng(forScene, i)
		s := sizes[rng.IntN(len(sizes))]
		p := &picture{scene: d.painter.compose(rng, s[0]/d.shrink, s[1]/d.shrink, want[i]), id: int64(1009 + 7*i), annID: annID}
		p.jpeg = d.encode(p.scene)
		p.image = nil
		annID += int64(len(p.objects))
		d.pics = append(d.pics, p)
	}
}

func (d *drawing) encode(s *scene) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, s.image, &jpeg.Options{Quality: jpegQuality}); err != nil && d.err == nil {
		d.err = err
	}
	return b.Bytes()
}

// kindsOfScenes deals the kinds out to the scenes: a share of them for most, a
// fixed few for the rare. The last scenes, where accidents are planted, get none
// of the rare.
func (d *drawing) kindsOfScenes() [][]kind {
	want := make([][]kind, d.size.Scenes)
	rng := d.rng(forKinds, 0)
	for k := range kinds {
		info, among := kindTable[k], d.size.Scenes
		if info.clear {
			continue
		}
		n := int(info.share*float64(d.size.Scenes) + 0.5)
		if info.scenes > 0 {
			among, n = d.size.Scenes-int(accidents), info.scenes
		}
		for _, i := range rng.Perm(among)[:n] {
			want[i] = append(want[i], k)
		}
	}
	for i, w := range want {
		rng.Shuffle(len(w), func(a, b int) { w[a], w[b] = w[b], w[a] })
		if len(w) > 6 {
			continue
		}
		for range rng.IntN(3) { // a second one of its kind must be told apart
			if k := w[rng.IntN(len(w))]; kindTable[k].scenes == 0 {
				want[i] = append(want[i], k)
			}
		}
	}
	d.dealClear(want)
	return want
}

// dealClear deals out the kinds that are to be seen whole, the last thing drawn
// each in a scene of its own, and where the fewest objects are. They are what a
// bank of cut-outs can take from a rare class.
func (d *drawing) dealClear(want [][]kind) {
	order := d.rng(forKinds, 1).Perm(d.size.Scenes - int(accidents))
	slices.SortStableFunc(order, func(a, b int) int { return len(want[a]) - len(want[b]) })
	for k := range kinds {
		if info := kindTable[k]; info.clear {
			for _, i := range order[:info.scenes] {
				want[i] = append(want[i], k)
			}
			order = order[info.scenes:]
		}
	}
}

// write writes one file below the directory.
func (d *drawing) write(name string, data []byte) {
	if d.err != nil {
		return
	}
	path := d.path(name)
	if parent := filepath.Dir(path); !d.dirs[parent] {
		if d.err = os.MkdirAll(parent, 0o755); d.err != nil {
			return
		}
		d.dirs[parent] = true
	}
	d.err = os.WriteFile(path, data, 0o644)
}

func (d *drawing) path(name string) string {
	return filepath.Join(d.dir, filepath.FromSlash(name))
}
