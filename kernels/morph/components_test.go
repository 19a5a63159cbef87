package morph

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

// checkPartition tells whether the components part the foreground into pieces
// that are connected, do not touch, and are what their areas and boxes say.
func checkPartition(t *testing.T, b *Bitmap, labels []int32, parts []Component) {
	t.Helper()
	seen := make([]Component, len(parts))
	for i, v := range b.Pix[:b.Width*b.Height] {
		if (v != 0) != (labels[i] != 0) {
			t.Fatalf("pixel %d is %d and has label %d", i, v, labels[i])
		}
		if v == 0 {
			continue
		}
		x, y := int32(i%b.Width), int32(i/b.Width)
		seen[labels[i]-1].add(run{y: y, x0: x, x1: x + 1})
	}
	for i := range seen {
		c := &seen[i]
		c.Box[2] -= c.Box[0]
		c.Box[3] -= c.Box[1]
	}
	if !slices.Equal(seen, parts) {
		t.Fatalf("components %v, by their labels %v", parts, seen)
	}
	reached := flood(b, labels)
	for i, n := range reached {
		if n != parts[i].Area {
			t.Fatalf("component %d of %d pixels has %d connected ones", i, parts[i].Area, n)
		}
	}
}

// flood returns how many pixels are reached from each label's first pixel,
// without regard to labels: a component that touches another reaches more than
// its area, one in two pieces less.
func flood(b *Bitmap, labels []int32) []int {
	var reached []int
	visited := make([]bool, len(labels))
	started := map[int32]bool{}
	first := map[int32]int{}
	for i, l := range labels {
		if l == 0 || started[l] {
			continue
		}
		started[l] = true
		first[l] = i
	}
	for l := int32(1); int(l) <= len(first); l++ {
		n := 0
		stack := []int{first[l]}
		for len(stack) > 0 {
			p := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if visited[p] {
				continue
			}
			visited[p] = true
			n++
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					if x, y := p%b.Width+dx, p/b.Width+dy; b.at(x, y) {
						stack = append(stack, y*b.Width+x)
					}
				}
			}
		}
		reached = append(reached, n)
	}
	return reached
}

func TestComponentsPartTheForeground(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 1))
	var m Morpher
	var labels []int32
	var parts []Component
	for i := range 200 {
		b := speckle(r, 1+r.IntN(50), 1+r.IntN(30), []float64{0.05, 0.2, 0.4, 0.8}[i%4])
		labels, parts = m.Components(labels, b)
		checkPartition(t, b, labels, parts)
	}
}

func TestComponentsAreInOrderOfBlocks(t *testing.T) {
	t.Parallel()
	// The pixel of row 1 is in an earlier block than that of row 0.
	b := New(6, 3)
	b.Pix[0*6+4], b.Pix[1*6+1], b.Pix[2*6+5] = 1, 1, 1
	var m Morpher
	labels, parts := m.Components(nil, b)
	if labels[1*6+1] != 1 || labels[0*6+4] != 2 || labels[2*6+5] != 3 || len(parts) != 3 {
		t.Errorf("labels %v", labels)
	}
}

func TestDistanceIsExact(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 9))
	var m Morpher
	for i := range 120 {
		b := speckle(r, 1+r.IntN(30), 1+r.IntN(20), []float64{0.5, 0.95, 0.995}[i%3])
		got := m.Distance(nil, b)
		for p, v := range b.Pix {
			best := math.Inf(1)
			for q, u := range b.Pix {
				if u == 0 {
					dx, dy := p%b.Width-q%b.Width, p/b.Width-q/b.Width
					best = min(best, math.Sqrt(float64(dx*dx+dy*dy)))
				}
			}
			if got[p] != float32(best) {
				t.Fatalf("pixel %d of value %d is at %v, want %v in\n%s", p, v, got[p], best, dump(b))
			}
		}
	}
}

func TestOtsuIsOpenCVs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/otsu.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Values    []int
		Counts    []int64
		Threshold int
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for i, c := range cases {
		var hist [256]int64
		for j, v := range c.Values {
			hist[v] = c.Counts[j]
		}
		if got := Otsu(&hist); got != c.Threshold {
			t.Errorf("histogram %d parts at %d, want %d", i, got, c.Threshold)
		}
	}
	if got := Otsu(new([256]int64)); got != 0 {
		t.Errorf("no pixel parts at %d", got)
	}
}

func TestMasksGoThereAndBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	for range 50 {
		src := speckle(r, 1+r.IntN(40), 1+r.IntN(40), 0.4)
		mask, err := ToMask(src, nil)
		if err != nil {
			t.Fatal(err)
		}
		var back Bitmap
		if err := FromMask(&back, mask); err != nil {
			t.Fatal(err)
		}
		equal(t, "mask", &back, inverse(inverse(src)))
	}
	if err := FromMask(&Bitmap{}, rle.Mask{Height: 2, Width: 2, Counts: []uint32{5}}); err == nil {
		t.Error("a mask of five pixels made a picture of four")
	}
	if _, err := ToMask(&Bitmap{Width: 3, Height: 3, Pix: make([]byte, 8)}, nil); err == nil {
		t.Error("eight bytes made a picture of nine")
	}
}
