package copypaste

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

var _ addsd.Generator = (*Generator)(nil)

func toyGenerator(t testing.TB, o Options) (*Generator, []*addsd.Scene) {
	t.Helper()
	scenes := toyScenes(t, 6)
	return New(open(t, Limits{}, collect(t, scenes, Limits{})), statisticsOf(scenes), o), scenes
}

func generate(t testing.TB, g *Generator, r *addsd.Request) addsd.Made {
	t.Helper()
	made, err := g.Generate(context.Background(), []*addsd.Request{r})
	if err != nil {
		t.Fatal(err)
	}
	return made[0]
}

// checkMade holds an answer against what every answer promises.
func checkMade(t *testing.T, r *addsd.Request, m *addsd.Made, o Options) {
	t.Helper()
	o = o.withDefaults()
	w, h := r.Base.Image.Width, r.Base.Image.Height
	all := append(slices.Clone(m.Objects), datasets.Annotation{ID: 1 << 40, CategoryID: r.Category.ID, BBox: m.Truth.BBox,
		Area: m.Truth.Area, Segmentation: m.Truth.Segmentation})
	classes := map[int64]int{}
	for _, a := range all {
		classes[a.CategoryID] = 0
	}
	if err := datasets.Validate(&datasets.Example{Annotations: &all}, w, h, classes); err != nil {
		t.Error(err)
	}
	mask, err := m.Truth.Segmentation.Mask(w, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := mask.Box()
	if m.Truth.BBox != (datasets.Box{float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])}) || m.Truth.Area != float64(mask.Area()) {
		t.Errorf("box %v and area %v, the mask has %v and %d", m.Truth.BBox, m.Truth.Area, b, mask.Area())
	}
	var p patch
	p.fromRuns(mask, b)
	for i := range m.Image.Pix {
		x, y := i/3%w, i/3/w
		if m.Image.Pix[i] != r.Base.Image.Pix[i] && o.Blend != Poisson && !p.at(x, y) {
			t.Fatalf("pixel %d, %d changed outside the mask", x, y)
		}
	}
	left := map[int64]datasets.Annotation{}
	for _, a := range m.Objects {
		left[a.ID] = a
	}
	var s sight
	s.see(r.Base.Objects, w, h)
	for i, a := range r.Base.Objects {
		hidden := overlap(&s.patches[i], &p, 0, 0)
		if float64(hidden) > o.MaxHidden*float64(s.patches[i].area) {
			t.Errorf("annotation %d: %d of %d pixels hidden", a.ID, hidden, s.patches[i].area)
		}
		now, kept := left[a.ID]
		switch {
		case kept && hidden == 0 && !reflect.DeepEqual(now, a):
			t.Errorf("annotation %d changed and is not hidden", a.ID)
		case kept && hidden > 0 && now.Area != float64(s.patches[i].area-hidden):
			t.Errorf("annotation %d: area %v, %d of %d are hidden", a.ID, now.Area, hidden, s.patches[i].area)
		case !kept && hidden == 0:
			t.Errorf("annotation %d is gone and was not hidden", a.ID)
		}
	}
}

func TestEveryAnswerKeepsItsPromises(t *testing.T) {
	for _, o := range []Options{{}, {Blend: Hard, Jitter: 0.2}, {Blend: Poisson, NoFlip: true}} {
		g, scenes := toyGenerator(t, o)
		made, other := 0, 0
		var first []byte
		for seed := range uint64(60) {
			r := lampOn(scenes[seed%6], seed/6)
			was := bytes.Clone(r.Base.Image.Pix)
			m := generate(t, g, r)
			if m.Err != nil {
				if rejected := addsd.RejectionOf(m.Err); rejected == nil || rejected.Reason != addsd.NoPlace {
					t.Fatal(m.Err)
				}
				continue
			}
			made++
			checkMade(t, r, &m, o)
			if m.Donor.Key == r.Base.Key || o.NoFlip && m.Donor.Flipped || m.Donor.Blend != g.o.Blend || len(m.Donor.SHA256) != 64 {
				t.Errorf("donor %+v for %s", m.Donor, r.Base.Key)
			}
			if !bytes.Equal(was, r.Base.Image.Pix) || bytes.Equal(was, m.Image.Pix) {
				t.Fatal("the base changed, or the picture did not")
			}
			if seed%6 == 0 {
				if first == nil {
					first = m.Image.Pix
				} else if !bytes.Equal(first, m.Image.Pix) {
					other++
				}
			}
		}
		if made < 50 || other < 5 {
			t.Errorf("%s: %d pictures of 60, %d differ from the first of their base", g.o.Blend, made, other)
		}
	}
}

