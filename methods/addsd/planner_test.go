package addsd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// world is a made split: n pictures, classes of ids 1.. of which class c is shown
// by about images(c) pictures, and its statistics.
func world(n, classes int, images func(c int) int) ([]SceneRow, []datasets.Class, *Statistics) {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(classes)))
	shown := make([]map[int64]bool, n)
	list := make([]datasets.Class, classes)
	for c := range list {
		list[c] = datasets.Class{ID: int64(c + 1), Name: fmt.Sprintf("thing_%d_(kind)", c+1), Supercategory: fmt.Sprint("super", c%5)}
		for range images(c + 1) {
			i := rng.IntN(n)
			if shown[i] == nil {
				shown[i] = map[int64]bool{}
			}
			shown[i][int64(c+1)] = true
		}
	}
	rows := make([]SceneRow, n)
	stats := new(Statistics)
	annotation := int64(0)
	for i := range rows {
		r := SceneRow{Key: fmt.Sprintf("%012d", 3*i+7), ImageID: int64(3*i + 7), Width: 640, Height: 480}
		var objects []datasets.Annotation
		for id := range shown[i] {
			r.Categories = append(r.Categories, id)
			side := float64(10 + id%50)
			objects = append(objects, datasets.Annotation{CategoryID: id, BBox: datasets.Box{0, 0, side, side}, Area: side * side})
		}
		slices.Sort(r.Categories)
		r.Annotations = len(r.Categories)
		annotation += int64(r.Annotations)
		r.MaxAnnotationID = annotation
		stats.Add(640, 480, objects)
		rows[i] = r
	}
	return rows, list, stats
}

// tail has some rare, some common and some frequent classes.
func tail(c int) int { return []int{3, 8, 30, 70, 120, 200}[c%6] }

