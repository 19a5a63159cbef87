package removal

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestWriteSeedsSortsByKey(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := WriteSeeds(&b, []Seed{
		{"000000000009", []Pair{{"r/9.ann2.png", "o/9.jpg", "add a <man> & \"dog\""}, {"r/9.ann1.png", "o/9.jpg", "add a dog"}}},
		{"000000000005", nil},
		{"000000000004", []Pair{{"r/4.ann1.png", "o/4.jpg", "add two cats"}}},
	})
	want := `[
["000000000004",[{"image_0_dir":"r/4.ann1.png","image_1_dir":"o/4.jpg","edit":"add two cats"}]],
["000000000009",[{"image_0_dir":"r/9.ann2.png","image_1_dir":"o/9.jpg","edit":"add a <man> & \"dog\""},{"image_0_dir":"r/9.ann1.png","image_1_dir":"o/9.jpg","edit":"add a dog"}]]
]
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := WriteSeeds(&b, nil); err != nil || b.String() != "[\n]\n" {
		t.Errorf("no seeds: %v, %q", err, b.String())
	}
}

func TestWriteSeedsRefusesWhatIsAmbiguous(t *testing.T) {
	t.Parallel()
	pair := []Pair{{"a", "b", "c"}}
	for want, seeds := range map[fault.Code][]Seed{
		fault.Conflict: {{"k", pair}, {"j", pair}, {"k", pair}},
		fault.Usage:    {{"k", []Pair{{"", "b", "c"}}}},
	} {
		var b bytes.Buffer
		if err := WriteSeeds(&b, seeds); fault.CodeOf(err) != want || b.Len() > 0 {
			t.Errorf("%v: %v, %d bytes", want, err, b.Len())
		}
	}
}

// Of 10000 pictures a share of 5 % has a spread of 22.
func TestHoldoutKeepsItsShare(t *testing.T) {
	t.Parallel()
	n, both := 0, 0
	for i := range 10000 {
		key := fmt.Sprintf("%012d", i)
		if Holdout(1, key, 0.05) {
			n++
			if Holdout(2, key, 0.05) {
				both++
			}
			if !Holdout(1, key, 0.1) {
				t.Fatalf("%s is in 5 %% and not in 10 %%", key)
			}
		}
		if Holdout(1, key, 0) || !Holdout(1, key, 1) {
			t.Fatalf("%s: none or all", key)
		}
	}
	if n < 390 || n > 610 || both > 60 {
		t.Errorf("%d of 10000 for one seed, %d for two", n, both)
	}
}
