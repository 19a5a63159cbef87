package removal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

func TestASingleObjectIsAddedWithA(t *testing.T) {
	t.Parallel()
	edits, _ := plan(t, remover(t, Options{}), detection("k", 64, 48, block(3, 7, 10, 10, 5, 5)))
	e := edits[0]
	if e.Instruction != "add a flip-flop (sandal)" || e.Label != "flip-flop (sandal)" || e.Name != "ann3" || e.Count != 1 ||
		e.CategoryID != 7 || e.Inpaint != "telea/1 radius=3" {
		t.Errorf("%+v", e)
	}
}

// Of 4000 draws a half has a spread of 32, a quarter of 27.
func TestInstructionsAreDrawnWithEvenOdds(t *testing.T) {
	t.Parallel()
	r := remover(t, Options{Seed: 1, Source: "coco"})
	counts := map[string]int{}
	for i := range 4000 {
		ex := detection(fmt.Sprint(i), 1, 1)
		counts[countInstruction("bow-tie", 1, r.rand(ex, "instruction/ann1"))]++
		counts[countInstruction("bow-tie", 3, r.rand(ex, "instruction/cat9_k3"))]++
	}
	for text, want := range map[string]int{
		"add a bow-tie": 2000, "add one bow-tie": 2000,
		"add 3 bow-tie": 1000, "add 3 bow-ties": 1000, "add three bow-tie": 1000, "add three bow-ties": 1000,
	} {
		if n := counts[text]; n < want-150 || n > want+150 {
			t.Errorf("%q: %d times, want about %d", text, n, want)
		}
		delete(counts, text)
	}
	if len(counts) > 0 {
		t.Errorf("also %v", counts)
	}
}

func TestAReferringEditSaysOneOfTheExpressions(t *testing.T) {
	t.Parallel()
	a := block(4, 1, 10, 10, 5, 5)
	r := remover(t, Options{Mode: Both, Source: "refcoco"})
	said := map[string]bool{}
	for i := range 40 {
		id := int64(5)
		refs := []datasets.Referred{{RefID: 8, AnnID: 4, CategoryID: 1, BBox: a.BBox, Area: a.Area, Segmentation: a.Segmentation,
			Sentences: []datasets.Sentence{{Sent: "a man  in red"}, {Sent: "left man"}, {Raw: "Typed"}}}}
		ex := &datasets.Example{Key: fmt.Sprint(i), Width: 64, Height: 48, ImageID: &id, Refs: &refs}
		edits, _ := plan(t, r, ex)
		if len(edits) != 1 || edits[0].Name != "ref8" || edits[0].AnnotationIDs[0] != 4 || SeedKey("refcoco", ex) != "refcoco_5" {
			t.Fatalf("%+v", edits)
		}
		said[edits[0].Instruction] = true
	}
	for _, want := range []string{"add a man in red", "add a left man", "add a Typed"} {
		if !said[want] || len(said) != 3 {
			t.Errorf("%q is not among %v", want, said)
		}
	}
}

func TestReferringInstruction(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a cat": "add a cat", "banana a day": "add a banana a day", " a  a dog ": "add a dog", "": "add a", "the a a x": "add a the a x",
	} {
		if got := referringInstruction(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMirrorSwapsSides(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"add a left man":               "add a right man",
		"add a Rightmost cup":          "add a Leftmost cup",
		"add a LEFT one right of that": "add a RIGHT one left of that",
		"add a left-hand door":         "add a right-hand door",
		"add a bright cleft thing":     "add a bright cleft thing",
	} {
		got, sided := Mirror(in)
		if got != want || sided != (in != want) {
			t.Errorf("%q: %q, %v", in, got, sided)
		}
		if back, _ := Mirror(got); back != in {
			t.Errorf("%q comes back as %q", in, back)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for _, c := range strings.Fields(`person:people mouse:mice knife:knives giraffe:giraffes bus:buses glass:glasses toothbrush:toothbrushes
		bench:benches couch:couches teddy_bear:teddy_bears skis:skis scissors:scissors sheep:sheep goldfish:goldfish broccoli:broccoli
		fireman:firemen human:humans ottoman:ottomans pajamas:pajamas policewoman:policewomen box:boxes boy:boys pony:ponies tomato:tomatoes piano:pianos
		flip-flop_(sandal):flip-flops_(sandal) bunch_of_grapes:bunches_of_grapes bow-tie:bow-ties octopus:octopuses
		wine_glass:wine_glasses potted_plant:potted_plants handkerchief:handkerchiefs bookshelf:bookshelves penknife:penknives mongoose:mongooses hoodie:hoodies iris:irises Bible:Bibles`) {
		one, many, _ := strings.Cut(strings.ReplaceAll(c, "_", " "), ":")
		if got := Plural(one); got != many {
			t.Errorf("%q: %q, want %q", one, got, many)
		}
	}
	if got := Plural(""); got != "" {
		t.Errorf("nothing: %q", got)
	}
}

func TestNumberWord(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "zero", 2: "two", 13: "thirteen", 20: "twenty", 21: "twenty-one", 99: "ninety-nine",
		100: "one hundred", 305: "three hundred and five", 999: "nine hundred and ninety-nine", 1000: "1000", -1: "-1"} {
		if got := NumberWord(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
