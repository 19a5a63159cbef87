package training

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// taken is a copy of a batch.
type taken struct {
	Keys           []string
	IDs, Labels    []int64
	Images, Second []float32
}

func next(t *testing.T, d *InMemory, want int) (taken, bool) {
	t.Helper()
	b := Batch{Want: want, Views: 2}
	err := d.Next(context.Background(), &b)
	if errors.Is(err, io.EOF) {
		return taken{}, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return taken{slices.Clone(b.Keys), slices.Clone(b.IDs), slices.Clone(b.Labels.Int64s()), slices.Clone(b.Images.Float32s()), slices.Clone(b.Second.Float32s())}, true
}

func TestInMemoryGoesOnFromItsState(t *testing.T) {
	t.Parallel()
	s := drawn(23, 1)
	s.Shuffle, s.Pad, s.Flip = true, 2, true
	d := source(t, s)
	if err := d.Epoch(3); err != nil {
		t.Fatal(err)
	}
	for {
		state, err := d.State()
		if err != nil {
			t.Fatal(err)
		}
		other := source(t, s)
		if err := other.Restore(state); err != nil {
			t.Fatal(err)
		}
		a, ok := next(t, d, 5)
		b, also := next(t, other, 5)
		if d := cmp.Diff(a, b); d != "" || ok != also {
			t.Fatalf("%v, %v: %s", ok, also, d)
		}
		if !ok {
			break
		}
	}
	for _, state := range []string{"", "{", `{"epoch":-1}`, `{"next":24}`} {
		if err := d.Restore([]byte(state)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%q: %v", state, err)
		}
	}
}

func TestEpochsDifferAndHoldEverySampleOnce(t *testing.T) {
	t.Parallel()
	s := drawn(23, 1)
	s.Shuffle, s.Pad, s.Flip = true, 2, true
	d := source(t, s)
	var orders [2][]int64
	images := map[int64][]float32{}
	for epoch := range orders {
		if err := d.Epoch(int64(epoch)); err != nil {
			t.Fatal(err)
		}
		for b, ok := next(t, d, 10); ok; b, ok = next(t, d, 10) {
			orders[epoch] = append(orders[epoch], b.IDs...)
			for i, id := range b.IDs {
				if s.Keys[id] != b.Keys[i] || s.Labels[id] != b.Labels[i] {
					t.Errorf("sample %d is %s", id, b.Keys[i])
				}
				images[id] = append(images[id], b.Images[i*192:(i+1)*192]...)
				images[id] = append(images[id], b.Second[i*192:(i+1)*192]...)
			}
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("two epochs have one order")
	}
	for _, o := range orders {
		slices.Sort(o)
		if len(o) != 23 || len(slices.Compact(o)) != 23 {
			t.Errorf("order %v", o)
		}
	}
	views, epochs := 0, 0
	for _, v := range images {
		if slices.Equal(v[:192], v[192:384]) {
			views++
		}
		if slices.Equal(v[:192], v[384:576]) {
			epochs++
		}
	}
	if views > 5 || epochs > 5 {
		t.Errorf("of 23 images %d have equal views, %d are equal in both epochs", views, epochs)
	}
}

// The definition: pad with zeros after normalising, cut at (Pad+dx, Pad+dy), flip.
func TestAugmentationIsAMoveAndAFlip(t *testing.T) {
	t.Parallel()
	s := drawn(40, 1)
	s.Deviation = [3]float32{}
	plain := source(t, s)
	s.Pad, s.Flip = 2, true
	moved := source(t, s)
	at := func(v []float32, c, y, x int) float32 {
		if x < 0 || y < 0 || x >= side || y >= side {
			return 0
		}
		return v[(c*side+y)*side+x]
	}
	seen := map[[3]int]bool{}
	a, _ := next(t, plain, 40)
	b, _ := next(t, moved, 40)
	for i := range 40 {
		from, to := a.Images[i*192:(i+1)*192], b.Images[i*192:(i+1)*192]
		if want := (float32(s.Pixels[i*192+3*9+1])/255 - 0.5); at(from, 1, 1, 1) != want {
			t.Fatalf("pixel %g, want %g", at(from, 1, 1, 1), want)
		}
		found := false
		for code := range 50 {
			dx, dy, flip := code%5-2, code/5%5-2, code/25
			ok := true
			for j := range to {
				c, y, x := j/64, j/8%8, j%8
				if flip == 1 {
					x = side - 1 - x
				}
				ok = ok && to[j] == at(from, c, y+dy, x+dx)
			}
			if ok {
				found, seen[[3]int{dx, dy, flip}] = true, true
			}
		}
		if !found {
			t.Errorf("image %d was not moved and flipped only", i)
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d kinds of moves in 40 images", len(seen))
	}
}

func TestImagesThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *ImageSet){
		"pixels": func(s *ImageSet) { s.Pixels = s.Pixels[1:] },
		"keys":   func(s *ImageSet) { s.Keys = s.Keys[1:] },
		"label":  func(s *ImageSet) { s.Labels[3] = 3 },
		"size":   func(s *ImageSet) { s.Height = 0 },
		"pad":    func(s *ImageSet) { s.Pad = -1 },
	} {
		s := drawn(5, 1)
		change(&s)
		if _, err := NewInMemory(s); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
