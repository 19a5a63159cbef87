package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
)

// sewnExample is a synthetic sample with everything that can be told of one.
func sewnExample() *datasets.Example {
	iou := 0.9137
	truth, found := datasets.Box{310.5, 200, 84, 61.25}, datasets.Box{311, 199, 84, 63}
	seg := &datasets.Segmentation{Polygons: [][]float64{{310, 200, 394, 200, 394, 261}}}
	return &datasets.Example{
		Key: "000000001009-s7f3a", Split: "train", Width: 640, Height: 480, OriginalWidth: 640, OriginalHeight: 480,
		Source: datasets.Origin{Name: "train-000000.tar", Offset: 123456, Bytes: 45678, SHA256: strings.Repeat("ab", 32)},
		Image:  make([]byte, 51234), Ext: "jpg",
		Annotations: &[]datasets.Annotation{
			{ID: 20001, CategoryID: 1, BBox: datasets.Box{10, 10, 50, 50}, Area: 2000, Segmentation: seg},
			{ID: 20002, CategoryID: 1, BBox: datasets.Box{90, 10, 50, 50}, Area: 2000, IsCrowd: 1,
				Segmentation: &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{480, 640}, Counts: "x"}}},
			{ID: 1 << 40, CategoryID: 14, BBox: truth, Area: 2871.5},
		},
		NegCategoryIDs: &[]int64{3, 5}, NotExhaustiveCategoryIDs: &[]int64{1},
		Synthetic: &datasets.Synthetic{
			BaseKey: "000000001009", BaseSHA256: strings.Repeat("cd", 32), CategoryID: 14, Annotation: 1 << 40, Prompt: "Add a bolt",
			Generator: datasets.GeneratorIdentity{Name: "copy_paste", Version: "1"}, Seed: 17446744073709551615, Attempt: 1, Steps: 100, Guidance: 7.5,
			Localiser: "difference", Score: 0.97,
			Verdicts: []datasets.Verdict{{Check: "min_area", Value: 0.00934, Limit: 0.001, OK: true}, {Check: "overlap", Value: 0.61, Limit: 0.5}},
			Donor:    &datasets.Donor{Key: "000000001100", AnnotationID: 20044, SHA256: strings.Repeat("ef", 32), Scale: 0.83, Flipped: true, Blend: "feather", X: 310, Y: 200},
			Truth:    &datasets.Truth{BBox: truth, Area: 2871.5, Segmentation: seg}, Found: &found, FoundIoU: &iou,
		},
	}
}

func stories(t *testing.T) map[string]*datasets.Example {
	label := 1
	class := sample(t, "n01440764_10026")
	class.Label, class.Wnid, class.Name = &label, "n01440764", "tench"
	refs := sample(t, "000000000002")
	refs.Refs = &[]datasets.Referred{{RefID: 1, AnnID: 2, CategoryID: 14, Sentences: []datasets.Sentence{{Sent: "the left one"}, {Sent: "left \x1b[31mbolt"}}}}
	removal := sample(t, "000000000003")
	removal.Annotations = &[]datasets.Annotation{}
	removal.Source = datasets.Origin{Name: "evil\x1b[2J\nname", Bytes: 12}
	removal.Edits = []datasets.Edit{{Name: "edit0", Instruction: "Add a bolt", CategoryID: 14, Count: 1, MaskFraction: 0.0312, Inpaint: "telea"},
		{Name: "edit1", Instruction: "Add two discs", CategoryID: 1, Count: 2, MaskFraction: 0.2, Inpaint: "patchmatch"}}
	served := sewnExample()
	served.Synthetic.Donor, served.Synthetic.Truth, served.Synthetic.Found, served.Synthetic.FoundIoU = nil, nil, nil, nil
	served.Synthetic.Generator = datasets.GeneratorIdentity{Name: "served", Version: "ip2p", WeightsSHA256: strings.Repeat("12", 32)}
	served.Synthetic.Verdicts = nil
	served.Synthetic.Rejected, served.Synthetic.Message = "drift", "the rest of the picture changed by 0.08, at most 0.05 is allowed"
	return map[string]*datasets.Example{"classification": class, "referring": refs, "removal": removal, "copy_paste": sewnExample(), "served": served}
}

func TestStoriesAreAsBefore(t *testing.T) {
	for name, ex := range stories(t) {
		got := []byte(report.Story(ex, datasets.Class{ID: 1, Name: "disc"}, datasets.Class{ID: 14, Name: "bolt"}))
		golden := filepath.Join("testdata", "story_"+name+".txt")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the story differs from %s, -update rewrites it:\n%s", golden, got)
		}
		if bytes.ContainsAny(got, "\x1b\r") {
			t.Errorf("%s: the story holds control characters", name)
		}
	}
}

func TestAStoryNeedsNoNames(t *testing.T) {
	t.Parallel()
	if got := report.Story(sewnExample()); !strings.Contains(got, "one object of class 14 was added") {
		t.Errorf("the story does not name the class:\n%s", got)
	}
	if got := report.Story(&datasets.Example{}); !strings.Contains(got, "no class") {
		t.Errorf("the story of nothing:\n%s", got)
	}
}
