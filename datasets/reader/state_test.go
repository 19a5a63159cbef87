package reader

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// plainOrder is what a shuffled epoch delivers, as IDs.
func plainOrder(t testing.TB, o Options, samples, epoch int64) []int64 {
	t.Helper()
	ord, err := newOrder(&o, samples, epoch)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for i := range ord.places {
		id, _ := ord.at(i)
		ids = append(ids, id)
	}
	return ids
}

// deal plays ranks without pictures: each takes as many of its places as drawn.
func deal(t *rapid.T, s State, places int64, world int) (taken []int64, got []int64) {
	open := s.open(places)
	for r := range world {
		mine := (open - int64(r) + int64(world) - 1) / int64(world)
		n := rapid.Int64Range(0, max(mine, 0)).Draw(t, "taken")
		taken = append(taken, n)
		for j := range n {
			got = append(got, s.place(int64(r)+j*int64(world)))
		}
	}
	return taken, got
}

func TestAnyNumberOfRanksGoesThroughEveryPlaceOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.Int64Range(1, 300).Draw(t, "places")
		var s State
		var all []int64
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			world := rapid.IntRange(1, 7).Draw(t, "world")
			taken, got := deal(t, s, places, world)
			all = append(all, got...)
			states := make([]State, world)
			for r := range states {
				states[r] = s
				states[r].World, states[r].Rank, states[r].Taken = world, r, taken[r]
			}
			rand.New(rand.NewPCG(1, 2)).Shuffle(world, func(i, j int) { states[i], states[j] = states[j], states[i] })
			var err error
			if s, err = Merge(states...); err != nil {
				t.Fatal(err)
			}
		}
		for k := range s.open(places) {
			all = append(all, s.place(k))
		}
		slices.Sort(all)
		for i, p := range all {
			if int64(i) != p || int64(len(all)) != places {
				t.Fatalf("the places gone through are %d", all)
			}
		}
	})
}

func TestRanksShareTheOneOrder(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 70, 16, 16), 3, "webdataset")
	o := Options{Seed: 3, Batch: 4, Shuffle: true, Augment: "random_resized_crop(8) | flip"}
	whole := take(t, open(t, dir, o), -1)
	for _, world := range []int{2, 3, 5} {
		got := make([]row, len(whole))
		for rank := range world {
			o.World, o.Rank = world, rank
			for j, x := range take(t, open(t, dir, o), -1) {
				got[rank+j*world] = x
			}
		}
		differ(t, "ranks", got, whole)
	}
	ids := make([]int64, len(whole))
	for i, x := range whole {
		ids[i] = x.id
	}
	if want := plainOrder(t, o, 70, 0); !slices.Equal(ids, want) {
		t.Errorf("order %d, want %d", ids, want)
	}
}

// Readers stop at random batches, and others go on, in another number.
func TestReadersGoOnExactlyWhereOthersStopped(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 60, 12, 12), 2, "webdataset")
	damage(t, dir, 60, 7, 31) // two samples break on the way
	o := Options{Seed: 11, Batch: 3, Shuffle: true, Augment: "pad_crop(2) | flip"}
	sorted := func(rows []row) []row {
		slices.SortFunc(rows, func(a, b row) int { return int(a.id - b.id) })
		return rows
	}
	whole := take(t, open(t, dir, o), -1)
	rng := rand.New(rand.NewPCG(5, 5))
	for range 8 {
		var s *State
		var got []row
		for stage := range 4 {
			world := 1 + rng.IntN(4)
			states := make([]State, world)
			for rank := range world {
				o.World, o.Rank = world, rank
				r := open(t, dir, o)
				if s != nil {
					if err := r.Restore(viaJSON(t, *s)); err != nil {
						t.Fatal(err)
					}
				}
				limit := rng.IntN(4)
				if stage == 3 {
					limit = -1
				}
				part := take(t, r, limit)
				got = append(got, part...)
				states[rank] = r.State()
				r.Close()
				if world == 1 && stage == 0 {
					differ(t, "one reader that stopped", part, whole[:len(part)])
				}
			}
			m, err := Merge(states...)
			if err != nil {
				t.Fatal(err)
			}
			if s = &m; m.Delivered != int64(len(got)) {
				t.Errorf("the state counts %d delivered, there are %d", m.Delivered, len(got))
			}
		}
		if s.Skipped != 2 {
			t.Errorf("%d samples left out, want 2", s.Skipped)
		}
		differ(t, "stops and starts", sorted(got), sorted(slices.Clone(whole)))
	}
}

func viaJSON(t *testing.T, s State) State {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 1000 {
		t.Errorf("a state of %d bytes: %s", len(b), b)
	}
	var out State
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStatesOfOtherRunsAreRefused(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 20, 8, 8), 1, "webdataset")
	r := open(t, dir, Options{Seed: 1, Batch: 2, Shuffle: true})
	take(t, r, 2)
	good := r.State()
	if err := r.Restore(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*State)
		want   fault.Code
	}{
		"another seed":        {func(s *State) { s.Seed++ }, fault.Conflict},
		"other keys":          {func(s *State) { s.Keys = "x" }, fault.Conflict},
		"another rank":        {func(s *State) { s.World, s.Rank = 3, 1 }, fault.Usage},
		"a place behind all":  {func(s *State) { s.Base = 21 }, fault.Usage},
		"nothing of the kind": {func(s *State) { s.Epoch = -1 }, fault.Usage},
	} {
		s := good
		c.change(&s)
		if err := r.Restore(s); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	two := []State{good, good}
	two[0].World, two[1].World, two[1].Rank = 2, 2, 1
	if _, err := Merge(two...); err != nil {
		t.Error(err)
	}
	for name, list := range map[string][]State{"none": nil, "one of two": two[:1], "one twice": {two[0], two[0]}} {
		if _, err := Merge(list...); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACancelledNextLeavesTheReaderWhereItIs(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 20, 8, 8), 1, "webdataset")
	r := open(t, dir, Options{Batch: 5, Shuffle: true})
	want := take(t, r, -1)
	if err := r.Epoch(0); err != nil {
		t.Fatal(err)
	}
	got := take(t, r, 1)
	before := r.State()
	ctx, cancel := contextCancelled()
	defer cancel()
	if b, err := r.Next(ctx); err == nil {
		got = append(got, rowsOf(b)...) // it was there already
	} else if s := r.State(); s.Taken != before.Taken {
		t.Errorf("the reader moved to %+v", s)
	}
	got = append(got, take(t, r, -1)...)
	differ(t, "a cancelled call", got, want)
	if _, err := r.Next(t.Context()); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
}
