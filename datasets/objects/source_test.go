package objects

import (
	"context"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestAWindowStaysInItsPicture(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		box  datasets.Box
		want [4]int
	}{
		{datasets.Box{10, 20, 30, 40}, [4]int{6, 16, 38, 48}},
		{datasets.Box{0, 0, 100, 80}, [4]int{0, 0, 100, 80}},
		{datasets.Box{90.5, 70.5, 9.5, 9.5}, [4]int{89, 69, 11, 11}},
	} {
		x, y, w, h := window(c.box, 100, 80)
		if got := [4]int{x, y, w, h}; got != c.want {
			t.Errorf("%v: %v, want %v", c.box, got, c.want)
		}
	}
	if _, _, w, _ := window(datasets.Box{200, 10, 20, 20}, 100, 80); w > 0 {
		t.Error("a box outside the picture has a window")
	}
}

func TestOfASyntheticPictureOnlyTheAddedObjectIsTaken(t *testing.T) {
	t.Parallel()
	list := []datasets.Annotation{
		{ID: 1, BBox: datasets.Box{0, 0, 20, 20}}, {ID: 2, BBox: datasets.Box{5, 5, 20, 20}},
		{ID: 3, BBox: datasets.Box{0, 0, 20, 7}}, {ID: 4, BBox: datasets.Box{0, 0, 20, 20}, IsCrowd: 1},
	}
	ids := func(ex *datasets.Example) (out []int64) {
		for _, a := range chosen(ex) {
			out = append(out, a.ID)
		}
		return out
	}
	real := ids(&datasets.Example{Annotations: &list})
	if len(real) != 2 || real[0] != 1 || real[1] != 2 {
		t.Errorf("of a real picture: %v, want the objects that are large enough and no crowds", real)
	}
	made := ids(&datasets.Example{Annotations: &list, Synthetic: &datasets.Synthetic{Annotation: 2}})
	if len(made) != 1 || made[0] != 2 {
		t.Errorf("of a synthetic picture: %v", made)
	}
	if ids(&datasets.Example{}) != nil {
		t.Error("a picture without annotations has objects")
	}
}

func TestAnInputThatIsNoDatasetIsNamed(t *testing.T) {
	t.Parallel()
	err := Source{}.Plan(context.Background(), datasets.Inputs{"train": t.TempDir()}, &datasets.Planner{})
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}
