package filter

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/quick"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/phash"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

func object(x, y, w, h float64) datasets.Annotation {
	return datasets.Annotation{BBox: datasets.Box{x, y, w, h}, Area: w * h}
}

func TestTheFirstFailingCheckIsTheReason(t *testing.T) {
	good := addsd.Found{Box: datasets.Box{10, 10, 20, 20}, Changed: 0.1, Drift: 0.01}
	with := func(change func(*addsd.Found)) addsd.Found {
		f := good
		change(&f)
		return f
	}
	half, err := rle.FromBox([4]float64{0, 0, 100, 70}, 100, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		found   addsd.Found
		objects []datasets.Annotation
		want    addsd.Reason
	}{
		{"nothing wrong", good, []datasets.Annotation{object(50, 50, 20, 20)}, ""},
		{"changed comes before drift", with(func(f *addsd.Found) { f.Changed, f.Drift = 0.7, 0.5 }), nil, addsd.TooMuch},
		{"drift", with(func(f *addsd.Found) { f.Drift = 0.06 }), nil, addsd.Drifted},
		{"drift that is no number", with(func(f *addsd.Found) { f.Drift = math.NaN() }), nil, addsd.Drifted},
		{"too small", with(func(f *addsd.Found) { f.Box = datasets.Box{1, 1, 3, 3} }), nil, addsd.TooSmall},
		{"too big by its box", with(func(f *addsd.Found) { f.Box = datasets.Box{0, 0, 80, 80} }), nil, addsd.TooBig},
		{"too big by its mask, whatever the box", with(func(f *addsd.Found) { f.Mask = half }), nil, addsd.TooBig},
		{"on another object", good, []datasets.Annotation{object(50, 50, 9, 9), object(12, 11, 20, 20)}, addsd.Overlaps},
		{"on a large supporter", good, []datasets.Annotation{object(0, 0, 100, 100)}, ""},
		{"on a crowd", good, []datasets.Annotation{{BBox: good.Box, IsCrowd: 1}}, ""},
		{"beside a box without area", good, []datasets.Annotation{object(12, 12, 0, 0)}, ""},
		{"two old boxes on each other", good, []datasets.Annotation{object(60, 60, 20, 20), object(60, 60, 20, 20)}, ""},
	} {
		verdicts, err := Defaults().Check(c.found, c.objects, 100, 100)
		var got addsd.Reason
		if r := addsd.RejectionOf(err); r != nil {
			got = r.Reason
		} else if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		var names []string
		for _, v := range verdicts {
			names = append(names, v.Check)
		}
		if want := []string{Changed, Drift, MinArea, MaxArea, Overlap}; !reflect.DeepEqual(names, want) {
			t.Errorf("%s: verdicts %v, want %v", c.name, names, want)
		}
	}
}