func planOf(t *testing.T, rows []SceneRow, classes []datasets.Class, stats *Statistics, usable map[int64]int, o PlanOptions) *Plan {
	t.Helper()
	p, err := NewPlan(rows, classes, stats, usable, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// checkPlan holds a plan to what every plan promises.
func checkPlan(t *testing.T, p *Plan, rows []SceneRow, classes []datasets.Class, o PlanOptions) {
	t.Helper()
	var lastImage, lastAnnotation int64
	keys := map[string]bool{}
	for _, r := range rows {
		lastImage, lastAnnotation = max(lastImage, r.ImageID), max(lastAnnotation, r.MaxAnnotationID)
		keys[r.Key] = true
	}
	planned := map[int64]int{}
	for i := range p.Samples {
		s := &p.Samples[i]
		planned[s.Category]++
		if err := datasets.CheckKey(s.Key); err != nil || keys[s.Key] {
			t.Fatalf("key %q: %v, or taken", s.Key, err)
		}
		keys[s.Key] = true
		if i > 0 && p.Samples[i-1].Key >= s.Key {
			t.Fatalf("key %q after %q", s.Key, p.Samples[i-1].Key)
		}
		if s.ImageID != lastImage+1+int64(i) || s.AnnotationID <= lastAnnotation {
			t.Fatalf("%s: image id %d, annotation id %d after %d", s.Key, s.ImageID, s.AnnotationID, lastAnnotation)
		}
		if len(s.Bases) == 0 || len(s.Bases) > max(o.Attempts, 1) {
			t.Fatalf("%s: %d bases", s.Key, len(s.Bases))
		}
		for k, b := range s.Bases {
			lastAnnotation = max(lastAnnotation, s.AnnotationID+int64(rows[b].Annotations))
			if slices.Contains(s.Bases[:k], b) {
				t.Fatalf("%s: base %d twice", s.Key, b)
			}
			if o.Exclude != nil && o.Exclude(&rows[b]) {
				t.Fatalf("%s: image %d must not be touched", s.Key, rows[b].ImageID)
			}
			if o.NewOnly && slices.Contains(rows[b].Categories, s.Category) {
				t.Fatalf("%s: image %d shows %d already", s.Key, rows[b].ImageID, s.Category)
			}
		}
		if want := fmt.Sprintf("add a thing %d (kind)", s.Category); s.Instruction != want {
			t.Fatalf("%s: %q, want %q", s.Key, s.Instruction, want)
		}
	}
	for i, c := range p.Classes {
		if c.ID != classes[i].ID || c.Planned != planned[c.ID] || c.After < c.Before || c.Planned > 0 && !c.Chosen {
			t.Fatalf("class %+v, %d planned", c, planned[c.ID])
		}
		if c.GroupBefore != datasets.FrequencyGroup(c.Before) || c.GroupAfter != datasets.FrequencyGroup(c.After) {
			t.Fatalf("groups of %+v", c)
		}
		if o.Budget == 0 && c.Chosen && c.Planned < c.Quota && c.Note == "" {
			t.Fatalf("nothing says why %s gets %d of %d", c.Name, c.Planned, c.Quota)
		}
	}
}

func everyOption() []PlanOptions {
	var list []PlanOptions
	for _, sampling := range Samplings {
		for _, newOnly := range []bool{false, true} {
			base := PlanOptions{Seed: 5, Classes: []string{"rare", "thing 3 (kind)"}, Sampling: sampling, NewOnly: newOnly, Attempts: 3,
				Exclude: func(r *SceneRow) bool { return r.ImageID%7 == 0 }}
			for _, quota := range []func(*PlanOptions){
				func(o *PlanOptions) { o.ImagesPerClass = 25 },
				func(o *PlanOptions) { o.TargetImages = 20 },
				func(o *PlanOptions) { o.Budget = 150 },
				func(o *PlanOptions) { o.Budget = 1000 }, // more than there are pictures
			} {
				o := base
				quota(&o)
				list = append(list, o)
			}
		}
	}
	return list
}

func TestPlansKeepTheirPromises(t *testing.T) {
	rows, classes, stats := world(400, 30, tail)
	for _, o := range everyOption() {
		p := planOf(t, rows, classes, stats, nil, o)
		checkPlan(t, p, rows, classes, o)
		if o.Budget > 0 && len(p.Samples) != o.Budget {
			t.Errorf("%s: %d samples of a budget of %d", o.Sampling, len(p.Samples), o.Budget)
		}
		for _, c := range p.Classes {
			if o.Budget == 0 && c.Chosen && c.Planned != c.Quota {
				t.Errorf("%s: class %s gets %d of %d: %s", o.Sampling, c.Name, c.Planned, c.Quota, c.Note)
			}
		}
	}
}

func TestPlansDoNotDependOnTheOrderOfRows(t *testing.T) {
	rows, classes, stats := world(400, 30, tail)
	rng := rand.New(rand.NewPCG(8, 9))
	seen := map[string]bool{}
	for _, o := range everyOption() {
		want := planOf(t, rows, classes, stats, nil, o)
		if seen[want.Hash()] {
			t.Errorf("two options give the plan %s", want.Hash())
		}
		seen[want.Hash()] = true
		moved := slices.Clone(rows)
		rng.Shuffle(len(moved), func(a, b int) { moved[a], moved[b] = moved[b], moved[a] })
		got := planOf(t, moved, classes, stats, nil, o)
		if got.Hash() != want.Hash() || len(got.Samples) != len(want.Samples) {
			t.Fatalf("%+v: another plan of the same rows in another order", o)
		}
		for i := range got.Samples {
			a, b := got.Samples[i], want.Samples[i]
			for k := range a.Bases {
				a.Bases[k], b.Bases[k] = int(moved[a.Bases[k]].ImageID), int(rows[b.Bases[k]].ImageID)
			}
			if fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("sample %+v, want %+v", a, b)
			}
		}
		o.Seed++
		if planOf(t, rows, classes, stats, nil, o).Hash() == want.Hash() {
			t.Errorf("%+v: the seed changes nothing", o)
		}
	}
}

// Spec 9.2: 337 classes over 99,388 images, mean 294.9, standard deviation 17.1.
func TestAUniformPlanOfLVISSizeIsMultinomial(t *testing.T) {
	n := 99388
	if testing.Short() {
		n = 20000
	}
	rows, classes, stats := world(n, 1203, func(c int) int {
		if c <= 337 {
			return 1 + c%10
		}
		return 101 + c%30
	})
	o := PlanOptions{Seed: 1, Classes: []string{"rare"}, Budget: n}
	p := planOf(t, rows, classes, stats, nil, o)
	checkPlan(t, p, rows, classes, o)
	first := map[int]bool{}
	for i := range p.Samples {
		first[p.Samples[i].Bases[0]] = true
	}
	if len(first) != len(rows) {
		t.Errorf("%d pictures are used, there are %d", len(first), len(rows))
	}
	chosen, chi := 0, 0.0
	q := 1.0 / 337
	mean, sd := float64(n)*q, math.Sqrt(float64(n)*q*(1-q))
	for _, c := range p.Classes {
		if !c.Chosen {
			continue
		}
		chosen++
		z := (float64(c.Planned) - mean) / sd
		if chi += z * z; math.Abs(z) > 5 {
			t.Errorf("%s is planned %d times, %.1f standard deviations off", c.Name, c.Planned, z)
		}
	}
	if chosen != 337 {
		t.Errorf("%d rare classes", chosen)
	}
	if df := 336.0; math.Abs(chi-df) > 5*math.Sqrt(2*df) { // neither too uneven nor too even
		t.Errorf("chi squared is %.0f for %.0f degrees of freedom", chi, df)
	}
}

// The figure of spec 3.4: traffic light 11.4 %, stop sign 73.8 %, bench 14.8 %.
func TestSuperlabelsAreDrawnByInverseFrequency(t *testing.T) {
	classes := []datasets.Class{{ID: 10, Name: "traffic light", Supercategory: "outdoor"}, {ID: 13, Name: "stop sign", Supercategory: "outdoor"},
		{ID: 15, Name: "bench", Supercategory: "outdoor"}, {ID: 17, Name: "cat", Supercategory: "animal"}}
	stats := &Statistics{Images: 50000, ByID: map[int64]*ClassStatistics{10: {Instances: 12884}, 13: {Instances: 1983}, 15: {Instances: 9838}, 17: {Instances: 4766}}}
	var rows []SceneRow
	const n = 20000
	for i := range n {
		rows = append(rows, SceneRow{Key: fmt.Sprint(i), ImageID: int64(i), Width: 9, Height: 9, Categories: []int64{15}, Annotations: 1})
	}
	p := planOf(t, rows, classes, stats, nil, PlanOptions{Classes: []string{"all"}, Sampling: SuperlabelSampling, Budget: n})
	for i, want := range []float64{0.114, 0.738, 0.148, 0} {
		if got := float64(p.Classes[i].Planned) / n; math.Abs(got-want) > 0.015*want+0.0005+5*math.Sqrt(want*(1-want)/n) || want == 0 && got != 0 {
			t.Errorf("%s: %.4f, want %.3f", p.Classes[i].Name, got, want)
		}
	}
	rows = rows[:1]
	rows[0].Categories = nil // no label: any class
	p = planOf(t, rows, classes, stats, nil, PlanOptions{Classes: []string{"cat"}, Sampling: SuperlabelSampling, ImagesPerClass: 1})
	if len(p.Samples) != 1 {
		t.Errorf("a picture without labels takes no class: %+v", p.Classes[3])
	}
}

func TestSceneSamplingPrefersCompanyAndRoom(t *testing.T) {
	classes := []datasets.Class{{ID: 1, Name: "boat"}, {ID: 2, Name: "sea"}, {ID: 3, Name: "desk"}}
	mean := int64(math.Round(math.Log(0.3) * 1e6))
	stats := &Statistics{Images: 300, ByID: map[int64]*ClassStatistics{
		1: {Images: 50, Instances: 50, LogScale: 50 * mean, With: map[int64]int64{2: 50}},
		2: {Images: 100, Instances: 100, LogScale: 100 * mean, With: map[int64]int64{1: 50}},
		3: {Images: 100, Instances: 100, LogScale: 100 * mean}}}
	var rows []SceneRow
	for i := range 300 {
		r := SceneRow{Key: fmt.Sprint(i), ImageID: int64(i), Width: 640, Height: 480, Categories: []int64{int64(2 + i%2)}, Annotations: 1}
		if i%4 == 0 {
			r.Annotations = 20 // a crowded sea
		}
		rows = append(rows, r)
	}
	p := planOf(t, rows, classes, stats, nil, PlanOptions{Classes: []string{"boat"}, Sampling: SceneSampling, ImagesPerClass: 60})
	var sea, crowded int
	for _, s := range p.Samples {
		r := rows[s.Bases[0]]
		if r.Categories[0] == 2 {
			sea++
		}
		if r.Annotations == 20 {
			crowded++
		}
	}
	if sea < 50 || crowded > 15 {
		t.Errorf("of 60 boats %d are put to sea, %d of them where there is no room", sea, crowded)
	}
}

func TestClassesThatGetLessSayWhy(t *testing.T) {
	rows, classes, stats := world(20, 3, func(c int) int { return []int{0, 2, 400, 5}[c] })
	o := PlanOptions{Classes: []string{"all"}, NewOnly: true, ImagesPerClass: 2}
	p := planOf(t, rows, classes, stats, map[int64]int{1: 4, 2: 1}, o)
	checkPlan(t, p, rows, classes, o)
	for i, want := range []string{"", "every picture that may be touched shows it already", "no usable cut-out"} {
		if p.Classes[i].Note != want {
			t.Errorf("class %d: %q, want %q", i+1, p.Classes[i].Note, want)
		}
	}
	o.Exclude = func(*SceneRow) bool { return true }
	p = planOf(t, rows, classes, stats, nil, o)
	if len(p.Samples) != 0 || p.Excluded != 20 || p.Classes[0].Note != "no picture may be touched" {
		t.Errorf("%d samples, %+v", len(p.Samples), p.Classes[0])
	}
	o.Sampling, o.Exclude, o.NewOnly, o.Classes = SuperlabelSampling, nil, false, []string{"thing 1 (kind)"}
	for i := range rows {
		rows[i].Categories = []int64{2}
	}
	if p = planOf(t, rows, classes, stats, nil, o); len(p.Samples) != 2 {
		t.Errorf("no picture shows a supercategory that is made, and only %d samples are planned", len(p.Samples))
	}
}

func TestRepeatsAndLongKeysStayKeys(t *testing.T) {
	long := strings.Repeat("ä", 40) // 80 bytes
	rows := []SceneRow{{Key: long, ImageID: 1, Width: 9, Height: 9, Annotations: 3, MaxAnnotationID: 12},
		{Key: "a", ImageID: 2, Width: 9, Height: 9}, {Key: "a_1_0", ImageID: 900, Width: 9, Height: 9}}
	classes := []datasets.Class{{ID: 1, Name: "thing_1_(kind)"}}
	o := PlanOptions{Classes: []string{"all"}, ImagesPerClass: 9, Attempts: 2}
	p := planOf(t, rows, classes, nil, nil, o)
	checkPlan(t, p, rows, classes, o)
	if len(p.Samples) != 9 || p.Samples[0].ImageID != 901 {
		t.Errorf("%d samples from image id %d on", len(p.Samples), p.Samples[0].ImageID)
	}
	seeds := map[uint64]bool{}
	for i := range p.Samples {
		for attempt := range 2 {
			seeds[p.Samples[i].AttemptSeed(attempt)] = true
		}
	}
	if len(seeds) != 18 {
		t.Errorf("%d different seeds of 18", len(seeds))
	}
}

func TestOptionsAndRowsThatCannotBeAreRefused(t *testing.T) {
	rows, classes, stats := world(20, 5, tail)
	classes[1].Name, classes[1].Synonyms = "sofa", []string{"couch"}
	change := func(f func(r *SceneRow)) []SceneRow {
		list := slices.Clone(rows)
		f(&list[3])
		return list
	}
	bare := slices.Clone(classes)
	bare[2].Supercategory = ""
	for _, c := range []struct {
		name    string
		rows    []SceneRow
		classes []datasets.Class
		o       PlanOptions
		want    fault.Code
		text    string
	}{
		{"no quota", rows, classes, PlanOptions{}, fault.Usage, "exactly one"},
		{"two quotas", rows, classes, PlanOptions{Budget: 1, TargetImages: 1}, fault.Usage, "exactly one"},
		{"a negative quota", rows, classes, PlanOptions{Budget: -1}, fault.Usage, "-1"},
		{"a sampling", rows, classes, PlanOptions{Budget: 1, Sampling: "random"}, fault.Usage, "superlabel"},
		{"attempts", rows, classes, PlanOptions{Budget: 1, Attempts: -2}, fault.Usage, "-2"},
		{"a class", rows, classes, PlanOptions{Budget: 1, Classes: []string{"sopha"}}, fault.Usage, `did you mean "sofa"`},
		{"a synonym", rows, classes, PlanOptions{Budget: 1, Classes: []string{"couch"}}, fault.Usage, `did you mean "sofa"`},
		{"a group", rows, classes, PlanOptions{Budget: 1, Classes: []string{"zebra crossing"}}, fault.Usage, "rare, common, frequent"},
		{"no supercategory", rows, bare, PlanOptions{Budget: 1, Sampling: SuperlabelSampling}, fault.Usage, "uniform or scene"},
		{"an image id twice", change(func(r *SceneRow) { r.ImageID = 7 }), classes, PlanOptions{Budget: 1}, fault.Conflict, "7"},
		{"a key twice", change(func(r *SceneRow) { r.Key = rows[0].Key }), classes, PlanOptions{Budget: 1}, fault.Conflict, rows[0].Key},
		{"a category", change(func(r *SceneRow) { r.Categories = []int64{99} }), classes, PlanOptions{Budget: 1}, fault.InvalidAnnotation, "99"},
		{"disorder", change(func(r *SceneRow) { r.Categories = []int64{2, 1} }), classes, PlanOptions{Budget: 1}, fault.InvalidAnnotation, "rising"},
		{"no pixels", change(func(r *SceneRow) { r.Width = 0 }), classes, PlanOptions{Budget: 1}, fault.InvalidAnnotation, "0 x"},
		{"a class twice", rows, append(classes[:5:5], classes[0]), PlanOptions{Budget: 1}, fault.Conflict, "id 1"},
	} {
		if _, err := NewPlan(c.rows, c.classes, stats, nil, c.o); fault.CodeOf(err) != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s with %q", c.name, err, c.want, c.text)
		}
	}
	for _, name := range []string{"SOFA", "thing 3 (kind)", "thing_3_(kind)", "r", "Rare"} {
		if _, err := NewPlan(rows, classes, stats, nil, PlanOptions{Budget: 1, Classes: []string{name}}); err != nil {
			t.Error(err)
		}
	}
}

