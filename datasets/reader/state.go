package reader

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// State is where a reader stands in an epoch. It is small, and may be kept as
// JSON in a checkpoint.
type State struct {
	Keys  string `json:"keys"` // digest of the split's keys
	Seed  uint64 `json:"seed"`
	Epoch int64  `json:"epoch"`
	// Base is the first place of the epoch that was open when World ranks began to
	// share it, Ahead the places behind it that were not, in rising order.
	Base  int64   `json:"base"`
	Ahead []int64 `json:"ahead,omitempty"`
	// World is the number of ranks and Rank this one's; World is 0 where nothing
	// was taken since Base.
	World int `json:"world"`
	Rank  int `json:"rank"`
	// Taken is how many of its places the rank has been through.
	Taken int64 `json:"taken"`
	// Delivered and Skipped count the samples of this epoch.
	Delivered int64 `json:"delivered"`
	Skipped   int64 `json:"skipped"`
}

// place maps the k-th open place to the epoch's place.
func (s *State) place(k int64) int64 {
	p := s.Base + k
	for _, a := range s.Ahead {
		if a > p {
			break
		}
		p++
	}
	return p
}

// open is the number of open places of an epoch that has that many places.
func (s *State) open(places int64) int64 {
	return max(0, places-s.Base-int64(len(s.Ahead)))
}

// Merge makes one State of those of all ranks, each once, so that any number of
// ranks can go on from it. The ranks need not be equally far.
func Merge(states ...State) (State, error) {
	if len(states) == 0 {
		return State{}, fault.New(fault.Usage, "reader: no state to merge")
	}
	first := states[0]
	if first.World == 0 && len(states) == 1 {
		return first, nil
	}
	taken := make([]int64, first.World)
	for i := range taken {
		taken[i] = -1
	}
	out := State{Keys: first.Keys, Seed: first.Seed, Epoch: first.Epoch, Base: first.Base, Ahead: first.Ahead}
	for _, s := range states {
		if s.Keys != out.Keys || s.Seed != out.Seed || s.Epoch != out.Epoch || s.World != first.World || s.Base != out.Base || !slices.Equal(s.Ahead, out.Ahead) {
			return State{}, fault.New(fault.Usage, "reader: the states of ranks %d and %d are not of one epoch of one run", first.Rank, s.Rank)
		}
		if s.Rank < 0 || s.Rank >= first.World || taken[s.Rank] >= 0 || s.Taken < 0 {
			return State{}, fault.New(fault.Usage, "reader: rank %d of %d is not there, or comes twice", s.Rank, first.World)
		}
		taken[s.Rank] = s.Taken
		out.Delivered, out.Skipped = out.Delivered+s.Delivered, out.Skipped+s.Skipped
	}
	if len(states) != first.World {
		return State{}, fault.New(fault.Usage, "reader: %d states, the epoch was shared by %d ranks", len(states), first.World)
	}
	return out.after(taken), nil
}

// after moves s past what each rank has taken.
func (s State) after(taken []int64) State {
	world := int64(len(taken))
	open := taken[0] * world // the first open place that nobody has taken
	for r, n := range taken {
		open = min(open, int64(r)+n*world)
	}
	next := s
	next.Base, next.Ahead = s.place(open), nil
	for _, a := range s.Ahead {
		if a > next.Base {
			next.Ahead = append(next.Ahead, a)
		}
	}
	for r, n := range taken {
		for k := int64(r) + (n-1)*world; k > open; k -= world {
			next.Ahead = append(next.Ahead, s.place(k))
		}
	}
	slices.Sort(next.Ahead)
	return next
}

// State says where the reader stands: behind the last batch that Next returned.
func (r *Reader) State() State { return r.at }

// Restore goes on where s was taken, also with another number of ranks: s is then
// what Merge makes of all of them (a State of one rank alone needs no Merge). A
// State of other keys or another seed is fault.Conflict, of another rank
// fault.Usage.
func (r *Reader) Restore(s State) error {
	if s.Keys != r.index.digest || s.Seed != r.opt.Seed {
		return fault.New(fault.Conflict, "reader: the state is of the keys %s and the seed %d, this is %s and %d", s.Keys, s.Seed, r.index.digest, r.opt.Seed)
	}
	if s.Epoch < 0 || s.Base < 0 || s.Taken < 0 || s.World < 0 || !slices.IsSorted(s.Ahead) {
		return fault.New(fault.Usage, "reader: no state of a reader: %+v", s)
	}
	if s.World == 1 && r.opt.World != 1 {
		var err error
		if s, err = Merge(s); err != nil {
			return err
		}
	}
	switch {
	case s.World == 0:
		s.World, s.Rank, s.Taken = r.opt.World, r.opt.Rank, 0
		if r.opt.Rank > 0 {
			s.Delivered, s.Skipped = 0, 0 // rank 0 goes on counting, so that sums stay right
		}
	case s.World != r.opt.World:
		return fault.New(fault.Usage, "reader: the state is of one of %d ranks, here are %d: Merge those of all ranks", s.World, r.opt.World)
	case s.Rank != r.opt.Rank:
		return fault.New(fault.Usage, "reader: the state is of rank %d, this is rank %d", s.Rank, r.opt.Rank)
	}
	return r.start(s)
}