func TestAnswersDoNotDependOnWhoAsks(t *testing.T) {
	g, scenes := toyGenerator(t, Options{})
	var reqs []*addsd.Request
	for i := range 24 {
		reqs = append(reqs, lampOn(scenes[i/4], uint64(i)))
	}
	want, err := g.Generate(context.Background(), reqs)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := toyGenerator(t, Options{})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for k := range reqs {
				i := (k*5 + n*7) % len(reqs)
				got, err := again.Generate(context.Background(), reqs[i:i+1])
				if err != nil || !reflect.DeepEqual(got[0], want[i]) {
					t.Errorf("request %d: another answer (%v)", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAnObjectGoesWhereTheMaskIs(t *testing.T) {
	g, scenes := toyGenerator(t, Options{})
	r := lampOn(scenes[0], 1)
	mask := boxMask(t, 100, 20, 40, 50, 160, 120)
	r.Mask = &mask
	m := generate(t, g, r)
	if m.Err != nil {
		t.Fatal(m.Err)
	}
	b := m.Truth.BBox
	if b[0] < 99 || b[1] < 19 || b[0]+b[2] > 141 || b[1]+b[3] != 70 || b[2] < 38 && b[3] < 48 {
		t.Errorf("box %v for a mask of 100, 20, 40 x 50", b)
	}
	small := boxMask(t, 0, 0, 5, 5, 50, 50)
	r.Mask = &small
	if _, err := g.Generate(context.Background(), []*addsd.Request{r}); fault.CodeOf(err) != fault.Usage || fault.PlaceOf(err).Key != r.Key {
		t.Errorf("mask of another size: %v", err)
	}
}

func TestWhatCannotBeMadeIsRejected(t *testing.T) {
	g, scenes := toyGenerator(t, Options{})
	tiny := &addsd.Scene{Key: "tiny", Image: raster.NewRGB(2, 1)}
	hopeless := lampOn(scenes[0], 1)
	hopeless.Category.ID = 12345
	broken := *scenes[0]
	broken.Objects = []datasets.Annotation{{ID: 1, Segmentation: &datasets.Segmentation{Polygons: [][]float64{{1, 2}}}}}
	full := *scenes[0]
	full.Objects = nil
	for i := range int64(300) { // each would be hidden whole
		full.Objects = append(full.Objects, square(i, desk, float64(i%20*8), float64(i/20*8), 3, 3))
	}
	for _, c := range []struct {
		name   string
		r      *addsd.Request
		reason addsd.Reason
	}{
		{"a class without cut-outs", hopeless, addsd.NoCutout},
		{"an image of two pixels", lampOn(tiny, 1), addsd.NoPlace},
		{"a crowded image", lampOn(&full, 1), addsd.NoPlace},
		{"no picture", lampOn(&addsd.Scene{Key: "none"}, 1), addsd.BadBase},
		{"fewer pixels than the size says", lampOn(&addsd.Scene{Key: "short", Image: &raster.RGB{Width: 9, Height: 9}}, 1), addsd.BadBase},
		{"annotations that cannot be read", lampOn(&broken, 1), addsd.BadBase},
	} {
		m := generate(t, g, c.r)
		if r := addsd.RejectionOf(m.Err); r == nil || r.Reason != c.reason || m.Image != nil {
			t.Errorf("%s: %v, want %s", c.name, m.Err, c.reason)
		}
	}
	bad := New(g.bank, nil, Options{Blend: "glue"})
	if _, err := bad.Generate(context.Background(), nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("unknown blend: %v", err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.Generate(stopped, []*addsd.Request{hopeless}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTheOnlyCutoutOfAClassIsNotPutBackOntoItself(t *testing.T) {
	s := toyScene(t, 1)
	s.Objects = s.Objects[:2]
	g := New(open(t, Limits{}, collect(t, []*addsd.Scene{s}, Limits{})), nil, Options{})
	made := 0
	for seed := range uint64(30) {
		r := lampOn(s, seed)
		m := generate(t, g, r)
		if m.Err != nil {
			continue
		}
		made++
		checkMade(t, r, &m, Options{})
		b := [4]int{int(m.Truth.BBox[0]), int(m.Truth.BBox[1]), int(m.Truth.BBox[2]), int(m.Truth.BBox[3])}
		if iou(b, pixels(s.Objects[1].BBox, 160, 120)) > 0.15 {
			t.Errorf("seed %d: %v lies on its donor", seed, b)
		}
	}
	if made < 20 {
		t.Errorf("%d pictures of 30", made)
	}
	empty := &addsd.Scene{Key: "empty", Image: raster.NewRGB(160, 120)}
	if m := generate(t, g, lampOn(empty, 1)); m.Err != nil || len(m.Objects) != 0 {
		t.Errorf("a scene without objects: %v, %d objects", m.Err, len(m.Objects))
	}
}

// TestSizesFollowTheClass asks for objects half as wide as their cut-outs are.
func TestSizesFollowTheClass(t *testing.T) {
	g, scenes := toyGenerator(t, Options{})
	ratio := func(shift int64) float64 {
		s := statisticsOf(scenes)
		c := s.ByID[lamp]
		c.Instances = 1000
		c.LogScale, c.LogScaleSq = 1000*(-1_500_000+shift), 1000*(1500+shift/-1000)*(1500+shift/-1000)
		g.stats = s
		empty := &addsd.Scene{Key: "empty", Image: raster.NewRGB(160, 120)}
		sum := 0.0
		for seed := range uint64(40) {
			m := generate(t, g, lampOn(empty, seed))
			if m.Err != nil {
				t.Fatal(m.Err)
			}
			sum += m.Donor.Scale
		}
		return sum / 40
	}
	if large, halved := ratio(0), ratio(-693_147); halved > 0.7*large || halved < 0.4*large {
		t.Errorf("mean factor %.3f, %.3f where the class is half as large", large, halved)
	}
}

// TestLVIS makes pictures of the LVIS sample with every class that has cut-outs.
func TestLVIS(t *testing.T) {
	if testing.Short() {
		t.Skip("cuts 100 pictures up: takes seconds")
	}
	scenes, stats, classes := sample(t)
	b := open(t, Limits{}, collect(t, scenes, Limits{}))
	g := New(b, stats, Options{})
	usable, made := b.Usable(), 0
	if len(usable) < 50 {
		t.Errorf("%d classes with cut-outs only", len(usable))
	}
	asked := 0
	for i, c := range classes {
		if usable[c.ID] == 0 {
			continue
		}
		asked++
		r := &addsd.Request{Key: "made", Base: scenes[i*7%len(scenes)], Category: c, Seed: uint64(i)}
		m := generate(t, g, r)
		if m.Err != nil {
			t.Log(c.Name, m.Err)
			continue
		}
		made++
		checkMade(t, r, &m, Options{})
	}
	if made < asked*9/10 {
		t.Errorf("%d pictures of %d", made, asked)
	}
}

func BenchmarkGenerate(b *testing.B) {
	scenes, stats, classes := sample(b)
	bank := open(b, Limits{}, collect(b, scenes, Limits{}))
	usable := bank.Usable()
	classes = slices.DeleteFunc(classes, func(c datasets.Class) bool { return usable[c.ID] == 0 })
	for _, mode := range []string{Hard, Feather, Poisson} {
		b.Run(mode, func(b *testing.B) {
			g := New(bank, stats, Options{Blend: mode})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % 200
				generate(b, g, &addsd.Request{Base: scenes[k*37%len(scenes)], Category: classes[k*7%len(classes)], Seed: uint64(k)})
			}
		})
	}
}