func TestAPlanIsShownAsText(t *testing.T) {
	rows, classes, stats := world(300, 40, tail)
	p := planOf(t, rows, classes, stats, map[int64]int{1: 3, 2: 1, 6: 2, 7: 9}, PlanOptions{Classes: []string{"rare"}, ImagesPerClass: 100})
	var b strings.Builder
	if err := p.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"300 synthetic images from 300 pictures\n", "rare ", "thing_1_(kind) ", " r>f ", "+++", "no usable cut-out\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	before, after, planned := 0, 0, 0
	for _, g := range p.Groups() {
		before, after, planned = before+g.Before, after+g.After, planned+g.ImagesPlanned
	}
	if before != 40 || after != 40 || planned != 300 {
		t.Errorf("groups %+v", p.Groups())
	}
}

// A plan of LVIS's size takes seconds and far less than 200 MB.
func BenchmarkPlan(b *testing.B) {
	rows, classes, stats := world(100000, 1203, func(c int) int { return []int{5, 60, 2900}[c%3] })
	for _, sampling := range Samplings {
		for name, o := range map[string]PlanOptions{
			"budget": {Budget: 100000, Classes: []string{"rare"}}, "class": {ImagesPerClass: 300, Classes: []string{"rare"}}, "target": {TargetImages: 100, Classes: []string{"all"}},
		} {
			o.Sampling, o.Attempts = sampling, 4
			b.Run(sampling+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := NewPlan(rows, classes, stats, nil, o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