func TestVerdictsSayWhatWasMeasured(t *testing.T) {
	found := addsd.Found{Box: datasets.Box{0, 0, 10, 10}, Changed: 0.25, Drift: 0.5}
	got, err := Defaults().Check(found, []datasets.Annotation{object(5, 0, 10, 10)}, 100, 100)
	want := []datasets.Verdict{
		{Check: Changed, Value: 0.25, Limit: 0.6, OK: true},
		{Check: Drift, Value: 0.5, Limit: 0.05},
		{Check: MinArea, Value: 0.01, Limit: 0.001, OK: true},
		{Check: MaxArea, Value: 0.01, Limit: 0.6, OK: true},
		{Check: Overlap, Value: float64(float32(1.0 / 3)), Limit: 0.5, OK: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if err == nil || !strings.Contains(err.Error(), "0.5000") {
		t.Errorf("the rejection does not say how much: %v", err)
	}
	if _, err := Defaults().Check(found, nil, 0, 5); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a picture without pixels: %v", err)
	}
}

func TestLimitsThatCannotBeAreNamed(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*Limits){
		"min_area":     func(l *Limits) { l.MinArea = -0.1 },
		"max_area":     func(l *Limits) { l.MaxArea = 1.5 },
		"max_drift":    func(l *Limits) { l.MaxDrift = math.NaN() },
		"max_overlap":  func(l *Limits) { l.MaxOverlap = math.Inf(1) },
		"max_changed":  func(l *Limits) { l.MaxChanged = 60 },
		"max_same":     func(l *Limits) { l.MaxSame = 2 },
		"min_distance": func(l *Limits) { l.MinDistance = 65 },
		"than max":     func(l *Limits) { l.MinArea = 0.7 },
	} {
		l := Defaults()
		spoil(&l)
		if err := l.Validate(); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What strict limits take, loose ones take.
func TestLooserLimitsTakeMore(t *testing.T) {
	taken, refused := 0, 0
	property := func(seed uint64) bool {
		r := rand.New(rand.NewPCG(seed, 1))
		l := Limits{MinArea: r.Float64() / 4, MaxArea: 0.25 + r.Float64()/2, MaxDrift: 0.2 + r.Float64()*0.8, MaxOverlap: r.Float64(), MaxChanged: 0.2 + r.Float64()*0.8}
		loose := Limits{l.MinArea * r.Float64(), l.MaxArea + r.Float64()/4, min(l.MaxDrift*1.2, 1), min(l.MaxOverlap*1.2, 1), min(l.MaxChanged*1.2, 1), 0, 1}
		f := addsd.Found{Box: datasets.Box{r.Float64() * 40, r.Float64() * 40, r.Float64() * 60, r.Float64() * 60}, Drift: r.Float64() / 3, Changed: r.Float64()}
		there := []datasets.Annotation{object(r.Float64()*40, r.Float64()*40, r.Float64()*60, r.Float64()*60)}
		_, strict := l.Check(f, there, 100, 100)
		_, wide := loose.Check(f, there, 100, 100)
		if strict == nil {
			taken++
		} else {
			refused++
		}
		return strict != nil || wide == nil
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 3000}); err != nil {
		t.Error(err)
	}
	if taken < 50 || refused < 50 {
		t.Errorf("%d taken and %d refused show nothing", taken, refused)
	}
}

// crowded draws samples many of which are near each other.
func crowded(r *rand.Rand, n int) []Sample {
	out := make([]Sample, n)
	for i := range out {
		h := phash.Hash(uint64(r.IntN(8)) * 0x9e3779b97f4a7c15)
		for range r.IntN(5) {
			h ^= 1 << r.IntN(64)
		}
		out[i] = Sample{fmt.Sprintf("s%05d", i), h, fmt.Sprint("b", r.IntN(3)), int64(r.IntN(2)),
			datasets.Box{float64(r.IntN(30)), float64(r.IntN(30)), 20 + float64(r.IntN(9)), 20}}
	}
	return out
}

// The rule, written down as it is said.
func TestDecisionsAreThoseOfThePlainRule(t *testing.T) {
	d := Duplicates{MinDistance: 4, MaxSame: 0.7}
	var near, same, kept int
	for seed := range uint64(40) {
		samples := crowded(rand.New(rand.NewPCG(seed, 2)), 60)
		got, err := d.Decide(samples)
		if err != nil {
			t.Fatal(err)
		}
		var stay []Sample
		for i, s := range samples {
			want, rival := "", ""
			least, most := d.MinDistance, d.MaxSame
			for _, k := range stay {
				if b := phash.Distance(k.Hash, s.Hash); b < least {
					want, least = k.Key, b
				}
				if iou := boxIoU(k.Box, s.Box); k.Base == s.Base && k.Class == s.Class && iou > most {
					rival, most = k.Key, iou
				}
			}
			switch {
			case want != "":
				near++
			case rival != "":
				want = rival
				same++
			default:
				kept++
				stay = append(stay, s)
			}
			if got[i].Key != s.Key || got[i].Of != want || (got[i].Err == nil) != (want == "") {
				t.Fatalf("seed %d: %+v, want a twin %q", seed, got[i], want)
			}
			if r := addsd.RejectionOf(got[i].Err); want != "" && (r == nil || r.Reason != addsd.Duplicate) {
				t.Fatalf("seed %d: %v", seed, got[i].Err)
			}
		}
	}
	if near < 50 || same < 50 || kept < 50 {
		t.Errorf("%d near, %d in the same place, %d kept: the cases show too little", near, same, kept)
	}
}

func TestTheOrderOfArrivalDoesNotMatter(t *testing.T) {
	d := Defaults().Duplicates()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		samples := crowded(r, 80)
		want, err := d.Decide(samples)
		if err != nil {
			t.Fatal(err)
		}
		r.Shuffle(len(samples), func(i, j int) { samples[i], samples[j] = samples[j], samples[i] })
		got, err := d.Decide(samples)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: shuffled samples are decided otherwise: %v", seed, err)
		}
	}
	if _, err := d.Decide([]Sample{{Key: "a"}, {Key: "b"}, {Key: "a"}}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a key that comes twice: %v", err)
	}
}

func TestNoComparisonIsMadeWhereTheLimitsTurnItOff(t *testing.T) {
	twins := []Sample{{Key: "a", Box: datasets.Box{0, 0, 9, 9}}, {Key: "b", Box: datasets.Box{0, 0, 9, 9}}}
	got, err := Duplicates{MinDistance: 0, MaxSame: 1}.Decide(twins)
	if err != nil || got[0].Of != "" || got[1].Of != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestARegionIsHashedWithItsSurroundingsAndNothingElse(t *testing.T) {
	m := raster.NewRGB(400, 300)
	r := rand.New(rand.NewPCG(1, 4))
	for y := range 300 {
		for x := range 400 {
			v := byte(128 + 60*math.Sin(float64(x)/9) + 50*math.Cos(float64(y)/7+float64(x)/23) + float64(r.IntN(5)))
			copy(m.Pix[3*(y*400+x):], []byte{v, v, v})
		}
	}
	var region Region
	box := datasets.Box{100, 100, 80, 60}
	want := region.Hash(m, box)
	far := 3 * (250*400 + 350)
	m.Pix[far], m.Pix[far+1] = ^m.Pix[far], ^m.Pix[far+1]
	if got := region.Hash(m, box); got != want {
		t.Errorf("a pixel far away moved the hash from %x to %x", want, got)
	}
	if d := phash.Distance(want, region.Hash(m, datasets.Box{230, 180, 80, 60})); d < 8 {
		t.Errorf("another region is only %d bits away", d)
	}
	whole := region.hasher.Of(m)
	for _, b := range []datasets.Box{{900, 0, 5, 5}, {math.NaN(), 0, 5, 5}, {-200, 0, 5, 5}} {
		if got := region.Hash(m, b); got != whole {
			t.Errorf("box %v: %x, the whole picture has %x", b, got, whole)
		}
	}
	if n := testing.AllocsPerRun(20, func() { region.Hash(m, box) }); n != 0 {
		t.Errorf("%v allocations a hash", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 5))
	samples := make([]Sample, 100_000)
	for i := range samples {
		samples[i] = Sample{fmt.Sprintf("s%06d", i), phash.Hash(r.Uint64()), fmt.Sprint(r.IntN(50_000)), 1, datasets.Box{r.Float64() * 500, 0, 50, 50}}
	}
	for b.Loop() {
		if _, err := Defaults().Duplicates().Decide(samples); err != nil {
			b.Fatal(err)
		}
	}
}
